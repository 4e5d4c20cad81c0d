"""A small WordNet in the true file format, for tests: every entry starts with its own byte offset."""

from __future__ import annotations

import pathlib

LICENCE = (
    "  1 This software and database is being provided to you, the LICENSEE, by  \n"
    "  2   \n"
    "  3 WordNet {version} Copyright 2006 by Princeton University.  All rights reserved.  \n"
)

# name: (words, gloss, pointers); a name is `n.word` or `a.word`.
SYNSETS = {
    "n.entity": (["entity"], "that which is perceived to have its own existence", []),
    "n.animal": (["animal", "animate_being"], "a living organism", [("@", "n.entity"), ("=", "a.wild")]),
    "n.pet": (["pet"], 'kept for companionship; "we have a pet"', [("@", "n.animal")]),
    "n.canine": (["canine"], "any of various fissiped mammals; a group", [("@", "n.animal"), ("%p", "n.tail")]),
    "n.dog": (
        ["dog", "domestic_dog"],
        "a member of the genus Canis",
        [("@", "n.canine"), ("@", "n.pet"), ("#m", "n.pack"), ("%p", "n.flag"), ("+", "v.dog")],
    ),
    "n.laika": (["Laika"], "the first dog in space", [("@i", "n.dog"), ("%s", "n.hair")]),
    "n.pack": (["pack"], "a group of hunting animals", [("@", "n.entity"), ("%m", "n.dog")]),
    "n.tail": (["tail"], "the posterior part of the body", [("@", "n.entity"), ("#p", "n.canine")]),
    "n.flag": (["flag"], "a conspicuously marked tail", [("@", "n.tail"), ("#p", "n.dog")]),
    "n.hair": (["hair"], "a covering for the body", [("@", "n.entity")]),
    "n.dog2": (["dog"], "informal term for a man", [("@", "n.entity")]),
    "a.wild": (["wild(a)", "untamed"], "in a natural state", [("=", "n.animal")]),
}

TOPICS = {"n.animal": 5, "n.canine": 5, "n.dog": 5, "n.pet": 5, "n.laika": 5, "n.dog2": 18}  # the others: 3


def write_wordnet(folder: pathlib.Path, *, version: str = "3.0") -> dict[str, str]:
    """Writes `data.noun`, `data.adj` and `index.noun`; returns name -> id."""
    folder.mkdir(parents=True, exist_ok=True)
    ids = {}
    for part in ("n", "a"):
        offset = len(_licence(version))
        for name in (name for name in SYNSETS if name[0] == part):
            ids[name] = f"{part}{offset:08d}"
            offset += len(_entry(name, {}).encode())
    for part, file in (("n", "data.noun"), ("a", "data.adj")):
        entries = "".join(_entry(name, ids) for name in SYNSETS if name[0] == part)
        (folder / file).write_bytes((_licence(version) + entries).encode())
    senses: dict[str, list[str]] = {}
    for name in (name for name in SYNSETS if name[0] == "n"):
        for word in SYNSETS[name][0]:
            senses.setdefault(word.lower(), []).append(ids[name][1:])
    lines = [
        f"{word} n {len(found)} 1 @ {len(found)} 0 {' '.join(found)}  \n" for word, found in sorted(senses.items())
    ]
    (folder / "index.noun").write_text(_licence(version) + "".join(lines))
    return ids


def _licence(version: str) -> str:
    return LICENCE.format(version=version)


def _entry(name: str, ids: dict[str, str]) -> str:
    """One line of wndb(5); of a length that does not depend on the ids."""
    words, gloss, pointers = SYNSETS[name]
    fields = [f"{ids.get(name, 'n00000000')[1:]} {TOPICS.get(name, 3):02d} {name[0]} {len(words):02x}"]
    fields += [f"{word} 0" for word in words]
    fields.append(f"{len(pointers):03d}")
    for symbol, target in pointers:
        place = ids.get(target, f"{target[0]}00000000")
        # Pointers between single words have their places, all others 0000.
        fields.append(f"{symbol} {place[1:]} {target[0]} {'0101' if symbol == '+' else '0000'}")
    return " ".join(fields) + f" | {gloss}  \n"
