"""Emoji as concepts, and their graph: groups, subgroups and tags of Unicode's CLDR, as published in `emojibase-data`,
and the hypernyms of WordNet (`kg/emoji_wordnet.py`).

    emoji:grapes  broader  emoji:subgroup-food-fruit  broader  emoji:group-food-drink  broader  emoji:emoji
    emoji:grapes  hasTag   emoji:tag-fruit
"""

from __future__ import annotations

import collections
import json
import pathlib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from kgv_jax.kg.emoji_wordnet import find_senses, hypernym_edges
from kgv_jax.kg.graph import Graph
from kgv_jax.kg.turtle import VOCAB, write_turtle
from kgv_jax.kg.wordnet import WordNet
from kgv_jax.util.cache import cache_dir
from kgv_jax.util.errors import UserError
from kgv_jax.util.packages import from_npm

VERSION = 2  # raise it when the same package gives other concepts or another graph
NAMESPACE = "https://kgv-jax.github.io/emoji#"
COMMAND = "kgv prepare emoji"
PACKAGE = from_npm(
    "emojibase-data",
    "17.0.0",
    sha256="d01d0e2ca4e22cb402679532155342c71e2e871f25c32223c013b8b166ebdf5a",
    folder="package/",
    licence="MIT",
)
FILES = ("en/data.json", "meta/groups.json", "meta/unicode-names.json")

# Letters, signs, flags and clock faces are no images of things.
_NO_GROUPS = ("component", "symbols", "flags")
_NO_SUBGROUPS = ("time",)
_JOINER = "200D"  # joins several emoji into one, such as a family


class Concept(NamedTuple):
    """An emoji: `label` names its class and its node; `names` are slugs that packages know it by."""

    code: str
    label: str
    names: tuple[str, ...]
    group: str
    subgroup: str
    tags: tuple[str, ...]


def read_concepts(files: Mapping[str, bytes]) -> tuple[Concept, ...]:
    """Returns the emoji that depict things, by label.

    Args:
      files: name -> content of `FILES`.

    Raises:
      UserError: a file is not what the package publishes.
    """
    try:
        emoji, groups, unicode = (json.loads(files[name]) for name in FILES)
        found = [
            _concept(entry, groups, unicode)
            for entry in emoji
            if "group" in entry
            and groups["groups"][str(entry["group"])] not in _NO_GROUPS
            and groups["subgroups"][str(entry["subgroup"])] not in _NO_SUBGROUPS
            and _JOINER not in entry["hexcode"].split("-")
        ]
        if not found:
            raise ValueError("no concept")
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{PACKAGE.name}: its files are not those of version 17.0.0 ({error!r}); delete the archive and run"
            f" `{COMMAND}` again."
        ) from error
    return tuple(sorted(found, key=lambda concept: concept.label))


def _concept(entry: Mapping[str, Any], groups: Mapping[str, Any], unicode: Mapping[str, str]) -> Concept:
    code, label = entry["hexcode"], slug(entry["label"])
    name = slug(unicode.get(code) or unicode.get(code.replace("-FE0F", "")) or entry["label"])
    return Concept(
        code,
        label,
        tuple(dict.fromkeys((name, label))),
        groups["groups"][str(entry["group"])],
        groups["subgroups"][str(entry["subgroup"])],
        tuple(entry.get("tags", ())),
    )


def slug(text: str) -> str:
    """Returns a name in small letters, digits and hyphens."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain.replace("'", "")).strip("-")


def make_graph(concepts: Sequence[Concept], wordnet: WordNet | None = None) -> Graph:
    """Returns the graph of some concepts, without WordNet if there is none.

    A tag that only one of them has relates it to no other and is left out.
    """
    counts = collections.Counter(slug(tag) for concept in concepts for tag in set(concept.tags))
    triples, types, labels = [], {"emoji": "Category"}, {}
    for concept in concepts:
        group, subgroup = f"group-{concept.group}", f"subgroup-{concept.subgroup}"
        types |= {concept.label: "Class", group: "Category", subgroup: "Category"}
        labels[concept.label] = concept.label.replace("-", " ")
        triples += [(concept.label, "broader", subgroup), (subgroup, "broader", group), (group, "broader", "emoji")]
        for tag in concept.tags:
            if counts[slug(tag)] > 1:
                types[f"tag-{slug(tag)}"], labels[f"tag-{slug(tag)}"] = "Tag", tag
                triples.append((concept.label, "hasTag", f"tag-{slug(tag)}"))
    if wordnet is not None:
        classes = {concept.label: labels[concept.label] for concept in concepts}
        senses = find_senses(classes, {concept.label: concept.group for concept in concepts}, wordnet)
        edges, names = hypernym_edges(senses, wordnet)
        node = {id: f"wordnet-{id}" for id in names}
        types |= dict.fromkeys(node.values(), "Category")
        labels |= {node[id]: name for id, name in names.items()}
        triples += [(node.get(lower, lower), "broader", node[upper]) for lower, upper in edges]
    return Graph.from_triples(
        [(NAMESPACE + head, VOCAB + relation, NAMESPACE + tail) for head, relation, tail in triples],
        types={NAMESPACE + node: kind for node, kind in types.items()},
        labels={NAMESPACE + node: label for node, label in labels.items()},
    )


def write_graph(concepts: Sequence[Concept], wordnet: WordNet) -> pathlib.Path:
    """Writes the graph of the prepared concepts to the user's cache folder, where `graph_path` finds it."""
    return write_turtle(make_graph(concepts, wordnet), _path())


def graph_path() -> pathlib.Path:
    """Returns the graph file that preparing the images wrote.

    Raises:
      UserError: nothing is prepared.
    """
    if not _path().exists():
        raise UserError(f"The graph of emoji is not prepared: no {_path()}. Run `{COMMAND}` once (30 MB of packages).")
    return _path()


GRAPHS = {"emoji": graph_path}


def _path() -> pathlib.Path:
    return cache_dir("graphs") / f"emoji-{VERSION}.ttl"
