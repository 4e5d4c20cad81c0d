"""ImageNet and shifts of it as TensorFlow Datasets prepared them, in ArrayRecord files; TensorFlow is not needed.

ROOT is a `data_dir` of TFDS, here or in a bucket: `imagenet2012/5.1.0/imagenet2012-train.array_record-00000-of-01024`,
with `dataset_info.json` and `features.json`. Written by

    tfds build imagenet2012 --file_format=array_record
"""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from etils import epath

from kgv_jax.data.sources.imagenet_layouts import ID, Listing
from kgv_jax.util.cache import cache_dir
from kgv_jax.util.errors import UserError, needs_extra

# Domain -> folder of its data set, and split.
DATASETS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "train": ("imagenet2012", "train"),
        "val": ("imagenet2012", "validation"),
        "v2": ("imagenet_v2/matched-frequency", "test"),
        "v2_threshold": ("imagenet_v2/threshold-0.7", "test"),
        "v2_top": ("imagenet_v2/topimages", "test"),
        "r": ("imagenet_r", "test"),
        "a": ("imagenet_a", "test"),
        "sketch": ("imagenet_sketch", "test"),
    }
)
_BLOCK = 256  # records read at a time for their labels


def is_in(root: str | os.PathLike, domain: str) -> bool:
    """Whether a folder holds a domain as a data set of TFDS."""
    return domain in DATASETS and bool(_versions(epath.Path(root) / DATASETS[domain][0]))


def open_tfds(
    root: str | os.PathLike, domain: str, known: Sequence[str]
) -> tuple[Listing, Callable[[np.ndarray], list[bytes]]]:
    """Returns the listing of a domain, and what reads its rows.

    Labels stand inside the records, so all of them are read once; what was found is kept in the user's cache folder.

    Raises:
      UserError: files of another format, or labels that are not the classes of ImageNet-1k.
    """
    # Here, because it takes half a second, and a plain installation on Python 3.14 has to do without it.
    with needs_extra("tfds", what=f"{root} is read with TensorFlow Datasets"):
        import tensorflow_datasets as tfds

    name, split = DATASETS[domain]
    folder = _versions(epath.Path(root) / name)[-1]
    try:
        builder = tfds.builder_from_directory(str(folder))
        source = builder.as_data_source(split=split, decoders={"image": tfds.decode.SkipDecoding()})
        count = len(source)
    except Exception as error:  # tfds raises whatever it stumbled upon
        raise UserError(
            f"{folder}: split {split!r} cannot be opened ({_line(error)}); build it with `tfds build"
            f" {name} --file_format=array_record`."
        ) from error
    label = builder.info.features["label"]
    names = tuple(label.int2str(index) for index in range(label.num_classes)) if label.names else tuple(known)
    if unknown := [name for name in names if not ID.fullmatch(name)]:
        raise UserError(f"{folder}: its label {unknown[0]!r} is no id, n and eight digits; expected those of {name}.")
    labels, files = _index(folder, split, source, count)
    if len(labels) and not 0 <= labels.min() <= labels.max() < len(names):
        raise UserError(f"{folder}: labels from {labels.min()} to {labels.max()}; expected 0 to {len(names) - 1}.")
    ids = [(names[index],) for index in labels.tolist()]
    listing = Listing(folder, [file.decode() for file in files.tolist()], ids)
    return listing, functools.partial(_read_rows, source)


def _read_rows(source: Any, rows: np.ndarray) -> list[bytes]:
    return [example["image"] for example in source.__getitems__([int(row) for row in rows])]


def _index(folder: epath.Path, split: str, source: Any, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns label and name of every record."""
    key = hashlib.sha256((folder / "dataset_info.json").read_bytes() + f"{folder} {split} {count}".encode())
    path = cache_dir("tfds") / f"{key.hexdigest()}.npz"
    if not path.exists():
        labels, names = np.zeros(count, np.int32), []
        for start in range(0, count, _BLOCK):
            block = source.__getitems__(list(range(start, min(start + _BLOCK, count))))
            labels[start : start + len(block)] = [example["label"] for example in block]
            names += [example.get("file_name", b"%08d" % (start + k)) for k, example in enumerate(block)]
        mine = path.with_suffix(f".{os.getpid()}.npz")
        np.savez(mine, label=labels, name=np.array(names, "S"))
        os.replace(mine, path)
    with np.load(path, allow_pickle=False) as kept:
        return kept["label"], kept["name"]


def _versions(folder: epath.Path) -> list[epath.Path]:
    """Returns the folders of versions, oldest first."""
    if not folder.is_dir():
        return []
    found = [child for child in folder.iterdir() if all(part.isdigit() for part in child.name.split("."))]
    return sorted(found, key=lambda child: [int(part) for part in child.name.split(".")])


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
