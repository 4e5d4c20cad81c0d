"""Which training images a low-data run keeps: a share, a number of shots, or a list that somebody published."""

from __future__ import annotations

import collections
import hashlib
import itertools
import logging
import math
import pathlib
from collections.abc import Sequence

import numpy as np

from kgv_jax.data.types import SourceImage
from kgv_jax.util.errors import UserError

_log = logging.getLogger(__name__)


def kept_rows(
    images: Sequence[SourceImage],
    views_per_image: int,
    *,
    fraction: float = 1.0,
    shots: int = 0,
    subset: str = "",
    held_out: Sequence[SourceImage] = (),
    seed: int,
) -> np.ndarray | None:
    """Returns the rows of a render cache that a run keeps, sorted, or None for all of them.

    Args:
      images: `n` training images; the render cache has `n * per_picture` rows, image by image.
      per_picture: photographs of each, 1 where images are photographs themselves.
      fraction: see `fraction_rows`; 1 keeps all.
      shots: see `shot_rows`; 0 is off.
      subset: file for `subset_rows`; empty is off. At most one of the three is used.
      held_out: see `subset_rows`.
      seed: of the orders.
    """
    if subset:
        return subset_rows(subset, images, views_per_image, held_out=held_out)
    if shots:
        return shot_rows(shots, images, views_per_image, seed=seed)
    return fraction_rows(fraction, images, views_per_image, seed=seed) if fraction < 1 else None


def fraction_rows(fraction: float, images: Sequence[SourceImage], views_per_image: int, *, seed: int) -> np.ndarray:
    """Returns the same share of every class, nested: a smaller share is a part of a larger one.

    Of drawings, the first photographs of each; of photographs, the first images of each class in an
    order that depends on the seed and their ids; never fewer than one.
    """
    if views_per_image > 1:
        kept = max(1, math.ceil(fraction * views_per_image))
        return (np.arange(len(images))[:, None] * views_per_image + np.arange(kept)).reshape(-1)
    own = _ordered_by_class(images, seed).values()
    return np.sort(np.concatenate([rows[: max(1, math.ceil(fraction * len(rows)))] for rows in own]))


def shot_rows(shots: int, images: Sequence[SourceImage], views_per_image: int, *, seed: int) -> np.ndarray:
    """Returns `shots` training images of every class, or all of a class that has fewer; nested.

    A shot is an image that the network sees: a photograph. Of drawings, each in turn gives one of its
    photographs before any gives another, so that one shot is one drawing and four shots are up to four.
    """
    kept = []
    for rows in _ordered_by_class(images, seed).values():
        dealt = np.arange(views_per_image)[:, None] + np.array(rows) * views_per_image
        kept.append(dealt.reshape(-1)[:shots])
    return np.sort(np.concatenate(kept))


def subset_rows(
    path: str, images: Sequence[SourceImage], views_per_image: int, *, held_out: Sequence[SourceImage] = ()
) -> np.ndarray:
    """Returns all rows of the images that a text file lists, one a line.

    A line is an image's id or its last parts, such as `n01440764/n01440764_10026.JPEG`, or the bare file name
    as in SimCLR's 1 % and 10 % of ImageNet (github.com/google-research/simclr, `imagenet_subsets/`). Empty lines
    and those that begin with `#` say nothing. Published lists know nothing of our validation part: a line may mean
    one of the images held out for it, which stays held out.

    Raises:
      UserError: the file cannot be read or is empty, a line is there twice, or means no or several images.
    """
    lines = _read_lines(path)
    found: dict[str, dict[str, int]] = {name: {} for name in lines}  # entry -> {id: row}
    for row, image in enumerate(itertools.chain(images, held_out)):
        rest = image.id
        while rest:
            if rest in found:
                found[rest].setdefault(image.id, row)
            rest = rest.partition("/")[2]
    line_of_row: dict[int, int] = {}
    for name, number in lines.items():
        rows = list(found[name].values())
        if not rows:
            raise UserError(
                f"{path}, line {number}: {name!r} is none of the {len(images)} training images; expected an id, or "
                f"the last parts of one, such as {images[0].id!r}. Is the file of another data set or split?"
            )
        if len(rows) > 1:
            examples = ", ".join(map(repr, itertools.islice(found[name], 3)))
            raise UserError(
                f"{path}, line {number}: {name!r} may mean {len(rows)} training images, such as {examples}; give "
                "more of the id."
            )
        if (first := line_of_row.setdefault(rows[0], number)) != number:
            raise UserError(f"{path}, line {number}: {name!r} is the image of line {first} again; keep one of them.")
    rows = np.sort(np.fromiter(line_of_row, np.int64))
    rows = rows[rows < len(images)]
    if apart := len(line_of_row) - len(rows):
        _log.info("%s: %d of its %d images are held out and not trained on", path, apart, len(line_of_row))
    if not len(rows):
        raise UserError(f"{path}: every image it lists is held out for validation or test; list others.")
    return (rows[:, None] * views_per_image + np.arange(views_per_image)).reshape(-1)


def _read_lines(path: str) -> dict[str, int]:
    """Returns entry -> number of its line."""
    try:
        text = pathlib.Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"The list of training images {path} cannot be read ({error}); expected a text file with one a line."
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
        raise UserError(f"{path} lists no image; expected one a line, or an empty setting for all of them.")
    return lines


def _ordered_by_class(images: Sequence[SourceImage], seed: int) -> dict[str | None, list[int]]:
    """Returns class -> positions of its images, in an order that depends on the seed and their ids alone."""
    known = [(hashlib.blake2b(f"{seed}/{p.id}".encode()).digest(), p.label) for p in images]
    rows: dict[str | None, list[int]] = collections.defaultdict(list)
    for row in sorted(range(len(known)), key=lambda row: known[row][0]):
        rows[known[row][1]].append(row)
    return rows
