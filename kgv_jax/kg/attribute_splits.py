"""`att_splits.mat` of the zero-shot benchmarks: attributes of classes, and which images train and test.

As published with Xian et al. (arXiv 1707.00600) for AwA1, AwA2, CUB, SUN and aPY, images numbered from 1:

  att, original_att     [A, C] attributes of the classes, columns of length 1, and as annotated
  allclasses_names      [C, 1] cells
  trainval_loc          [n, 1] images to train on
  val_loc               [n, 1] images of trainval whose classes are held out for validation
  test_seen_loc, test_unseen_loc   the proposed split's test images
"""

from __future__ import annotations

import os
import pathlib
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import scipy.io

from kgv_jax.util.errors import UserError

NAME = "att_splits.mat"
# What the reader of scipy raises on damaged files, besides its own error.
_DAMAGE = (ValueError, TypeError, KeyError, IndexError, EOFError, OSError, MemoryError, OverflowError, zlib.error)
_PARTS = {
    "trainval": "trainval_loc",
    "test_seen": "test_seen_loc",
    "test_unseen": "test_unseen_loc",
    "val": "val_loc",
}


class AttributeSplits(NamedTuple):
    """The contents of the file.

    Attributes:
      classes: names, `C`.
      attributes: `[C, A]` float64, as annotated (`original_att`).
      parts: `trainval`, `test_seen`, `test_unseen`, `val` -> rows `[n]` int64 of images, from 0.
    """

    classes: tuple[str, ...]
    attributes: np.ndarray
    parts: Mapping[str, np.ndarray]


def read_splits(path: str | os.PathLike) -> AttributeSplits:
    """Reads the file.

    Raises:
      UserError: it is missing or no such file, or what it holds is not as above; parts overlap.
    """
    path = pathlib.Path(path)
    path = path / NAME if path.is_dir() else path
    found = read_mat(path, ("original_att", "allclasses_names", *_PARTS.values()))
    classes = tuple(_text(path, cell) for cell in found["allclasses_names"].ravel())
    attributes = _numbers(path, "original_att", found["original_att"])
    if attributes.ndim != 2 or attributes.shape[1] != len(classes) or not attributes.size:
        raise UserError(
            f"{path}: original_att has the shape {attributes.shape} with {len(classes)} allclasses_names; expected "
            f"[attributes, {len(classes)}]. Unpack the file as published."
        )
    if len(set(classes)) != len(classes):
        raise UserError(f"{path}: allclasses_names has a name twice; expected {len(classes)} different ones.")
    parts = {part: _rows(path, key, found[key]) for part, key in _PARTS.items()}
    for first, second in (("trainval", "test_seen"), ("trainval", "test_unseen"), ("test_seen", "test_unseen")):
        if len(both := np.intersect1d(parts[first], parts[second])):
            raise UserError(
                f"{path}: {len(both)} images, the first is {both[0] + 1}, are in {_PARTS[first]} and in "
                f"{_PARTS[second]}; expected an image in one of them. Unpack the file as published."
            )
    return AttributeSplits(classes, attributes.T, parts)


def read_mat(path: pathlib.Path, keys: Sequence[str]) -> dict[str, Any]:
    """Returns variables of a MATLAB file of version 5 to 7.

    Raises:
      UserError: the file is missing, damaged, of version 7.3 or of another kind, or lacks a variable.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file; expected one of the zero-shot benchmarks, unpacked from their archive.")
    try:
        found = scipy.io.loadmat(path, variable_names=list(keys))
    except NotImplementedError as error:
        raise UserError(
            f"{path} is a MATLAB file of version 7.3 (HDF5), which is not read here; expected one of version 5 to 7. "
            "Save it again in MATLAB with save(..., '-v7')."
        ) from error
    except (scipy.io.matlab.MatReadError, *_DAMAGE) as error:
        raise UserError(f"{path} cannot be read as a MATLAB file ({error}); unpack the archive again.") from error
    if missing := [key for key in keys if key not in found]:
        there = ", ".join(name for name, *_ in scipy.io.whosmat(path)) or "nothing"
        raise UserError(f"{path} has no {missing[0]!r}; it has {there}. Is it the file of another kind?")
    return found


def _numbers(path: pathlib.Path, key: str, value: Any) -> np.ndarray:
    array = np.asarray(value)
    if array.dtype.kind not in "fiu" or not np.isfinite(array).all():
        raise UserError(f"{path}: {key} is not all numbers (type {array.dtype}); unpack the file as published.")
    return array.astype(np.float64)


def _rows(path: pathlib.Path, key: str, value: Any) -> np.ndarray:
    """Returns image numbers from 1 as rows from 0."""
    array = _numbers(path, key, value).ravel()
    if not len(array) or (array != np.round(array)).any() or array.min() < 1:
        least = f", the least is {array.min():g}" if len(array) else ""
        raise UserError(f"{path}: {key} has {len(array)} numbers{least}; expected image numbers, from 1.")
    if len(np.unique(array)) != len(array):
        raise UserError(f"{path}: {key} has an image twice; unpack the file as published.")
    return array.astype(np.int64) - 1


def _text(path: pathlib.Path, cell: Any) -> str:
    value = np.asarray(cell)
    while value.dtype == object and value.size == 1:
        value = np.asarray(value.item())
    if value.dtype.kind != "U" or value.size != 1:
        raise UserError(f"{path}: allclasses_names has a cell that is no text; unpack the file as published.")
    return str(value.item()).strip()
