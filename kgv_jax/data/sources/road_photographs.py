"""Photographs of road signs: trained on Germany (GTSRB), tested on China (TSRD) and Russia (RTSD).

    ROOT/GTSRB, ROOT/TSRD, ROOT/RTSD   as published; `gtsrb`, `tsrd` and `rtsd` say which layouts are read

Domains are called as the styles of the graph `roadsigns`: de, cn, ru. Classes are nodes of that graph, by the tables
`gtsrb_classes.csv`, `tsrd_classes.csv` and `rtsd_classes.csv`; signs of classes that it does not have are left out.
"""

from __future__ import annotations

import collections
import dataclasses
import os
import pathlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType

from kgv_jax.data.boxed import Boxed, read_classes, split_groups, to_image
from kgv_jax.data.source_images import SourceImages
from kgv_jax.data.sources import gtsrb, rtsd, tsrd
from kgv_jax.data.sources.source import FOLDER, Source
from kgv_jax.data.types import Dataset
from kgv_jax.util.errors import UserError, nearest
from kgv_jax.util.tables import require_folder

SOURCE = "de"
FOLDERS: Mapping[str, str] = MappingProxyType({"de": "GTSRB", "cn": "TSRD", "ru": "RTSD"})
MARGIN = 0.1  # of the box's longer side: what GTSRB's images show around the sign

_READERS: Mapping[str, Callable[[pathlib.Path], tuple[Boxed, ...]]] = {"cn": tsrd.read, "ru": rtsd.read}
_TABLES = {"de": "gtsrb_classes.csv", "cn": "tsrd_classes.csv", "ru": "rtsd_classes.csv"}
_NAMED = 6  # classes that a note names before it only counts


def load(
    root: str | os.PathLike,
    *,
    source: str = SOURCE,
    targets: Sequence[str] = ("cn", "ru"),
    validation_fraction: float = 0.2,
    seed: int = 0,
    margin: float = MARGIN,
) -> Dataset:
    """Reads the tables and splits the source by physical sign; no image is opened before it is asked for.

    Of a class's physical signs (tracks) a `validation_fraction` is held out for validation, at least one where one is
    left to train on. The source's test domain is its published test part or, where that was not downloaded, as many
    more tracks.

    Args:
      root: folder of the sets' folders; their case does not matter.
      source: domain to learn from: `de`.
      targets: domains to test on, of `cn` and `ru`.
      validation_fraction: between 0 and 0.5.
      seed: of the split.
      margin: what a crop shows around the published box, as a share of its longer side.

    Raises:
      UserError: an unknown domain, a fraction out of range, a missing set, or a set with something wrong.
    """
    _check_options(source, targets, validation_fraction)
    root = require_folder(root, "the folders " + ", ".join(FOLDERS[name] for name in (source, *targets)))
    folders = {name: _folder(root, name) for name in (source, *targets)}
    notes: list[str] = []

    test = _classed(source, gtsrb.read_test(folders[source]), notes, "test")
    every = _classed(source, gtsrb.read_train(folders[source]), notes, "training")
    part = split_groups(
        [entry.label for entry in every],
        [entry.group for entry in every],
        validation_fraction,
        parts=1 if test else 2,
        seed=seed,
    )
    train, validation, more = ([entry for entry, own in zip(every, part, strict=True) if own == k] for k in range(3))
    if not test:
        test = more
        notes.append(f"{source}: no published test part (GTSRB/Final_Test); tested on held-out training signs.")
    classes = tuple(sorted({entry.label for entry in train}))
    if not classes:
        raise UserError(f"{folders[source]}: no sign of a class that the graph has; expected some of GTSRB's classes.")

    domains = {source: test}
    for name in targets:
        entries = _classed(name, _READERS[name](folders[name]), notes, "test")
        found = {entry.label for entry in entries}
        if not found & set(classes):
            raise UserError(f"{folders[name]}: no sign of a class of {FOLDERS[source]}, so there is nothing to test on;"
                            f" unpack the set again, or take {name!r} out of config.data.targets.")  # fmt: skip
        apart = sorted(found - set(classes))
        notes.append(f"{name}: tested on {len(found & set(classes))} of {len(classes)} classes."
                     + (f" Not in {source}, left out: {_some(apart)}." if apart else ""))  # fmt: skip
        domains[name] = entries

    def images(domain: str, entries: Iterable[Boxed]) -> SourceImages:
        kept = (entry for entry in entries if entry.label in classes)
        return SourceImages((to_image(entry, domain=domain, margin=margin) for entry in kept), classes)

    return Dataset(
        classes=classes,
        train=images(source, train),
        validation=images(source, validation),
        domains={name: images(name, entries) for name, entries in domains.items()},
        source=source,
        render_views=False,
        notes=tuple(notes),
    )


def _check_options(source: str, targets: Sequence[str], validation_fraction: float) -> None:
    if source != SOURCE:
        raise UserError(f"config.data.source is {source!r}; the road photographs have one source, {SOURCE!r} (GTSRB).")
    if unknown := [name for name in targets if name not in _READERS]:
        raise UserError(f"config.data.targets has {unknown[0]!r}{nearest(unknown[0], _READERS)}; the targets of the"
                        f" road photographs are {', '.join(_READERS)}.")  # fmt: skip
    if len(set(targets)) != len(targets):
        raise UserError(f"config.data.targets is {','.join(targets)!r}; name each domain once.")
    if not 0 < validation_fraction < 0.5:
        raise UserError(f"config.data.validation_fraction is {validation_fraction}; expected more than 0 and less than"
                        " 0.5, such as 0.2.")  # fmt: skip


def _folder(root: pathlib.Path, domain: str) -> pathlib.Path:
    name = FOLDERS[domain]
    for path in sorted(root.iterdir()):
        if path.is_dir() and path.name.lower() == name.lower():
            return path
    rather = "" if domain == SOURCE else f", or take {domain!r} out of config.data.targets"
    raise UserError(f"{root}: no folder {name}, the images of {domain!r}; unpack it there{rather}.")


def _classed(domain: str, entries: Iterable[Boxed], notes: list[str], part: str) -> list[Boxed]:
    """Returns the signs whose class the graph has, labelled with it; what is left out is noted."""
    table = read_classes(_TABLES[domain])
    found, left_out = [], collections.Counter()
    for entry in entries:
        # A code with a value that the table does not have is the sign of any value.
        name, label = table.get(entry.label) or table.get(rtsd.without_value(entry.label)) or (entry.label, "")
        if label:
            found.append(dataclasses.replace(entry, label=label))
        else:
            left_out[name] += 1
    if left_out:
        notes.append(
            f"{domain}: {left_out.total()} of {len(found) + left_out.total()} {part} images are of"
            f" {len(left_out)} classes that the graph does not have, left out: {_some(sorted(left_out))}."
        )
    return found


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


SOURCES = {"road_photographs": Source(load, settings=FOLDER)}
