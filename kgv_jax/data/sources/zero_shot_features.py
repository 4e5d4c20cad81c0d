"""AwA1, AwA2, CUB, SUN and aPY as Xian et al. publish them (arXiv 1707.00600): features, labels, the proposed split.

ROOT/res101.mat, for example, has
  features     [F, n] of ResNet-101's top pooling layer
  labels       [n, 1] classes, from 1
  image_files  [n, 1] cells
and ROOT/att_splits.mat is read by `kg/attribute_splits.py`; `kgv build-graph attributes` makes a graph of it.

The source is trained on `trainval_loc` less a share for validation, and tested on `test_seen_loc` and
`test_unseen_loc`. `published` classes: unseen ones are those of `test_unseen_loc`; validation ones those of `val_loc`,
of which the classes alone are read, since its images may be in `test_seen_loc` too.
"""

from __future__ import annotations

import hashlib
import os
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from kgv_jax.data.sources.source import FOLDER, Source
from kgv_jax.data.types import Dataset
from kgv_jax.data.vectors import Vectors
from kgv_jax.kg.attribute_splits import NAME, AttributeSplits, read_mat, read_splits
from kgv_jax.util.errors import UserError
from kgv_jax.util.tables import require_folder

SOURCE = "photographs"
FEATURES = "res101.mat"


def load(
    root: str | os.PathLike,
    *,
    source: str = SOURCE,
    targets: Sequence[str] = (),
    validation_fraction: float = 0.2,
    seed: int = 0,
) -> Dataset:
    """Returns the data set.

    Args:
      root: folder with both files.
      source: `photographs`; there is no other domain.
      targets: none.
      validation_fraction: share of every class's training images kept for choices.
      seed: of that share.

    Raises:
      UserError: another domain, a fraction outside (0, 1), or files that are not as above.
    """
    if source != SOURCE or targets:
        raise UserError(
            f"config.data.source is {source!r} and config.data.targets {','.join(targets)!r}; these features are of "
            f"one domain: --config.data.source={SOURCE} --config.data.targets=."
        )
    if not 0 < validation_fraction < 1:
        raise UserError(
            f"config.data.validation_fraction is {validation_fraction}; choose more than 0 and less than 1."
        )
    folder = require_folder(root, f"{FEATURES} and {NAME}")
    splits = read_splits(folder / NAME)
    whole = _read_features(folder / FEATURES, splits)
    parts = {name: whole.take(rows) for name, rows in splits.parts.items()}
    occurring = {name: {splits.classes[label] for label in np.unique(part.labels)} for name, part in parts.items()}
    if both := sorted(occurring["trainval"] & occurring["test_unseen"]):
        raise UserError(f"{folder / NAME}: the class {both[0]!r} is in trainval_loc and in test_unseen_loc.")
    held = _held_out(parts["trainval"], validation_fraction, seed)
    tested = np.concatenate([splits.parts["test_seen"], splits.parts["test_unseen"]])
    return Dataset(
        classes=splits.classes,
        train=parts["trainval"].take(np.flatnonzero(~held)),
        validation=parts["trainval"].take(np.flatnonzero(held)),
        domains={source: whole.take(tested)},
        source=source,
        render_views=False,
        fixed_split=True,
        published={
            "unseen": _in_order(splits, occurring["test_unseen"]),
            "validation": _in_order(splits, occurring["val"]),
        },
        untrained=_in_order(splits, {*splits.classes} - occurring["trainval"]),
    )


def _in_order(splits: AttributeSplits, names: set[str]) -> tuple[str, ...]:
    return tuple(name for name in splits.classes if name in names)


def _read_features(path: pathlib.Path, splits: AttributeSplits) -> Vectors:
    found = read_mat(path, ("features", "labels"))
    features, labels = np.asarray(found["features"]), np.asarray(found["labels"]).ravel()
    if features.ndim != 2 or features.dtype.kind not in "fiu" or features.shape[1] != len(labels):
        raise UserError(
            f"{path}: features have the shape {features.shape} and the type {features.dtype}, and there are "
            f"{len(labels)} labels; expected numbers [F, {len(labels)}]. Unpack the file as published."
        )
    if not np.isfinite(features).all():
        raise UserError(f"{path}: features have values that are no numbers; unpack the file as published.")
    count = len(splits.classes)
    if labels.dtype.kind not in "fiu" or not ((labels >= 1) & (labels <= count) & (labels == np.round(labels))).all():
        raise UserError(f"{path}: labels are not all whole numbers from 1 to {count}, the classes of {NAME}.")
    for part, rows in splits.parts.items():
        if rows.max() >= len(labels):
            raise UserError(
                f"{path.parent / NAME}: {part}_loc has the image {rows.max() + 1}, and {path.name} has "
                f"{len(labels)}; are the two files of one data set?"
            )
    return Vectors(
        domain=SOURCE,
        classes=splits.classes,
        labels=labels.astype(np.int32) - 1,
        names=_names(len(labels)),
        features=np.ascontiguousarray(features.T, np.float32),
        rows=np.arange(len(labels)),
    )


def _names(count: int) -> np.ndarray:
    """Returns names of images: their numbers, as the splits count them; `image_files` are paths of one machine."""
    return np.array([str(number) for number in range(1, count + 1)])


def _held_out(images: Vectors, fraction: float, seed: int) -> np.ndarray:
    """Returns `[n]` bool: a share of every class, the first by a hash of seed and name; one image stays at least."""

    def rank(row: int) -> Any:
        return hashlib.blake2b(f"{seed}/{images.names[row]}".encode(), digest_size=8).digest()

    held = np.zeros(len(images), bool)
    for label in np.unique(images.labels):
        own = sorted(np.flatnonzero(images.labels == label).tolist(), key=rank)
        held[own[: min(max(1, round(fraction * len(own))), len(own) - 1)]] = True
    return held


SOURCES = {"zero_shot_features": Source(load, settings=FOLDER)}
