"""Photographs of road signs: trained on Germany (GTSRB), tested on China, Russia and Belgium.

    ROOT/GTSRB, ROOT/TT100K, ROOT/TSRD, ROOT/RTSD, ROOT/BelgiumTSC   as published; their readers say in which layouts

Domains are called by their country, and where a country has two sets, by set: `cn` is the Chinese set that ROOT holds,
`cn-tt100k` and `cn-tsrd` name one. Classes are nodes of the graph `road_photographs`, by a table `*_classes.csv` of
each set; signs of classes that it does not have are left out.
"""

from __future__ import annotations

import collections
import dataclasses
import hashlib
import os
import pathlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType

from kgv_jax.data.boxed import WHOLE, Boxed, fit_boxes, read_classes, split_groups, to_image
from kgv_jax.data.source_images import SourceImages
from kgv_jax.data.sources import belgium, gtsrb, rtsd, tsrd, tt100k
from kgv_jax.data.sources.source import FOLDER, Source
from kgv_jax.data.types import UNSEEN, Dataset
from kgv_jax.util.errors import UserError, nearest
from kgv_jax.util.tables import require_folder

SOURCE = "de"

_NAMED = 6  # classes that a note names before it only counts


@dataclasses.dataclass(frozen=True)
class _Set:
    """A published set: its folder, its table of classes, and what reads its parts `train` and `test`."""

    folder: str
    classes: str
    read: Callable[[pathlib.Path], Mapping[str, tuple[Boxed, ...]]]


SETS: Mapping[str, _Set] = MappingProxyType(
    {
        "de": _Set("GTSRB", "gtsrb_classes.csv", gtsrb.read),
        "cn-tt100k": _Set("TT100K", "tt100k_classes.csv", tt100k.read),
        "cn-tsrd": _Set("TSRD", "tsrd_classes.csv", tsrd.read),
        "ru": _Set("RTSD", "rtsd_classes.csv", rtsd.read),
        "be": _Set("BelgiumTSC", "belgium_classes.csv", belgium.read),
    }
)
_EITHER = {"cn": ("cn-tsrd", "cn-tt100k")}  # domain -> sets, the one that ROOT holds is meant


def load(
    root: str | os.PathLike,
    *,
    source: str = SOURCE,
    targets: Sequence[str] = ("cn", "ru"),
    validation_fraction: float = 0.2,
    seed: int = 0,
    margin: float = 0.0,
    target_images: int = 0,
    every_class: bool = False,
) -> Dataset:
    """Reads the tables and splits the source by physical sign; headers of images are read, pixels when asked for.

    Of a class's physical signs (tracks) a `validation_fraction` is held out for validation, at least one where one is
    left to train on. The source's test domain is its published test part or, where that was not downloaded, as many
    more tracks. A target is tested on its published test part or, where it has one part alone, on that.

    Args:
      root: folder of the sets' folders; their case does not matter.
      source: domain to learn from: `de`.
      targets: domains to test on.
      validation_fraction: between 0 and 0.5.
      seed: of the split.
      margin: what a crop shows around the published box, as a share of its longer side; a set of signs cut out without
        one shows none.
      target_images: the oracle: photographs per class of each target's own training part that are trained on too.
      every_class: whether classes that the targets have and the source lacks are classes too; they have no training
        images.

    Raises:
      UserError: an unknown domain, a fraction out of range, a missing set, or a set with something wrong.
    """
    _check_options(source, targets, validation_fraction)
    expected = ", ".join(SETS[_EITHER.get(name, (name,))[0]].folder for name in (source, *targets))
    root = require_folder(root, f"the folders {expected}")
    of_domain = {name: _find_set(root, name) for name in (source, *targets)}
    notes: list[str] = []
    parts = {name: _read(name, *found, notes) for name, found in of_domain.items()}

    test, every = parts[source].get("test", []), parts[source].get("train", [])
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
    learnt = {entry.label for entry in train}
    if not learnt:
        raise UserError(
            f"{of_domain[source][0]}: no sign of a class that the graph has; expected some of GTSRB's classes."
        )

    # Targets: what they are tested on, and for the oracle some of their own training part.
    domains, shown = {source: test}, []
    for name in targets:
        folder, published = of_domain[name]
        entries = parts[name].get("test") or parts[name].get("train", [])
        found = {entry.label for entry in entries}
        if not found & learnt:
            raise UserError(f"{folder}: no sign of a class of {SETS[source].folder}, so there is nothing to test on;"
                            f" unpack the set again, or take {name!r} out of config.data.targets.")  # fmt: skip
        apart = sorted(found - learnt)
        left_out = "" if every_class or not apart else f" Not in {source}, left out: {_some(apart)}."
        notes.append(f"{name}: tested on {len(found & learnt)} of {len(learnt)} classes.{left_out}")
        domains[name] = entries
        if margin and any(entry.box == WHOLE for entry in entries):
            notes.append(f"{name}: signs of {published.folder} are cut out without a margin, so they show none.")
        if target_images:
            shown += [(name, entry) for entry in _shown(name, parts[name], target_images, seed, notes)]
    more_classes = {entry.label for name in targets for entry in domains[name]} - learnt if every_class else set()
    classes = tuple(sorted(learnt | more_classes))

    def images(pairs: Iterable[tuple[str, Boxed]]) -> SourceImages:
        kept = (pair for pair in pairs if pair[1].label in classes)
        return SourceImages((to_image(entry, domain=name, margin=margin) for name, entry in kept), classes)

    def of(domain: str, entries: Iterable[Boxed]) -> list[tuple[str, Boxed]]:
        return [(domain, entry) for entry in entries]

    return Dataset(
        classes=classes,
        train=images([*of(source, train), *((name, entry) for name, entry in shown if entry.label in learnt)]),
        validation=images(of(source, validation)),
        domains={name: images(of(name, entries)) for name, entries in domains.items()},
        source=source,
        render_views=False,
        fixed_split=False,
        notes=tuple(notes),
        published={UNSEEN: tuple(sorted(more_classes))} if more_classes else {},
        untrained=tuple(sorted(more_classes)),
    )


def _check_options(source: str, targets: Sequence[str], validation_fraction: float) -> None:
    known = [name for name in (*_EITHER, *SETS) if name != SOURCE]
    if source != SOURCE:
        raise UserError(f"config.data.source is {source!r}; the road photographs have one source, {SOURCE!r} (GTSRB).")
    if unknown := [name for name in targets if name not in known]:
        raise UserError(f"config.data.targets has {unknown[0]!r}{nearest(unknown[0], known)}; the targets of the"
                        f" road photographs are {', '.join(known)}.")  # fmt: skip
    if len(set(targets)) != len(targets):
        raise UserError(f"config.data.targets is {','.join(targets)!r}; name each domain once.")
    if not 0 < validation_fraction < 0.5:
        raise UserError(f"config.data.validation_fraction is {validation_fraction}; expected more than 0 and less than"
                        " 0.5, such as 0.2.")  # fmt: skip


def _find_set(root: pathlib.Path, domain: str) -> tuple[pathlib.Path, _Set]:
    """Returns the folder of a domain's set, and the set."""
    folders = {path.name.lower(): path for path in sorted(root.iterdir()) if path.is_dir()}
    sets = [(name, SETS[name]) for name in _EITHER.get(domain, (domain,))]
    found = [(name, own) for name, own in sets if own.folder.lower() in folders]
    if len(found) > 1:
        raise UserError(f"{root} holds {' and '.join(own.folder for _, own in found)}, and config.data.targets says"
                        f" {domain!r}; say which: {' or '.join(name for name, _ in found)}.")  # fmt: skip
    if not found:
        rather = "" if domain == SOURCE else f", or take {domain!r} out of config.data.targets"
        names = " or ".join(own.folder for _, own in sets)
        raise UserError(f"{root}: no folder {names}, the images of {domain!r}; unpack it there{rather}.")
    return folders[found[0][1].folder.lower()], found[0][1]


def _read(domain: str, folder: pathlib.Path, own: _Set, notes: list[str]) -> dict[str, list[Boxed]]:
    """Returns the signs of each part whose class the graph has, labelled with it; what is left out is noted."""
    table, parts = read_classes(own.classes), {}
    for part, entries in own.read(folder).items():
        entries, scaled = fit_boxes(entries)
        notes += [f"{domain}: {note}" for note in scaled]
        kept, left_out = [], collections.Counter()
        for entry in entries:
            # A code with a value that the table does not have is the sign of any value.
            name, label = table.get(entry.label) or table.get(rtsd.without_value(entry.label)) or (entry.label, "")
            if label:
                kept.append(dataclasses.replace(entry, label=label))
            else:
                left_out[name] += 1
        if left_out:
            notes.append(
                f"{domain}: {left_out.total()} of {len(kept) + left_out.total()} {_PART[part]} images are of"
                f" {len(left_out)} classes that the graph does not have, left out: {_some(sorted(left_out))}."
            )
        parts[part] = kept
    return parts


_PART = {"train": "training", "test": "test"}


def _shown(
    domain: str, parts: Mapping[str, Sequence[Boxed]], count: int, seed: int, notes: list[str]
) -> Iterable[Boxed]:
    """Returns `count` photographs per class of a target's own training part, nested over counts."""
    if not parts.get("train") or not parts.get("test"):
        raise UserError(
            f"config.data.target_images is {count}, and {domain!r} has no training part of its own beside the part that"
            f" is tested; take {domain!r} out of config.data.targets, or set config.data.target_images=0."
        )
    tested = {entry.group for entry in parts["test"]}
    order = sorted(parts["train"], key=lambda entry: hashlib.blake2b(f"{seed}/{entry.name}".encode()).digest())
    taken, apart = collections.Counter(), 0
    for entry in order:
        if entry.group in tested:
            apart += 1
        elif taken[entry.label] < count:
            taken[entry.label] += 1
            yield entry
    if apart:
        notes.append(f"{domain}: {apart} training images show what its test part shows too, and are not trained on.")


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


_SETTINGS = {**FOLDER, "margin": "margin", "target_images": "target_images"}
SOURCES = {"road_photographs": Source(load, settings=_SETTINGS, open_classes=True)}
