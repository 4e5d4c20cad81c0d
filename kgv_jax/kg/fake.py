"""A graph of the shape of ImageNet-1k's part of WordNet, for runs without its data: `kg.path=fake`.

1,000 classes and the 860 nodes above them, one root, at most 13 edges deep, a few classes with two parents, no class
above another. The names mean nothing; only the shape is ImageNet's.
"""

from __future__ import annotations

import pathlib

import numpy as np

from kgv_jax.kg.graph import Graph
from kgv_jax.kg.turtle import VOCAB, write_turtle
from kgv_jax.util.cache import cache_dir

CLASSES = 1000
ANCESTORS = 860
MOST_DEPTH = 13
_SECOND_PARENTS = 40
_VERSION = 1  # raise it when the same code gives another graph
_NAMESPACE = "https://kgv-jax.github.io/fake#"


def class_names() -> tuple[str, ...]:
    """Returns the local names of the classes, in order."""
    return tuple(f"class-{index:04d}" for index in range(CLASSES))


def make_graph() -> Graph:
    """Returns the graph: always the same one."""
    classes = tuple(_NAMESPACE + name for name in class_names())
    ancestors = tuple(f"{_NAMESPACE}category-{index:04d}" for index in range(ANCESTORS))
    return Graph.from_triples(
        [(head, VOCAB + "broader", tail) for head, tail in _edges(classes, ancestors)],
        types=dict.fromkeys(classes, "Class") | dict.fromkeys(ancestors, "Category"),
    )


def graph_path() -> pathlib.Path:
    """Returns the graph as a Turtle file in the user's cache folder, written there the first time."""
    path = cache_dir("graphs") / f"fake-{_VERSION}.ttl"
    if not path.exists():
        write_turtle(make_graph(), path)
    return path


GRAPHS = {"fake": graph_path}


def _edges(classes: tuple[str, ...], ancestors: tuple[str, ...]) -> list[tuple[str, str]]:
    """Returns (child, parent) pairs: a random recursive tree, some second parents, classes as its leaves."""
    rng = np.random.Generator(np.random.Philox(key=_VERSION))
    depth, edges, bare = [0], [], set(range(ANCESTORS))
    for node in range(1, ANCESTORS):
        parent = int(rng.choice([other for other in range(node) if depth[other] < MOST_DEPTH - 1]))
        depth.append(depth[parent] + 1)
        edges.append((ancestors[node], ancestors[parent]))
        bare.discard(parent)
    # Every ancestor has a class below it, or it would not be in the closure.
    above = [*sorted(bare), *rng.integers(1, ANCESTORS, size=CLASSES - len(bare)).tolist()]
    edges += [(name, ancestors[parent]) for name, parent in zip(classes, rng.permutation(above), strict=True)]
    # Of classes only: nothing is below them, so a second parent closes no cycle.
    for head in rng.choice(CLASSES, size=_SECOND_PARENTS, replace=False):
        edges.append((classes[head], ancestors[int(rng.integers(1, ANCESTORS))]))
    return edges
