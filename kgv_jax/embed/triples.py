"""Triples of a graph as integers: `[M, 3]` rows of head, relation, tail."""

from __future__ import annotations

import pathlib
from typing import NamedTuple

import numpy as np

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
                "leave such triples out, or move one of them to train.txt"
            ) from None
        return np.array(rows, np.int32)

    return Triples(*map(number, SPLITS), tuple(nodes), tuple(relations))


def _read(path: pathlib.Path) -> list[tuple[str, str, str]]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise UserError(f"no file {path}; a folder of triples holds train.txt, valid.txt and test.txt") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 ({error}); save the file as UTF-8") from None
    rows = []
    for number, line in enumerate(lines, 1):
        fields = tuple(field.strip() for field in line.split("\t"))
        if len(fields) != 3:
            raise UserError(
                f"{path}, line {number} has {len(fields)} fields; expected head, relation, tail, separated by tabs"
            )
        rows.append(fields)
    if not rows:
        raise UserError(f"{path} holds no triple; expected lines of head, relation, tail, separated by tabs")
    return rows
