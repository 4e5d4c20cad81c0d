"""Triples of a graph as integers: `[M, 3]` rows of head, relation, tail."""

from __future__ import annotations

import pathlib
from typing import NamedTuple

import numpy as np

from kgv_jax.kg.graph import Graph
from kgv_jax.util.errors import UserError

SPLITS = ("train", "valid", "test")


class Triples(NamedTuple):
    """The three splits, `[M, 3]` int32 each, and the names that the integers stand for."""

    train: np.ndarray
    valid: np.ndarray
    test: np.ndarray
    nodes: tuple[str, ...]
    relations: tuple[str, ...]

    def known(self) -> np.ndarray:
        """All triples of all splits: what a filtered rank leaves out."""
        return np.concatenate([self.train, self.valid, self.test])


def load(folder: str | pathlib.Path) -> Triples:
    """Reads `train.txt`, `valid.txt` and `test.txt`: head, relation, tail, separated by tabs.

    Names get their numbers in sorted order. Triples of the other splits that name what training never shows are an
    error: no embedding stands for it.
    """
    folder = pathlib.Path(folder)
    named = {split: _read(folder / f"{split}.txt") for split in SPLITS}
    nodes = sorted({name for head, _, tail in named["train"] for name in (head, tail)})
    relations = sorted({relation for _, relation, _ in named["train"]})
    node_ids = {name: i for i, name in enumerate(nodes)}
    relation_ids = {name: i for i, name in enumerate(relations)}

    def number(split: str) -> np.ndarray:
        try:
            rows = [(node_ids[h], relation_ids[r], node_ids[t]) for h, r, t in named[split]]
        except KeyError as error:
            raise UserError(
                f"{folder / split}.txt names {error.args[0]!r}, which train.txt does not; "
                "leave such triples out, or move one of them to train.txt."
            ) from None
        return np.array(rows, np.int32)

    return Triples(*map(number, SPLITS), tuple(nodes), tuple(relations))


def _read(path: pathlib.Path) -> list[tuple[str, str, str]]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise UserError(f"No file {path}; a folder of triples holds train.txt, valid.txt and test.txt.") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 ({error}); save the file as UTF-8.") from None
    rows = []
    for number, line in enumerate(lines, 1):
        fields = tuple(field.strip() for field in line.split("\t"))
        if len(fields) != 3:
            raise UserError(
                f"{path}, line {number} has {len(fields)} fields; expected head, relation, tail, separated by tabs."
            )
        rows.append(fields)
    if not rows:
        raise UserError(f"{path} holds no triple; expected lines of head, relation, tail, separated by tabs.")
    return rows


def split_graph(graph: Graph, *, share: float, seed: int) -> Triples:
    """Returns the graph's triples as train, valid and test, in which valid and test have `share` of them each.

    A triple is held out only while its head, its tail and its relation occur in another triple of train, so both may
    get fewer. Nodes without any triple are left out: nothing could be learned of them.

    Raises:
      UserError: no share is possible, or nothing can be held out.
    """
    if not 0 <= share < 0.5:
        raise UserError(f"A share of {share} cannot be held out twice; expected a number from 0 to below 0.5.")
    used = np.unique(graph.triples[:, [0, 2]])
    triples = graph.triples.copy()
    triples[:, [0, 2]] = np.searchsorted(used, triples[:, [0, 2]])
    held = _hold_out(triples, len(used), len(graph.relations), int(2 * share * len(triples)), seed)
    if share and len(held) < 2:
        raise UserError(
            f"{len(held)} of {len(triples)} triples can be held out such that every node and relation stays in "
            "training, and 2 are needed; hold out nothing (--holdout=0), or take a larger graph."
        )
    train = np.delete(triples, held, 0)
    return Triples(
        train, triples[np.sort(held[::2])], triples[np.sort(held[1::2])],
        tuple(graph.nodes[node] for node in used), graph.relations,
    )  # fmt: skip


def _hold_out(triples: np.ndarray, num_nodes: int, num_relations: int, wanted: int, seed: int) -> np.ndarray:
    nodes = np.bincount(triples[:, [0, 2]].ravel(), minlength=num_nodes)
    relations = np.bincount(triples[:, 1], minlength=num_relations)
    held = []
    for place in np.random.default_rng(seed).permutation(len(triples)):
        if len(held) == wanted:
            break
        h, r, t = triples[place]
        if min(nodes[h], nodes[t]) > 1 + (h == t) and relations[r] > 1:
            np.subtract.at(nodes, [h, t], 1)
            relations[r] -= 1
            held.append(place)
    return np.array(held, np.int64)
