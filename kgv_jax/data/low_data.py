"""Which training images a low-data run keeps: a share, a number of shots, or a list that somebody published."""

from __future__ import annotations

import collections
import hashlib
import itertools
import logging
import math
import pathlib
from collections.abc import Mapping, Sequence

import numpy as np

from kgv_jax.data.types import ImageSet, source_of_row
from kgv_jax.util.errors import UserError

_log = logging.getLogger(__name__)


def kept_rows(
    images: ImageSet,
    *,
    fraction: float = 1.0,
    shots: int = 0,
    subset: str = "",
    held_out: Sequence[str] = (),
    seed: int,
) -> np.ndarray | None:
    """Returns the rows of training images that a run keeps, sorted, or None for all of them.

    Args:
      images: `n` training images. Rows of one group are views of one source image.
      fraction: see `fraction_rows`; 1 keeps all.
      shots: see `shot_rows`; 0 is off.
      subset: file for `subset_rows`; empty is off. At most one of the three is used.
      held_out: see `subset_rows`.
      seed: of the orders.
    """
    if subset:
        return subset_rows(subset, images, held_out=held_out)
    if shots:
        return shot_rows(shots, images, seed=seed)
    return fraction_rows(fraction, images, seed=seed) if fraction < 1 else None


def fraction_rows(fraction: float, images: ImageSet, *, seed: int) -> np.ndarray:
    """Returns the same share of every class, nested: a smaller share is a part of a larger one.

    Where source images have several views, the first views of each are kept. Where they have one, the first groups of
    each class are kept with all their images, in an order that depends on the seed and their names. At least one is
    kept.
    """

    def first(rows: list) -> list:
        return rows[: max(1, math.ceil(fraction * len(rows)))]

    views = _rows_of(images, _sources(images))
    if any(len(rows) > 1 for rows in views.values()):
        return np.sort(np.concatenate([first(rows) for rows in views.values()]))
    groups = _rows_of(images, images.groups.tolist())
    kept = (rows for own in _by_class(images, groups, seed) for rows in first(own))
    return np.sort(np.concatenate([*kept]))


def shot_rows(shots: int, images: ImageSet, *, seed: int) -> np.ndarray:
    """Returns `shots` training images of every class, or all of a class that has fewer; nested.

    A shot is one row, an image as the network sees it. Each source image of a class in turn gives one of its views
    before any gives another, so that one shot is one source image and four shots are up to four. Of photographs in
    groups a shot is one group, with all its images: the frames of one track show one physical object.
    """
    sources = _sources(images)
    views, groups = _rows_of(images, sources), _rows_of(images, images.groups.tolist())
    if len(groups) < len(views):
        kept = [rows for own in _by_class(images, groups, seed) for rows in own[:shots]]
        return np.sort(np.concatenate(kept))
    kept = []
    for own in _by_class(images, views, seed):
        dealt = [row for turn in itertools.zip_longest(*own) for row in turn if row is not None]
        kept.append(dealt[:shots])
    return np.sort(np.concatenate(kept))


def subset_rows(path: str, images: ImageSet, *, held_out: Sequence[str] = ()) -> np.ndarray:
    """Returns all rows of the source images that a text file lists, one per line.

    A line is a source image's id or its last parts, such as `n01440764/n01440764_10026.JPEG`, or the bare file name
    as in SimCLR's 1 % and 10 % of ImageNet (github.com/google-research/simclr, `imagenet_subsets/`). Empty lines
    and those that begin with `#` are skipped. Published lists know nothing of our validation part: a line may mean
    one of the images `held_out` for it, given by their ids, and that image stays held out.

    Raises:
      UserError: the file cannot be read or is empty, a line is there twice, or means no or several images.
    """
    lines = _read_lines(path)
    views = _rows_of(images, _sources(images))
    found: dict[str, dict[str, None]] = {name: {} for name in lines}  # entry -> ids that it may mean, in order
    for id in itertools.chain(views, held_out):
        rest = id
        while rest:
            if rest in found:
                found[rest].setdefault(id)
            rest = rest.partition("/")[2]
    line_of: dict[str, int] = {}
    for name, number in lines.items():
        ids = list(found[name])
        if not ids:
            raise UserError(
                f"{path}, line {number}: {name!r} is none of the {len(views)} training images; expected an id, or "
                f"the last parts of one, such as {next(iter(views))!r}. Is the file of another data set or split?"
            )
        if len(ids) > 1:
            raise UserError(
                f"{path}, line {number}: {name!r} may mean {len(ids)} training images, such as "
                f"{', '.join(map(repr, ids[:3]))}; give more of the id."
            )
        if (first := line_of.setdefault(ids[0], number)) != number:
            raise UserError(f"{path}, line {number}: {name!r} is the image of line {first} again; keep one of them.")
    kept = [views[id] for id in line_of if id in views]
    if apart := len(line_of) - len(kept):
        _log.info("%s: %d of its %d images are held out and not trained on.", path, apart, len(line_of))
    if not kept:
        raise UserError(f"{path}: every image it lists is held out for validation or test; list others.")
    return np.sort(np.concatenate(kept))


def _read_lines(path: str) -> dict[str, int]:
    """Returns entry -> number of its line."""
    try:
        text = pathlib.Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"The list of training images {path} cannot be read ({error}); expected a text file with one per line."
        ) from error
    lines: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        name = line.strip()
        if not name or name.startswith("#"):
            continue
        if name in lines:
            raise UserError(f"{path}, line {number}: {name!r} is on line {lines[name]} already; keep one of them.")
        lines[name] = number
    if not lines:
        raise UserError(f"{path} lists no image; expected one per line, or an empty setting for all of them.")
    return lines


def _sources(images: ImageSet) -> list[str]:
    """Returns the source image of every row."""
    return [source_of_row(id) for id in images.ids.tolist()]


def _rows_of(images: ImageSet, names: Sequence[str]) -> dict[str, list[int]]:
    """Returns name -> its rows, both in order."""
    rows: dict[str, list[int]] = collections.defaultdict(list)
    for row, name in zip(range(len(images)), names, strict=True):
        rows[name].append(row)
    return dict(rows)


def _by_class(images: ImageSet, rows_of: Mapping[str, list[int]], seed: int) -> list[list[list[int]]]:
    """Returns the rows of every name, by class, in an order that depends on the seed and the names alone."""
    of_class: dict[int, list[list[int]]] = collections.defaultdict(list)
    for name in sorted(rows_of, key=lambda name: hashlib.blake2b(f"{seed}/{name}".encode()).digest()):
        of_class[int(images.labels[rows_of[name][0]])].append(rows_of[name])
    return list(of_class.values())
