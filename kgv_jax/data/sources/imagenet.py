"""ImageNet-1k, or some of its classes (mini-ImageNet's 100), and its shifts: folders, our shards, or those of TFDS.

The source is `imagenet`: trained on `train`, of which a part is held out for validation; its test domain is `val`.
Targets are the other domains of `sources/imagenet_layouts.py`; `c` stands for every corruption and severity there is.
Images stay encoded and are read when a batch asks for them (`data/records.py`).
"""

from __future__ import annotations

import functools
import hashlib
import os
import pathlib
from collections.abc import Sequence

import numpy as np
from etils import epath

from kgv_jax.data.prepare import shards
from kgv_jax.data.records import Records, read_files
from kgv_jax.data.sources import imagenet_tfds
from kgv_jax.data.sources.imagenet_layouts import DOMAINS, corruptions, list_domain
from kgv_jax.data.sources.source import FOLDER, Source
from kgv_jax.data.types import Dataset
from kgv_jax.kg.imagenet_ids import read_ids
from kgv_jax.util.errors import UserError, nearest

SOURCE = "imagenet"


def load(
    root: str | os.PathLike,
    *,
    source: str = SOURCE,
    targets: Sequence[str] = ("v2", "r", "a", "sketch"),
    class_list: str = "1k",
    validation_fraction: float = 0.01,
    seed: int = 0,
) -> Dataset:
    """Lists the images; none is read yet.

    A target that lacks classes is evaluated on those it has; one that shares none is an error. Images of classes that
    are not in `class_list` are left out of every domain.

    Args:
      root: what holds the unpacked archives, shards of `kgv prepare imagenet`, or data sets of TFDS.
      source: `imagenet`.
      targets: domains to be tested on.
      class_list: 1k, mini, or a file with one id per line.
      validation_fraction: share of every class's training images held out for choices, one at least.
      seed: of the split.

    Raises:
      UserError: an unknown source or target, or images that are not there or not as published.
    """
    if source != SOURCE:
        raise UserError(f"config.data.source is {source!r}; ImageNet has one source, {SOURCE!r}.")
    if not os.fspath(root):
        raise UserError(
            "config.data.root is ''; expected the folder that holds train, val, ...: --config.data.root=ROOT. Without"
            " the data, --config=configs/imagenet.py:quick runs on made-up images."
        )
    root = epath.Path(root)
    if not root.is_dir():
        raise UserError(f"config.data.root is {str(root)!r}: no such folder; name the one that holds train, val, ...")
    if not 0 < validation_fraction < 1:
        raise UserError(
            f"config.data.validation_fraction is {validation_fraction}; choose more than 0 and less than 1."
        )
    targets = [domain for name in targets for domain in (corruptions(pathlib.Path(root)) if name == "c" else [name])]
    if unknown := [name for name in targets if name.partition("/")[0] not in DOMAINS or name in ("train", "val")]:
        raise UserError(
            f"config.data.targets has {unknown[0]!r}{nearest(unknown[0], DOMAINS)}; expected some of"
            f" {', '.join(name for name in DOMAINS if name not in ('train', 'val'))}."
        )
    known, classes = read_ids("1k"), read_ids(class_list)
    notes: list[str] = []
    of = functools.partial(_records, root, known=known, classes=classes, notes=notes)
    learn = of("train")
    held = _held_out(learn, validation_fraction, seed)
    rows = np.arange(len(learn))
    if absent := sorted(set(classes) - {classes[label] for label in np.unique(learn.labels)}):
        raise UserError(
            f"{root}: train holds no image of {len(absent)} of {len(classes)} classes, the first is"
            f" {absent[0]}; unpack the archive again, or name the classes with config.data.class_list=FILE."
        )
    return Dataset(
        classes=classes,
        train=learn.take(np.setdiff1d(rows, held)),
        validation=learn.take(held),
        domains={source: of("val"), **{target: of(target) for target in targets}},
        source=source,
        render_views=False,
        fixed_split=True,
        notes=tuple(notes),
    )


def _records(
    root: epath.Path, domain: str, *, known: Sequence[str], classes: tuple[str, ...], notes: list[str]
) -> Records:
    """Returns the images of a domain that show one of the classes."""
    if shards.are_in(root / domain):
        listing, read = shards.open_shards(root / domain)
    elif imagenet_tfds.is_in(root, domain):
        listing, read = imagenet_tfds.open_tfds(root, domain, known)
    else:
        listing = list_domain(pathlib.Path(root), domain, known)  # files, which a bucket would serve too slowly
        read = functools.partial(read_files, listing.folder, np.array(listing.paths, "S"))
    label_of = {id: label for label, id in enumerate(classes)}
    right = [[label_of[id] for id in ids if id in label_of] for ids in listing.ids]
    rows = np.array([row for row, labels in enumerate(right) if labels], np.int64)
    if not len(rows):
        raise UserError(
            f"{listing.folder}: of its {len(right)} images none shows one of the {len(classes)} classes;"
            f" leave the target {domain!r} out, or choose other classes."
        )
    present = len({label for labels in right for label in labels})
    if present < len(classes):
        notes.append(f"{domain}: images of {present} of {len(classes)} classes.")
    most = max(len(labels) for labels in right)
    padded = np.array([right[row] + [-1] * (most - len(right[row])) for row in rows], np.int32)
    return Records(
        domain=domain,
        classes=classes,
        labels=padded[:, 0].copy(),
        names=np.array(listing.paths, "S")[rows],
        read_encoded=lambda own: read(rows[np.asarray(own)]),
        alternative_labels=padded[:, 1:].copy(),
        crop_share=listing.crop_share,
    )


def _held_out(records: Records, fraction: float, seed: int) -> np.ndarray:
    """Returns the rows of every class that validation gets: `fraction` of it, the first by a hash of seed and name."""
    rank = np.array([hashlib.blake2b(b"%d/%s" % (seed, name), digest_size=8).digest() for name in records.names], "S8")
    order = np.lexsort((rank, records.labels))
    counts = np.bincount(records.labels, minlength=len(records.classes))
    starts = np.cumsum(counts) - counts
    held = np.minimum(np.maximum(1, np.round(fraction * counts).astype(int)), np.maximum(counts - 1, 0))
    return np.sort(np.concatenate([order[s : s + h] for s, h in zip(starts, held, strict=True)]))


SOURCES = {"imagenet": Source(load, settings=FOLDER | {"class_list": "class_list"})}
