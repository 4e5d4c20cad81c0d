"""WordNet around a list of classes as a graph: all hypernyms up to the root, what classes are made of, how they look.

Nothing is inferred: a triple is a pointer of WordNet, or a word of a class's visual description (`visual_words.py`). A
fact that WordNet states of a hypernym (a car has a bumper, and so has a minivan) stays there; `kg/mask.py` lets classes
inherit it.
"""

from __future__ import annotations

import collections
import functools
import pathlib
from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np

from kgv_jax.kg import closure, visual_words
from kgv_jax.kg.graph import Graph
from kgv_jax.kg.imagenet_ids import LISTS, read_descriptions, read_ids
from kgv_jax.kg.names import local_name
from kgv_jax.kg.turtle import VOCAB, write_turtle
from kgv_jax.kg.wordnet import Synset, WordNet, find_wordnet
from kgv_jax.util.cache import cache_dir
from kgv_jax.util.errors import UserError, nearest

NAMESPACE = "https://kgv-jax.github.io/wordnet#"

# Relation -> WordNet's symbols of it (wninput(5)). Meronyms are read from the whole to the part.
BROADER = "broader"
SYMBOLS = {
    BROADER: ("@", "@i"),
    "hasPart": ("%p",),
    "hasMember": ("%m",),
    "hasSubstance": ("%s",),
    "attribute": ("=",),
}
# Relation -> type of its values, read from descriptions.
LOOKS = {visual_words.COLOUR: "Colour", visual_words.LOOKS: "Look"}
RELATIONS = (*SYMBOLS, *LOOKS)
_VERSION = 2  # raise it when the same files give another graph


def make_graph(
    wordnet: WordNet,
    ids: Sequence[str],
    *,
    relations: Collection[str] = RELATIONS,
    descriptions: Mapping[str, str] | None = None,
    source: str = "the list of ids",
) -> Graph:
    """Returns the graph of some noun synsets.

    The synsets of `ids` are of type `Class`, all their hypernyms (also of instances) of type `Category`. What these
    name as part, member or substance joins as `Part`, an adjective that gives a value of an attribute as `Attribute`;
    of such nodes nothing more is read. Of a class that is described, `hasColour` names a `Colour` and `looks` a `Look`.
    A node is `NAMESPACE` + id, or word. Its label is the synset's first word; attributes are `altLabel` (its other
    words), `definition`, and for classes `description`.

    Args:
      wordnet: the files.
      ids: noun synsets, `n########`.
      relations: which of `RELATIONS` to have; without `broader` there are no categories.
      descriptions: id -> visual description, of any classes; all of them decide which words are facts.
      source: what messages call the list.

    Raises:
      UserError: WordNet lacks an id, no such relation, or a damaged file.
    """
    if wrong := sorted(set(relations) - set(RELATIONS)):
        raise UserError(
            f"There is no relation {wrong[0]!r}{nearest(wrong[0], RELATIONS)}; choose from {','.join(RELATIONS)}."
        )
    if unknown := [name for name in ids if name not in wordnet]:
        raise UserError(
            f"{len(unknown)} of {len(ids)} ids of {source} are no synsets of {wordnet.folder / 'data.noun'}, the "
            f"first is {unknown[0]}; expected byte offsets of WordNet 3.0. Correct the list, or fetch the file again "
            "if it is cut short."
        )
    described = with_hypernyms(wordnet, ids) if BROADER in relations else {name: wordnet.synset(name) for name in ids}
    types = dict.fromkeys(described, "Category") | dict.fromkeys(ids, "Class")
    triples = []
    for synset in list(described.values()):
        for relation in (name for name in relations if name in SYMBOLS):
            for target in synset.follow(*SYMBOLS[relation]):
                triples.append((NAMESPACE + synset.id, VOCAB + relation, NAMESPACE + target))
                types.setdefault(target, "Attribute" if relation == "attribute" else "Part")
    synsets = [described.get(name) or wordnet.synset(name) for name in types]
    descriptions = descriptions or {}
    looks = visual_words.read_looks(descriptions)
    descriptions = {name: descriptions[name] for name in ids if name in descriptions}
    shown = [(name, *fact) for name in descriptions for fact in looks[name] if fact[0] in relations]
    triples += [(NAMESPACE + name, VOCAB + relation, NAMESPACE + word) for name, relation, word in shown]
    words = {word: LOOKS[relation] for _, relation, word in shown}
    return Graph.from_triples(
        triples,
        types={NAMESPACE + name: kind for name, kind in (types | words).items()},
        labels={NAMESPACE + synset.id: synset.lemmas[0] for synset in synsets}
        | {NAMESPACE + word: word for word in words},
        attributes={NAMESPACE + synset.id: _literals(synset, descriptions.get(synset.id)) for synset in synsets},
    )


def graph_path(ids: str) -> pathlib.Path:
    """Returns the graph of a list of ImageNet ids (`LISTS`) as a file in the user's cache folder, written once."""
    path = cache_dir("graphs") / f"imagenet-{ids}-{_VERSION}.ttl"
    if not path.exists():
        write_turtle(make_graph(find_wordnet(), read_ids(ids), descriptions=read_descriptions()), path)
    return path


GRAPHS = {f"imagenet-{ids}": functools.partial(graph_path, ids) for ids in LISTS}


def summary(graph: Graph) -> list[str]:
    """Returns lines of counts: nodes by type, triples by relation, roots and depth of the hierarchy, descriptions."""
    kinds = collections.Counter(graph.types)
    lines = [f"classes: {kinds['Class']}", f"ancestors that are no classes: {kinds['Category']}"]
    further = (
        ("Part", "parts, members, substances"),
        ("Attribute", "values of attributes"),
        ("Colour", "colours"),
        ("Look", "other words of looks"),
    )
    lines += [f"{name}: {kinds[kind]}" for kind, name in further if kinds[kind]]
    lines.append(f"nodes: {len(graph.nodes)}")
    counts = np.bincount(graph.triples[:, 1], minlength=len(graph.relations)).tolist()
    lines += [f"edges of {local_name(name)}: {count}" for name, count in zip(graph.relations, counts, strict=True)]
    classes = list(graph.nodes_of_type("Class"))
    if levels := closure.present(graph, (BROADER,)):
        above = closure.parents(graph, levels)
        tree = [node for node, kind in enumerate(graph.types) if kind in ("Class", "Category")]
        roots = [f"{graph.labels[node]} ({local_name(graph.nodes[node])})" for node in tree if not above[node]]
        lines.append(f"roots: {', '.join(roots)}")
        lines.append(f"nodes with several hypernyms: {sum(len(nodes) > 1 for nodes in above)}")
        lines.append(f"classes above other classes: {_count_above_classes(graph, levels, classes)}")
        depth = closure.depths(graph, levels)[classes]
        lines.append(f"depth of a class, longest way: {depth.min()} to {depth.max()}, mean {depth.mean():.2f}")
    described = sum("description" in graph.attributes.get(node, {}) for node in classes)
    lines.append(f"classes with a visual description: {described}")
    return lines


def with_hypernyms(wordnet: WordNet, ids: Iterable[str]) -> dict[str, Synset]:
    """Returns the synsets of ids and of all their hypernyms, by id."""
    found: dict[str, Synset] = {}
    missing = list(ids)
    while missing:
        name = missing.pop()
        if name not in found:
            found[name] = wordnet.synset(name)
            missing += found[name].follow(*SYMBOLS[BROADER])
    return found


def _literals(synset: Synset, description: str | None) -> dict[str, str]:
    values = {"definition": synset.definition}
    if synset.lemmas[1:]:
        values["altLabel"] = ", ".join(synset.lemmas[1:])
    if description:
        values["description"] = description
    return values


def _count_above_classes(graph: Graph, levels: Sequence[int], classes: Sequence[int]) -> int:
    above = closure.ancestors(graph, levels)
    return len(set(classes) & set().union(*(above[node] for node in classes)))
