"""Graphs of any size for benchmarks: a random tree of categories, classes below it, facts of every class."""

from __future__ import annotations

import pathlib

import numpy as np

from kgv_jax.kg.fake import class_names

FACTS = 2  # of every class, under each relation besides `broader`


def write_graph(folder: pathlib.Path, *, nodes: int, relations: int, classes: int) -> pathlib.Path:
    """Writes a graph as Turtle; its classes are the first of the `fake` data set. The same sizes, the same graph.

    Args:
      folder: where.
      nodes: `N`, of which `classes` are classes.
      relations: `R`, with `broader` and with `instanceOf`, which no file contains.
      classes: how many.
    """
    draw = np.random.default_rng(0)
    inner = nodes - classes
    lines = ["@prefix kgv: <https://kgv-jax.github.io/vocab#> .", "@prefix f: <https://kgv-jax.github.io/fake#> ."]
    lines += [f"f:category-{node} a kgv:Category ." for node in range(inner)]
    lines += [f"f:category-{node} kgv:broader f:category-{draw.integers(node)} ." for node in range(1, inner)]
    for name in class_names()[:classes]:
        lines += [f"f:{name} a kgv:Class ; kgv:broader f:category-{draw.integers(1, inner)} ."]
        for relation in range(relations - 2):
            tails = draw.choice(inner, FACTS, replace=False)
            lines += [f"f:{name} kgv:relation{relation} f:category-{tail} ." for tail in tails]
    path = folder / f"{nodes}x{relations}x{classes}.ttl"
    path.write_text("\n".join((*lines, "")), encoding="utf-8")
    return path
