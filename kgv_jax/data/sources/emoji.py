"""Emoji: the same concepts in eleven styles, learnt in some and recognised in others.

A domain is a style, or several joined by +, such as `noto+twemoji`. Styles of one family share drawings (the black ones
of an artist are the colour ones without the colours, a later edition keeps a few of an earlier one), so no family is on
both sides.

  colour    noto, noto_v1; twemoji; emojione, emojione_v1; fxemoji; fluent_flat; openmoji
  line art  emojione_monotone (of emojione), fluent_contrast (of fluent_flat), openmoji_black (of openmoji)
"""

from __future__ import annotations

import collections
import functools
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kgv_jax.data.prepare.emoji import STYLES, emoji_folder, open_emoji
from kgv_jax.data.prepare.emoji_elements import elements_folder
from kgv_jax.data.prepare.rendered import resized
from kgv_jax.data.source_images import SourceImages
from kgv_jax.data.sources.source import HELD_OUT, Source
from kgv_jax.data.types import Dataset, SourceImage
from kgv_jax.util.errors import UserError, nearest

SOURCE = "noto+noto_v1+twemoji+emojione+emojione_v1"
TARGETS = ("fxemoji", "fluent_flat", "openmoji", "fluent_contrast", "openmoji_black")
FAMILIES: Mapping[str, str] = {style.name: style.family for style in STYLES}


def load(
    *,
    source: str = SOURCE,
    targets: Sequence[str] = TARGETS,
    validation_fraction: float = 0.5,
    seed: int = 0,
    cache: str | os.PathLike | None = None,
) -> Dataset:
    """Returns the emoji as drawings, of which views are rendered.

    Of a class that several source families draw, all drawings of one are held out for validation: another artist, as in
    a test, and not another edition of a style that was learnt. The source's own test domain has the training drawings:
    new views of them measure how much accuracy is lost to rendering alone, with no shift between drawings.

    Args:
      source: style to learn from, or several joined by +.
      targets: styles to be tested on, each one or several joined by +.
      validation_fraction: share of the classes that hold a family out.
      seed: chooses what is held out.
      cache: where `kgv_jax.data.prepare` put the drawings, if not in the user's cache folder.

    Raises:
      UserError: an unknown style, a family on both sides, a fraction outside [0, 1], or drawings that are not prepared.
    """
    learnt = _styles(source, "source")
    tested = {target: _styles(target, "targets") for target in targets}
    _check_families(learnt, tested)
    if not 0 <= validation_fraction <= 1:
        raise UserError(f"config.data.validation_fraction is {validation_fraction}; choose a number from 0 to 1.")
    pixels, entries = open_emoji(emoji_folder(cache))
    rows: dict[str, list[int]] = collections.defaultdict(list)
    for row, entry in enumerate(entries):
        rows[entry["style"]].append(row)
    if absent := [style for style in (*learnt, *(s for own in tested.values() for s in own)) if style not in rows]:
        folder = emoji_folder(cache)
        raise UserError(f"The prepared emoji have no style {absent[0]!r}; delete {folder} and prepare them again.")

    def images(styles: Sequence[str]) -> list[SourceImage]:
        return [_image(entries[row], pixels[row]) for style in styles for row in rows[style]]

    drawings = sorted(images(learnt), key=lambda image: image.id)
    classes = tuple(sorted({image.label for image in drawings}))
    held = _held_out(drawings, classes, fraction=validation_fraction, seed=seed)
    train = SourceImages((image for image in drawings if image.id not in held), classes)
    return Dataset(
        classes=classes,
        train=train,
        validation=SourceImages((image for image in drawings if image.id in held), classes),
        domains={source: train, **{target: SourceImages(images(styles), classes) for target, styles in tested.items()}},
        source=source,
        render_views=True,
    )


def _styles(domain: str, setting: str) -> tuple[str, ...]:
    styles = tuple(domain.split("+"))
    if unknown := [style for style in styles if style not in FAMILIES]:
        raise UserError(f"config.data.{setting} has the style {unknown[0]!r}{nearest(unknown[0], FAMILIES)}; there are"
                        f" {', '.join(FAMILIES)}.")  # fmt: skip
    if len(set(styles)) != len(styles):
        raise UserError(f"config.data.{setting} has {domain!r}; name each style once.")
    return styles


def _check_families(learnt: Sequence[str], tested: Mapping[str, Sequence[str]]) -> None:
    style_of = {FAMILIES[style]: style for style in learnt}
    for styles in tested.values():
        for style in styles:
            if FAMILIES[style] in style_of:
                raise UserError(
                    f"config.data.targets has {style!r}, which shares drawings with {style_of[FAMILIES[style]]!r} of"
                    f" config.data.source (both of the family {FAMILIES[style]!r}): a test would meet what was learnt."
                    " Take one of them out."
                )


def _held_out(drawings: Sequence[SourceImage], classes: Sequence[str], *, fraction: float, seed: int) -> set[str]:
    """Returns the ids of one family's drawings of each class that several draw; `fraction` of those classes."""
    rng = np.random.default_rng(seed)
    own: dict[str, dict[str, list[str]]] = {label: {} for label in classes}
    for image in drawings:
        own[image.label].setdefault(FAMILIES[image.domain], []).append(image.id)
    several = [label for label in classes if len(own[label]) > 1]
    chosen = rng.permutation(len(several))[: round(fraction * len(several))]
    families = (sorted(own[several[k]].items()) for k in sorted(chosen))
    return {id for of_class in families for id in of_class[rng.integers(len(of_class))][1]}


def _image(entry: Mapping[str, Any], pixels: np.ndarray) -> SourceImage:
    load = functools.partial(resized, pixels)
    return SourceImage(f"{entry['style']}/{entry['class']}/{entry['code']}", entry["style"], entry["class"], load)


SOURCES = {"emoji": Source(load, settings=HELD_OUT, elements=elements_folder)}
