"""Embeddings in a file: arrays as safetensors, names in its metadata.

`nodes.mu` and `relations.mu` are `[N, D]` and `[R, D]`; other models have other arrays beside or in place of them
(`nodes.var`, `nodes.re`), always one row per node or relation, in the order of the names.
"""

from __future__ import annotations

import json
import os
import pathlib
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import safetensors
import safetensors.numpy

from kgv_jax.embed.model import Tables
from kgv_jax.models.pretrained.read import read
from kgv_jax.util.errors import UserError, nearest

FORMAT = "kgv_jax.embed 1"
SUFFIX = ".safetensors"
RUN_FILE = "embeddings.safetensors"
"""What a run leaves in its folder (`run/trained.py`)."""


class Embeddings(NamedTuple):
    """What a file holds.

    Attributes:
      nodes: names (IRIs, of a graph file), `N`.
      relations: names, `R`.
      arrays: by name, `nodes.*` `[N, ...]` and `relations.*` `[R, ...]`, float32.
    """

    nodes: tuple[str, ...]
    relations: tuple[str, ...]
    arrays: dict[str, np.ndarray]


class NodeVectors(NamedTuple):
    """Vectors that a source has for the nodes of a graph.

    Attributes:
      nodes: their names, `N`.
      vectors: `[N, D]` float32, zeros for nodes that the source does not cover.
      covered: `[N]` bool.
    """

    nodes: tuple[str, ...]
    vectors: np.ndarray
    covered: np.ndarray

    def coverage(self) -> float:
        """Returns the share of nodes that the source covers."""
        return float(np.mean(self.covered))

    def missing(self) -> list[str]:
        """Returns the names of the nodes that it does not cover."""
        return [name for name, is_there in zip(self.nodes, self.covered, strict=True) if not is_there]


def embeddings_of(tables: Tables, nodes: Sequence[str], relations: Sequence[str]) -> Embeddings:
    """Returns what a model's tables are in a file."""
    groups = tables._asdict().items()
    arrays = {f"{of}.{name}": np.asarray(table) for of, group in groups for name, table in group.items()}
    return Embeddings(tuple(nodes), tuple(relations), arrays)


def check_target(path: str | os.PathLike) -> pathlib.Path:
    """Returns the path if a file of embeddings can be written there: checked before training.

    Raises:
      UserError: another suffix, or no such folder.
    """
    path = pathlib.Path(path)
    if path.suffix != SUFFIX:
        raise UserError(
            f"{path}: ends in {path.suffix!r}, and what is written is {SUFFIX}; name it {path.stem}{SUFFIX}."
        )
    if not path.parent.is_dir():
        raise UserError(f"{path}: there is no folder {path.parent}; make it, or name another.")
    return path


def write_embeddings(path: str | os.PathLike, embeddings: Embeddings, notes: Mapping[str, Any]) -> None:
    """Writes a file, whole or not at all. `notes` is JSON on how the arrays were made.

    Raises:
      UserError: it cannot be written.
    """
    path = check_target(path)
    metadata = {
        "format": FORMAT,
        "nodes": json.dumps(embeddings.nodes, ensure_ascii=False),
        "relations": json.dumps(embeddings.relations, ensure_ascii=False),
        "notes": json.dumps(notes),
    }
    arrays = {name: np.ascontiguousarray(array, np.float32) for name, array in embeddings.arrays.items()}
    scratch = path.with_name(f".{uuid.uuid4().hex}-{path.name}")
    try:
        scratch.write_bytes(safetensors.numpy.save(arrays, metadata))
        os.replace(scratch, path)
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror or error}); name another file.") from error
    finally:
        scratch.unlink(missing_ok=True)


def read_embeddings(path: str | os.PathLike) -> Embeddings:
    """Reads a file that `kgv embed` or a run wrote.

    Raises:
      UserError: the file is missing, damaged, or of another kind.
    """
    arrays = read(path)
    metadata = _metadata(path)
    if metadata.get("format") != FORMAT:
        raise UserError(
            f"{path}: its metadata has the format {metadata.get('format', '')!r}, expected {FORMAT!r}; make the file "
            "with kgv embed --out."
        )
    try:
        nodes, relations = (tuple(map(str, json.loads(metadata[key]))) for key in ("nodes", "relations"))
    except (KeyError, ValueError, TypeError) as error:
        raise UserError(f"{path}: its names cannot be read ({error}); make the file again.") from error
    for name, array in arrays.items():
        wanted = {"nodes": len(nodes), "relations": len(relations)}.get(name.partition(".")[0])
        if not array.ndim or len(array) != wanted:
            raise UserError(
                f"{path}: {name!r} has the shape {array.shape}; expected `nodes.*` with {len(nodes)} rows or "
                f"`relations.*` with {len(relations)}: make the file again."
            )
    return Embeddings(nodes, relations, arrays)


def _metadata(path: str | os.PathLike) -> Mapping[str, str]:
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            return file.metadata() or {}
    except (safetensors.SafetensorError, OSError):  # a file of weights of another kind
        return {}


def rows(embeddings: Embeddings, array: str, names: Sequence[str]) -> np.ndarray:
    """Returns the rows `[len(names), ...]` of `array` (`nodes.mu`, `relations.mu`) for names.

    Raises:
      UserError: there is no such array, or it has no row for a name.
    """
    table = _array(embeddings, array)
    known = _places(embeddings, array)
    absent = [name for name in names if name not in known]
    if absent:
        what = "relation" if array.startswith("relations.") else "node"
        raise UserError(
            f"{len(absent)} of {len(names)} {what}s are not in the embeddings, the first is {absent[0]!r}"
            f"{nearest(absent[0], known)}; train them on a graph that has all of them, under the same names."
        )
    return table[[known[name] for name in names]]


def find_nodes(embeddings: Embeddings, array: str, names: Sequence[str]) -> NodeVectors:
    """Returns the rows of an array `nodes.*` for names, as far as they are there: another run as a source."""
    table, known = _array(embeddings, array), _places(embeddings, array)
    covered = np.array([name in known for name in names], bool)
    vectors = np.zeros((len(names), *table.shape[1:]), np.float32)
    vectors[covered] = table[[known[name] for name in names if name in known]]
    return NodeVectors(tuple(names), vectors, covered)


def _array(embeddings: Embeddings, name: str) -> np.ndarray:
    if name not in embeddings.arrays:
        raise UserError(
            f"The embeddings have no {name!r}{nearest(name, embeddings.arrays)}; they have "
            f"{', '.join(sorted(embeddings.arrays))}: take one of these, or another --model."
        )
    return embeddings.arrays[name]


def _places(embeddings: Embeddings, array: str) -> dict[str, int]:
    names = embeddings.relations if array.startswith("relations.") else embeddings.nodes
    return {name: place for place, name in enumerate(names)}
