"""CLIP's tokens of a text: byte-pair encoding of lower-cased words (Radford et al., arXiv 2103.00020, section 2.4)."""

from __future__ import annotations

import functools
import gzip
import html
import importlib.resources
import itertools
import re
import sys
import unicodedata
from collections.abc import Sequence

import numpy as np

from kgv_jax.util.errors import UserError

VOCABULARY, CONTEXT = 49_408, 77
START, END = "<start_of_text>", "<end_of_text>"
# One symbol per byte, one per byte that ends a word, and the two marks; every merge adds one.
_SYMBOLS_WITHOUT_MERGES = 2 * 256 + 2

_ENTITY = re.compile("&#?[0-9A-Za-z]{1,24};")
_WIDE_OR_LIGATURE = re.compile("[\uff01-\uffef\ufb00-\ufb04\ufb06ĲĳŉǄ-ǌǱ-ǳ]")
_CONTROL = re.compile("\x1b\\[[0-9;]*[A-Za-z]|[\x00-\x08\x0b\x0e-\x1f\x7f\u206a-\u206f\ufff9-\ufffc\ufeff]")
_PLAIN = str.maketrans(
    {**dict.fromkeys("\u02bc\u2018\u2019\u201a\u201b", "'"), **dict.fromkeys("“”„‟", '"'), "\ufb05": "ſt"}
)
_WORD = re.compile(f"{START}|{END}|'s|'t|'re|'ve|'m|'ll|'d|[a-z]+|[0-9]|[^ a-z0-9]+")


def clean(text: str) -> str:
    """Returns `text` with plain quotes, widths and spaces, composed (NFC), unescaped and in lower case.

    The reference does this through ftfy. Its repair of text that was decoded with a wrong encoding is left out.
    """
    if "<" not in text:
        text = _ENTITY.sub(lambda match: html.unescape(match[0]), text)
    text = _WIDE_OR_LIGATURE.sub(lambda match: unicodedata.normalize("NFKC", match[0]), text).translate(_PLAIN)
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    text = unicodedata.normalize("NFC", _CONTROL.sub("", text))
    return " ".join(html.unescape(html.unescape(text)).split()).lower()


def split(text: str) -> list[str]:
    """Returns the words of a clean text: runs of letters, single digits, runs of other signs, and endings ('s).

    The reference's expression needs Unicode's classes L and N, which Python's `re` lacks. So the expression above runs
    over the kinds of the characters: "z" for any letter beyond ASCII, "0" for any digit, "*" for others.
    """
    kinds = "".join(map(_kind, text))
    return [text[match.start() : match.end()] for match in _WORD.finditer(kinds)]


def _kind(char: str) -> str:
    if char.isascii():
        return char
    # The reference ignores case: a long s is an s. U+0345, whose capital is a letter, counts as a space.
    if char in "ſ\u0345":
        return {"ſ": "s"}.get(char, " ")
    return {"L": "z", "N": "0"}.get(unicodedata.category(char)[0], "*")


def _byte_symbols() -> list[str]:
    """Returns the printable character that stands for each byte, GPT-2's way: the 188 printable ones as they are."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = iter(range(256, 512))
    return [chr(byte) if byte in printable else chr(next(others)) for byte in range(256)]


class Tokenizer:
    """Texts to tokens, by a list of merges in the order of their rank.

    Tokens are numbered in this order: bytes, bytes that end a word, merges, start, end. A text tower finds the end of a
    text because it is the largest token.

    Example:
      >>> load_tokenizer()(["a photo of a cat"], context=8).tolist()
      [[49406, 320, 1125, 539, 320, 2368, 49407, 0]]
    """

    def __init__(self, merges: Sequence[tuple[str, str]]):
        self._bytes = _byte_symbols()
        # The reference numbers the printable bytes first.
        singles = sorted(self._bytes, key=lambda symbol: (ord(symbol) > 255, ord(symbol)))
        numbered = [*singles, *(f"{symbol}</w>" for symbol in singles), *map("".join, merges), START, END]
        self._numbers = {symbol: number for number, symbol in enumerate(numbered)}
        self._ranks = {pair: rank for rank, pair in enumerate(merges)}
        self.vocabulary = len(numbered)
        self._encode_word = functools.lru_cache(maxsize=2**16)(self._merge_word)

    def encode(self, text: str) -> list[int]:
        """Returns the tokens of `text`, without start and end."""
        return [token for word in split(clean(text)) for token in self._encode_word(word)]

    def __call__(self, texts: Sequence[str], *, context: int = CONTEXT) -> np.ndarray:
        """Returns tokens `[n, context]` int32: start, text, end, zeros. A text that is too long is cut at the end."""
        if isinstance(texts, str):
            raise UserError(f"texts is one string, {texts!r}; expected a list of them: put it in brackets.")
        tokens = np.zeros((len(texts), context), np.int32)
        for row, text in zip(tokens, texts, strict=True):
            kept = self.encode(text)[: context - 2]
            row[: len(kept) + 2] = [self._numbers[START], *kept, self._numbers[END]]
        return tokens

    def _merge_word(self, word: str) -> tuple[int, ...]:
        if word in (START, END):
            return (self._numbers[word],)
        symbols = [self._bytes[byte] for byte in word.encode("utf-8")]
        symbols[-1] += "</w>"
        while len(symbols) > 1:
            best = min(itertools.pairwise(symbols), key=lambda pair: self._ranks.get(pair, sys.maxsize))
            if best not in self._ranks:
                break
            symbols = _merge(symbols, best)
        return tuple(self._numbers[symbol] for symbol in symbols)


def _merge(symbols: list[str], pair: tuple[str, str]) -> list[str]:
    merged, position = [], 0
    while position < len(symbols):
        width = 2 if tuple(symbols[position : position + 2]) == pair else 1
        merged.append("".join(symbols[position : position + width]))
        position += width
    return merged


@functools.cache
def load_tokenizer(vocabulary: int = VOCABULARY) -> Tokenizer:
    """Returns CLIP's tokenizer, or one with its first merges only, as small models have."""
    if not _SYMBOLS_WITHOUT_MERGES <= vocabulary <= VOCABULARY:
        raise UserError(
            f"vocabulary is {vocabulary}; expected {_SYMBOLS_WITHOUT_MERGES} to {VOCABULARY}: "
            "CLIP's byte-pair encoding has 512 byte symbols, up to 48894 merges and two marks."
        )
    packed = importlib.resources.files("kgv_jax.models").joinpath("clip_merges.txt.gz").read_bytes()
    lines = gzip.decompress(packed).decode("utf-8").splitlines()[: vocabulary - _SYMBOLS_WITHOUT_MERGES]
    return Tokenizer([tuple(line.split(" ")) for line in lines])
