"""A user's own images: ROOT/<domain>/<class>/*.{png,jpg,jpeg,webp,ppm,svg}."""

from __future__ import annotations

import collections
import concurrent.futures
import dataclasses
import functools
import hashlib
import itertools
import os
import pathlib
from collections.abc import Iterable, Mapping, Sequence

from kgv_jax.data import decode
from kgv_jax.data.source_images import SourceImages
from kgv_jax.data.sources.source import FOLDER, Source
from kgv_jax.data.types import Dataset, SourceImage
from kgv_jax.util.errors import UserError, nearest

_NAMED = 5  # files or classes that a note names before it only counts


def load(
    root: str | os.PathLike,
    *,
    source: str,
    targets: Sequence[str] | str,
    validation_fraction: float = 0.2,
    seed: int = 0,
    render_views: str = "auto",
    every_class: bool = False,
) -> Dataset:
    """Lists, checks and splits the images of a folder.

    The classes are the source's class folders with at least one readable image. Of `n`
    images of a class, a `validation_fraction` each goes to validation and to the
    source's test part, one at least where n >= 3; two give train and validation, which
    then serves as test too; a single one is trained on. Who goes where follows from a
    hash of (seed, path): a file added later displaces at most one other at each border,
    and none between validation and test.

    Every file is decoded once here, small, so that damaged ones are found now rather
    than in the middle of a run; the pixels in use are read later, when asked for.

    Args:
      root: the folder.
      source: domain to learn from.
      targets: domains to be tested on, a sequence or one string with commas.
      validation_fraction: between 0 and 0.5.
      seed: of the split.
      render_views: whether the images are drawings, of which views are to be
        rendered: "yes", "no", or "auto", which means yes if every file is an SVG.
      every_class: whether the targets' classes count that the source does not have.

    Raises:
      UserError: a folder is missing, the source has no image, a target has no class of
        the source, or the fraction is out of range.
    """
    root = pathlib.Path(root)
    if not 0 < validation_fraction < 0.5:
        raise UserError(
            f"validation_fraction is {validation_fraction}; expected a number between 0 and 0.5, such as 0.2."
        )
    targets = targets.split(",") if isinstance(targets, str) else targets
    targets = [name for name in dict.fromkeys(map(str.strip, targets)) if name and name != source]
    _check_folders(root, source, targets)

    notes: list[str] = []
    found = {domain: _images(root, domain, notes) for domain in (source, *targets)}
    classes = tuple(sorted(found[source]))
    if not classes:
        raise UserError(
            f"{root / source}: no class folder with a readable image; expected"
            f" {source}/<class>/*.{{{','.join(suffix[1:] for suffix in decode.SUFFIXES)}}}."
            + "".join(f"\n  {note}" for note in notes)
        )
    untrained = sorted({name for own in found.values() for name in own} - {*classes}) if every_class else []
    classes = tuple(sorted((*classes, *untrained)))
    train, validation, test = _split(found[source], validation_fraction, seed, notes)
    domains = {source: SourceImages(test, classes)}
    for domain in targets:
        domains[domain] = SourceImages(_common(domain, found[domain], source, classes, notes), classes)
    everyone = (*train, *validation, *(image for part in domains.values() for image in part))
    drawings = all(image.id.lower().endswith(".svg") for image in everyone)
    return Dataset(
        classes,
        SourceImages(train, classes),
        SourceImages(validation, classes),
        domains,
        source,
        render_views={"auto": drawings, "yes": True, "no": False}[render_views],
        notes=tuple(notes),
        untrained=tuple(untrained),
    )


def _check_folders(root: pathlib.Path, source: str, targets: Sequence[str]) -> None:
    if not root.is_dir():
        raise UserError(f"{root}: no such folder; expected ROOT/<domain>/<class>/<image>.")
    domains = domain_names(root)
    for role, name in (("source", source), *(("target", name) for name in targets)):
        if name not in domains:
            raise UserError(
                f"{root} has the domain folders {_some(domains) or '(none)'}; there is none for the {role}"
                f" {name!r}{nearest(name, domains) or '.'}"
            )


@dataclasses.dataclass(frozen=True)
class Scan:
    """What a domain's folder holds.

    Attributes:
      images: class -> its readable images, sorted by name.
      unreadable: path -> why it cannot be decoded.
      ignored: ending -> number of files that are no images.
      empty: class folders without an image file.
    """

    images: Mapping[str, Sequence[SourceImage]]
    unreadable: Mapping[pathlib.Path, str]
    ignored: collections.Counter[str]
    empty: Sequence[str]


def domain_names(root: pathlib.Path) -> list[str]:
    """Returns the domain folders of a data set."""
    return [path.name for path in _folders(root)]


def scan_domain(root: pathlib.Path, domain: str) -> Scan:
    """Decodes every image of a domain once, small."""
    folders = _folders(root / domain)
    paths: list[pathlib.Path] = []
    ignored: collections.Counter[str] = collections.Counter()
    for path in (path for folder in folders for path in sorted(folder.iterdir())):
        if path.name.startswith(".") or path.is_dir():
            continue
        if path.suffix.lower() in decode.SUFFIXES:
            paths.append(path)
        else:
            ignored[path.suffix.lower() or "no ending"] += 1
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        unreadable = dict(reason for reason in pool.map(_reason, paths) if reason is not None)
    images: dict[str, list[SourceImage]] = collections.defaultdict(list)
    for path in paths:
        if path not in unreadable:
            label = path.parent.name
            load_image = functools.partial(decode.decode, path)
            images[label].append(SourceImage(f"{domain}/{label}/{path.name}", domain, label, load_image))
    used = {path.parent.name for path in paths}
    return Scan(dict(images), unreadable, ignored, [path.name for path in folders if path.name not in used])


def _folders(path: pathlib.Path) -> list[pathlib.Path]:
    return sorted(child for child in path.iterdir() if child.is_dir() and not child.name.startswith("."))


def _images(root: pathlib.Path, domain: str, notes: list[str]) -> Mapping[str, Sequence[SourceImage]]:
    """Readable images of a domain by class; what had to be left out is noted."""
    scan = scan_domain(root, domain)
    if scan.ignored:
        notes.append(
            f"{domain}: {scan.ignored.total()} files with other endings ignored ({_some(sorted(scan.ignored))})."
        )
    if bad := scan.unreadable:
        reported = "".join(f"\n  {reason}" for reason in itertools.islice(bad.values(), _NAMED))
        more = f"\n  and {len(bad) - _NAMED} more" if len(bad) > _NAMED else ""
        count = len(bad) + sum(map(len, scan.images.values()))
        notes.append(f"{domain}: {len(bad)} of {count} images cannot be read and are left out:{reported}{more}")
    if lost := {path.parent.name for path in bad} - scan.images.keys():
        notes.append(f"{domain}: no readable image is left of {_some(sorted(lost))}.")
    if scan.empty:
        notes.append(f"{domain}: class folders without an image, left out: {_some(scan.empty)}.")
    return scan.images


def _reason(path: pathlib.Path) -> tuple[pathlib.Path, str] | None:
    try:
        decode.check(path)
    except UserError as error:
        return path, str(error)
    return None


def _split(
    found: Mapping[str, Sequence[SourceImage]], fraction: float, seed: int, notes: list[str]
) -> tuple[list[SourceImage], list[SourceImage], list[SourceImage]]:
    """Splits every class of the source into train, validation and test."""
    train, validation, test = [], [], []
    single, pair = [], []
    for label in sorted(found):
        images = sorted(found[label], key=lambda image: _rank(seed, image.id))
        count = len(images)
        part = min(max(1, round(fraction * count)), (count - 1) // 2)
        if count >= 3:
            test += images[:part]
            validation += images[count - part :]
            train += images[part : count - part]
        elif count == 2:
            pair.append(label)
            train.append(images[0])
            validation.append(images[1])
            test.append(images[1])
        else:
            single.append(label)
            train += images
    if pair:
        notes.append(f"two images only, one of them for validation and test alike: {_some(pair)}.")
    if single:
        notes.append(f"one image only, trained on and not tested at the source: {_some(single)}.")
    return train, validation, test


def _rank(seed: int, name: str) -> bytes:
    return hashlib.blake2b(repr((int(seed), name)).encode(), digest_size=16).digest()


def _common(
    domain: str,
    found: Mapping[str, Sequence[SourceImage]],
    source: str,
    classes: Sequence[str],
    notes: list[str],
) -> tuple[SourceImage, ...]:
    """Images of a target domain that belong to a class of the source."""
    common = [name for name in classes if name in found]
    unknown = sorted(found.keys() - set(classes))
    if not common:
        raise UserError(
            f"Target {domain!r} shares no class with source {source!r}: it has"
            f" {_some(unknown) or 'no image'}, the source has {_some(classes)}."
            " Class folders must have the same names; rename them, or leave the target out."
        )
    if unknown:
        notes.append(f"{domain}: classes that {source} does not have, left out: {_some(unknown)}.")
    if len(common) < len(classes):
        missing = [name for name in classes if name not in found]
        notes.append(f"{domain}: tested on {len(common)} of {len(classes)} classes; no image of {_some(missing)}.")
    return tuple(image for name in common for image in found[name])


def _some(names: Iterable[str], count: int = 4 * _NAMED) -> str:
    names = list(names)
    more = f" and {len(names) - count} more" if len(names) > count else ""
    return ", ".join(names[:count]) + more


SOURCES = {"folder": Source(load, settings=FOLDER | {"render_views": "render_views"}, open_classes=True)}
