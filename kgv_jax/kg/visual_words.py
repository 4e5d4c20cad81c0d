"""The looks of classes as facts, read from their descriptions: a colour, or any other word that several classes share.

Words are read without their sentence: "a bird with a white bill" gives `white` and `bill`. No dictionary is used, since
it would have to know which sense is meant (the first sense of `bill` is a law). Which words distinguish classes follows
from the descriptions themselves: a word of nearly all classes distinguishes none, and one of a single class relates it
to no other.
"""

from __future__ import annotations

import collections
import re
from collections.abc import Mapping

COLOUR, LOOKS = "hasColour", "looks"

LEAST_CLASSES = 5
MOST_CLASSES = 0.25  # share of the descriptions

# The basic colour terms of English (Berlin and Kay 1969) and what descriptions call shades of them.
_COLOURS = frozenset(
    "black white red green yellow blue brown purple pink orange gray grey tan olive beige cream golden gold silver "
    "buff rufous chestnut maroon violet reddish brownish grayish greenish yellowish whitish blackish bluish".split()
)
_SAME = {"grey": "gray"}
# What is denied, up to the end of the phrase: "lacks a tail", "no barbels", "rounded rather than pointed".
_DENIED = re.compile(r"\b(?:no|not|without|lacks?|lacking|rather than|unlike|instead of)\b[^,;.:]*")
_WORD = re.compile(r"[a-z]+")
# Words of grammar, and of how often, how much and how sure.
_GRAMMAR = frozenset(
    "the and with that are its has have from for but may can into than them they this these those their there where "
    "when which while who whose such some any all each both either other others another more most many much several "
    "few less least very too also only even often usually typically commonly sometimes generally mostly frequently "
    "especially particularly relatively fairly quite rather nearly almost about around above below under over near "
    "between behind along across through toward towards against within without onto off out per via one two three "
    "four not nor yet does show shows showing look looks looking appear appears seen see made used using common "
    "commonly including include includes depending vary varies varied variable various different same similar like "
    "breed breeds species example examples type types kind kinds form forms style styles overall general appearance "
    "view views visible clearly distinct distinctive distinctly prominent being been becoming well yet".split()
)


def read_looks(descriptions: Mapping[str, str]) -> dict[str, list[tuple[str, str]]]:
    """Returns of each description the (relation, word) that it states, in its order, each once.

    A plural is the word without its s where the descriptions have that word. Adverbs are left out.
    """
    words = {name: _words(text) for name, text in descriptions.items()}
    known = set().union(*words.values()) if words else set()
    plain = {name: list(dict.fromkeys(_singular(word, known) for word in found)) for name, found in words.items()}
    classes = collections.Counter(word for found in plain.values() for word in found)
    most = MOST_CLASSES * len(descriptions)
    return {
        name: [
            (COLOUR if word in _COLOURS else LOOKS, word)
            for word in found
            if classes[word] >= LEAST_CLASSES and (word in _COLOURS or classes[word] <= most)
        ]
        for name, found in plain.items()
    }


def _words(description: str) -> list[str]:
    found = _WORD.findall(_DENIED.sub(" ", description.casefold()))
    return [_SAME.get(word, word) for word in found
            if len(word) > 2 and word not in _GRAMMAR and not word.endswith("ly")]  # fmt: skip


def _singular(word: str, known: set[str]) -> str:
    if word.endswith("s") and not word.endswith("ss"):
        for shorter in (word[:-1], word.removesuffix("es")):
            if shorter in known:
                return shorter
    return word
