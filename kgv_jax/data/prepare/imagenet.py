"""ImageNet in shards: `kgv prepare imagenet`. A conversion that was stopped continues."""

from __future__ import annotations

import functools
import pathlib
from collections.abc import Callable, Sequence

import numpy as np

from kgv_jax.data.prepare.shards import PER_SHARD, write_shards
from kgv_jax.data.prepare.tars import TarImages
from kgv_jax.data.records import read_files
from kgv_jax.data.sources.imagenet_layouts import ID, Listing, kaggle_labels, list_domain
from kgv_jax.kg.imagenet_ids import read_ids
from kgv_jax.util.errors import UserError


def prepare_imagenet(
    source: pathlib.Path,
    out: pathlib.Path,
    *,
    domains: Sequence[str] = ("train", "val"),
    labels: pathlib.Path | None = None,
    per_shard: int = PER_SHARD,
    report: Callable[[str], None] = lambda line: None,
) -> dict[str, int]:
    """Writes `out/<domain>/` for every domain; returns domain -> shards that were written now.

    Args:
      source: a folder as `sources/imagenet_layouts.py` describes it, or one of the two tar files of ILSVRC2012.
      out: `config.data.root` of a run.
      domains: what to convert; of a tar file, the one that it holds.
      labels: Kaggle's LOC_val_solution.csv, for the images of the tar file of val.
      per_shard: images in a shard.
      report: called with a line for every shard.
    """
    if not source.exists():
        raise UserError(
            f"--from {source}: no such file or folder. Name a tar file of ILSVRC2012, or the folder with train."
        )
    if source.is_dir():
        sources = {domain: _folder(source, domain) for domain in domains}
    else:
        domain, listing, read = _tar(source, labels)
        sources = {domain: (listing, read)}
    return {
        domain: write_shards(
            listing, read, out / domain, per_shard=per_shard, report=lambda line, d=domain: report(f"{d}/{line}")
        )
        for domain, (listing, read) in sources.items()
    }


def _folder(root: pathlib.Path, domain: str) -> tuple[Listing, Callable[[np.ndarray], list[bytes]]]:
    listing = list_domain(root, domain, read_ids("1k"))
    return listing, functools.partial(read_files, listing.folder, np.array(listing.paths, "S"))


def _tar(path: pathlib.Path, labels: pathlib.Path | None) -> tuple[str, Listing, Callable[[np.ndarray], list[bytes]]]:
    images = TarImages(path)
    if not images.paths:
        raise UserError(f"{path}: holds no image; expected ILSVRC2012_img_train.tar or ILSVRC2012_img_val.tar.")
    # The archive of train has a folder per class id; that of val has none, and its classes are in a separate file.
    folders = [name.rpartition("/")[0].rpartition("/")[2] for name in images.paths]
    if all(ID.fullmatch(folder) for folder in folders):
        return "train", Listing(path, images.paths, [(folder,) for folder in folders]), images.read
    if labels is None:
        raise UserError(
            f"{path}: its images are in no folders, as those of val, so their classes are unknown. Add"
            " --labels=LOC_val_solution.csv (Kaggle's), or unpack the images into one folder per class id."
        )
    label = kaggle_labels(labels)
    stems = [pathlib.PurePath(name).stem for name in images.paths]
    if missing := [stem for stem in stems if stem not in label]:
        raise UserError(
            f"{labels}: has no row for {missing[0]} of {path}, only {len(label)} rows of others. Download it again."
        )
    return "val", Listing(path, images.paths, [(label[stem],) for stem in stems]), images.read
