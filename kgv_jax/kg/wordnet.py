"""WordNet 3.0's own files: synsets by their ImageNet id, senses of a word.

The format is that of the manual page wndb(5), https://wordnet.princeton.edu/documentation/wndb5wn. A line of `data.POS`
starts with its own byte offset, and the ids of ImageNet are these offsets in `data.noun`. So only 3.0 will do: in
3.1 nearly every offset is another.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import os
import pathlib
import re
import tempfile

from kgv_jax.util.cache import cache_dir
from kgv_jax.util.errors import UserError
from kgv_jax.util.packages import fetch_archive, from_debian, open_archive, read_files

VERSION = "3.0"
SYSTEM_FOLDER = pathlib.Path("/usr/share/wordnet")  # where Debian's package installs it

_SHA256 = {
    "data.noun": "fea17d2f9656611334eac790e5d69e47645fa180c4aa481fb4cd9b3520754ca2",
    "data.adj": "c89120dfc1f046ddff4a631bf9b7e9fa1a36b5e86565a23bf82dbe14f30b88a7",
    "index.noun": "a490d99d93d017bf4822fe2f0ffa51fd73911ce271dc7535fade21f8814b5a04",
}
_PACKAGE = from_debian(
    "wordnet-base",
    sha256="61060d960f9ada8fa120872312eccd3ecebfbab8c4579e4f5a74e1cf67620752",
    folder="usr/share/wordnet/",
    licence="WordNet-3.0",
    title="WordNet 3.0",
)
_FILES = {"n": "data.noun", "a": "data.adj"}  # part of speech, as ids and pointers write it
_HEADER = re.compile(rb"WordNet (\d+(?:\.\d+)*) Copyright")
_HEADER_BYTES = 4096


@dataclasses.dataclass(frozen=True)
class Synset:
    """Words that mean one thing.

    Attributes:
      id: part of speech (`n`, `a`) and byte offset in its file, as ImageNet writes it: `n02084071`.
      topic: number of the lexicographer file it is from, such as 5 for animals (lexnames(5)).
      lemmas: its words, the commonest first, with spaces.
      definition: the gloss without its example sentences.
      pointers: (symbol, id) of every pointer to another synset; `@` is a hypernym, `%p` a part (wninput(5)).
    """

    id: str
    topic: int
    lemmas: tuple[str, ...]
    definition: str
    pointers: tuple[tuple[str, str], ...]

    def follow(self, *symbols: str) -> tuple[str, ...]:
        """Returns the ids that pointers of these symbols name."""
        return tuple(target for symbol, target in self.pointers if symbol in symbols)


class WordNet:
    """A folder with WordNet 3.0; each file is read when it is first needed."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = pathlib.Path(folder)

    def __contains__(self, id: str) -> bool:
        """Returns whether an entry starts at the id's offset."""
        data, offset = self._data(id[0]), int(id[1:])
        return offset > 0 and data[offset - 1 : offset + 9] == b"\n%08d " % offset

    def synset(self, id: str) -> Synset:
        """Returns the synset of an id.

        Raises:
          UserError: the file has no such entry, or a damaged one.
        """
        path, data = self.folder / _FILES[id[0]], self._data(id[0])
        if id not in self:
            raise UserError(
                f"{path}: no entry starts at byte {int(id[1:])} ({id}); the file has {len(data)} bytes. "
                f"Expected an id of WordNet {VERSION}; a file that was cut short must be fetched again."
            )
        offset = int(id[1:])
        line = data[offset : data.index(b"\n", offset)].decode("utf-8", "replace")
        try:
            return _parse(id, line)
        except (ValueError, IndexError) as error:
            raise UserError(
                f"{path}: the entry at byte {offset} is damaged ({line[:60]!r}); fetch it again."
            ) from error

    def senses(self, lemma: str) -> tuple[str, ...]:
        """Returns the ids of a noun's synsets, the commonest sense first; none if WordNet has no such noun."""
        start = b"\n%b n " % lemma.casefold().replace(" ", "_").encode()
        place = self._index.find(start)
        if place < 0:
            return ()
        fields = self._index[place + 1 : self._index.index(b"\n", place + 1)].split()
        return tuple(f"n{offset.decode()}" for offset in fields[-int(fields[2]) :])

    def _data(self, part_of_speech: str) -> bytes:
        return self._nouns if part_of_speech == "n" else self._adjectives

    @functools.cached_property
    def _nouns(self) -> bytes:
        return _read(self.folder / _FILES["n"])

    @functools.cached_property
    def _adjectives(self) -> bytes:
        return _read(self.folder / _FILES["a"])

    @functools.cached_property
    def _index(self) -> bytes:
        return _read(self.folder / "index.noun")


def find_wordnet(
    folder: str | os.PathLike[str] | None = None, *, archives: str | os.PathLike[str] | None = None
) -> WordNet:
    """Returns the WordNet of a folder, else the system's, else Debian's package, fetched into the user's cache once.

    With `archives`, a folder of archives that were downloaded by hand, nothing is fetched.

    Raises:
      UserError: the folder has no `data.noun`, or the package cannot be had.
    """
    if folder is not None:
        if not pathlib.Path(folder, _FILES["n"]).is_file():
            raise UserError(
                f"{os.fspath(folder)} has no file data.noun; expected the folder `dict` of WordNet "
                f"{VERSION}, or {SYSTEM_FOLDER} of the Debian package wordnet-base."
            )
        return WordNet(folder)
    if (SYSTEM_FOLDER / _FILES["n"]).is_file():
        return WordNet(SYSTEM_FOLDER)
    cached = cache_dir(f"wordnet-{VERSION}")
    if not all(_is_published(cached / name) for name in _SHA256):
        _fetch(cached, archives)
    return WordNet(cached)


def _is_published(path: pathlib.Path) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == _SHA256[path.name]


def _fetch(folder: pathlib.Path, archives: str | os.PathLike[str] | None) -> None:
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        by_hand = "unpack it there (dpkg -x), and name its folder usr/share/wordnet with --wordnet=DIR"
        if archives is None:
            archive = fetch_archive(_PACKAGE, pathlib.Path(scratch), by_hand=by_hand)
        else:
            archive = open_archive(_PACKAGE, pathlib.Path(scratch), archives)
        for name, content in read_files(_PACKAGE, archive, _SHA256).items():
            found = hashlib.sha256(content).hexdigest()
            if found != _SHA256[name]:
                raise UserError(
                    f"{archive.name}: {name} has the SHA-256 {found}; expected {_SHA256[name]}, "
                    f"as in wordnet-base 1:3.0-37. Name another copy of WordNet {VERSION} by --wordnet=DIR."
                )
            unfinished = pathlib.Path(scratch, name)
            unfinished.write_bytes(content)
            os.replace(unfinished, folder / name)


def _read(path: pathlib.Path) -> bytes:
    """Reads one file whole, and refuses another version's."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); WordNet {VERSION} has it in `dict`.") from error
    header = _HEADER.search(data[:_HEADER_BYTES])
    version = header[1].decode() if header else None
    if version != VERSION:
        found = f"is of WordNet {version}" if version else "has no licence of WordNet at its start"
        raise UserError(
            f"{path} {found}; expected WordNet {VERSION}, whose byte offsets are ImageNet's ids: "
            "Debian's package wordnet-base and NLTK's corpus `wordnet` have it."
        )
    if not data.endswith(b"\n"):
        raise UserError(f"{path} is cut short: it has {len(data)} bytes, and its last line has no end; fetch it again.")
    return data


def _parse(id: str, line: str) -> Synset:
    """Reads `offset file type w_cnt word lex_id [...] p_cnt [symbol offset pos source/target ...] | gloss`."""
    entry, bar, gloss = line.partition(" | ")
    if not bar:
        raise ValueError("no gloss")
    fields = entry.split(" ")
    words = int(fields[3], 16)
    first = 5 + 2 * words
    count = int(fields[first - 1])
    if not words or len(fields) < first + 4 * count:
        raise ValueError("too few fields")
    pointers = [fields[start : start + 4] for start in range(first, first + 4 * count, 4)]
    return Synset(
        id=id,
        topic=int(fields[1]),
        # An adjective's marker of position, "(p)", is no part of the word.
        lemmas=tuple(re.sub(r"\((?:a|p|ip)\)$", "", word).replace("_", " ") for word in fields[4 : first - 1 : 2]),
        definition=gloss.strip().partition('; "')[0],
        pointers=tuple((symbol, pos + offset) for symbol, offset, pos, _ in pointers),
    )
