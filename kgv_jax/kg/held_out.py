"""Classes held out of training, in the graph: which classes are chosen, and what no training image then shows.

Held-out classes are drawn along the tree of the classes, every `C / n`-th of them in the tree's order (systematic
sampling): each branch gives its share.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from kgv_jax.kg.class_tree import ClassTree
from kgv_jax.kg.mask import Mask


class Ignored(NamedTuple):
    """What no training image shows.

    Attributes:
      nodes: those that no training image has as a positive, under any relation: nothing trains their Gaussians.
      facts: (relation local name, node) pairs whose node is trained otherwise, such as by its element images.
    """

    nodes: tuple[int, ...]
    facts: tuple[tuple[str, int], ...]


def find_ignored(mask: Mask, held_out: Sequence[int]) -> Ignored:
    """Returns what only held-out nodes state.

    Such a fact would be a negative of every image and a positive of none. Training would push all images away from it,
    and so from the held-out classes that it describes.

    Args:
      mask: a mask that ignores nothing; its other rows are those of training images.
      held_out: class nodes held out, and their variants; query nodes of the mask.
    """
    held = np.isin(mask.positive.row(), [mask.row(node) for node in held_out])
    cells = np.stack([mask.positive.relation, mask.positive.node], axis=1)
    stated, shown = (set(map(tuple, cells[where].tolist())) for where in (held, ~held))
    trained = {node for _, node in shown}
    nodes = {node for _, node in stated} - trained | set(map(int, held_out))
    facts = sorted((relation, node) for relation, node in stated - shown if relation and node not in nodes)
    return Ignored(tuple(sorted(nodes)), tuple((mask.relations[relation], node) for relation, node in facts))


def tree_order(names: Sequence[str], tree: ClassTree | None, seed: int) -> list[str]:
    """Returns the classes `[C]` depth first along the tree, siblings in an order that follows from the seed.

    Without a tree the order follows from the seed alone.
    """

    def pseudorandom(name: str) -> bytes:
        return hashlib.blake2b(f"{seed}/{name}".encode()).digest()

    if tree is None:
        return sorted(names, key=pseudorandom)
    # A node of the tree is identified by its first class, so that other parts of the graph do not matter.
    first = [names[int(members.argmax())] for members in tree.members]
    ways = {name: [pseudorandom(first[node]) for node in way[::-1]] for name, way in zip(names, tree.path, strict=True)}
    return sorted(names, key=lambda name: (ways[name], pseudorandom(name)))


def choose_classes(order: Sequence[str], count: int, seed: int) -> tuple[str, ...]:
    """Returns `count` classes, one of each of as many equal parts of the order."""
    start = np.random.default_rng(seed).random()
    picked = np.floor((np.arange(count) + start) * len(order) / count).astype(int)
    return tuple(order[index] for index in picked)
