"""Real sign artwork: trained on drawings of the Vienna convention, tested on other artists and conventions.

`sources/artwork_classes.csv` says which image of which package is which class, in which domain:
  vienna     red-bordered triangles and rings, blue discs and plates, of many countries
  germany    the German catalogue by another artist
  clipart    British and other signs of the open clip art library
  diamond    yellow and orange diamonds of the American manual (MUTCD)
  rectangle  black on white plates of the same manual
"""

from __future__ import annotations

import collections
import functools
import os
from collections.abc import Sequence

import numpy as np

from kgv_jax.data.prepare.artwork import ArtworkEntry, Prepared, artwork_folder, open_prepared, read_table
from kgv_jax.data.prepare.rendered import resized
from kgv_jax.data.source_images import SourceImages
from kgv_jax.data.sources.source import HELD_OUT, Source
from kgv_jax.data.types import Dataset, SourceImage
from kgv_jax.util.errors import UserError, nearest

TARGETS = ("germany", "clipart", "diamond", "rectangle")


def load(
    *,
    source: str = "vienna",
    targets: Sequence[str] = TARGETS,
    validation_fraction: float = 1.0,
    seed: int = 0,
    cache: str | os.PathLike | None = None,
) -> Dataset:
    """Returns the artwork as drawings, of which views are rendered.

    Of a class with two or more source drawings one is held out for validation. The source's own test
    domain holds the training drawings: new views of them measure how much accuracy is lost
    to rendering alone, with no shift between drawings.

    Args:
      source: domain to learn from.
      targets: domains to be tested on.
      validation_fraction: share of the classes with two or more source drawings that hold one out.
      seed: chooses the drawings held out.
      cache: where `kgv_jax.data.prepare` put the images, if not in the user's cache folder.

    Raises:
      UserError: an unknown domain, a fraction outside [0, 1], or images that are not prepared.
    """
    table = read_table()
    domains = {drawing.domain for drawing in table}
    if unknown := [name for name in (source, *targets) if name not in domains]:
        raise UserError(
            f"the artwork has no domain {unknown[0]!r}{nearest(unknown[0], domains)};"
            f" it has {', '.join(sorted(domains))}."
        )
    if source in targets or len(set(targets)) != len(targets):
        raise UserError(f"source {source!r} and targets {', '.join(targets)}: a domain is named twice; name each once.")
    if not 0 <= validation_fraction <= 1:
        raise UserError(f"validation_fraction is {validation_fraction}; choose a number from 0 to 1.")
    prepared = open_prepared(artwork_folder(cache), table)

    drawings = collections.defaultdict(lambda: collections.defaultdict(list))  # domain -> class -> [ArtworkEntry]
    for drawing in sorted(table, key=lambda drawing: drawing.id):
        drawings[drawing.domain][drawing.label].append(drawing)
    classes = tuple(sorted(c for c in drawings[source] if any(c in drawings[target] for target in targets)))
    held = _held_out({c: drawings[source][c] for c in classes}, fraction=validation_fraction, seed=seed)

    def images(domain: str) -> list[tuple[ArtworkEntry, SourceImage]]:
        return [(d, _image(d, prepared)) for c in classes for d in drawings[domain][c]]

    train = SourceImages((image for drawing, image in images(source) if drawing not in held), classes)
    apart = len(drawings[source]) - len(classes)
    single = sum(len(drawings[source][c]) == 1 for c in classes)
    notes = [f"{single} of {len(classes)} classes have one drawing and none held out for validation"]
    if apart:
        notes.append(f"{apart} classes of {source} are in no target and left out")
    return Dataset(
        classes=classes,
        train=train,
        validation=SourceImages((image for drawing, image in images(source) if drawing in held), classes),
        domains={source: train, **{name: SourceImages((p for _, p in images(name)), classes) for name in targets}},
        source=source,
        render_views=True,
        notes=tuple(notes),
    )


def _held_out(drawings: dict[str, list[ArtworkEntry]], *, fraction: float, seed: int) -> set[ArtworkEntry]:
    """Returns one drawing of each class that can spare it; `fraction` of those classes."""
    rng = np.random.default_rng(seed)
    several = sorted(c for c, members in drawings.items() if len(members) > 1)
    chosen = rng.permutation(len(several))[: round(fraction * len(several))]
    picks = {several[i]: drawings[several[i]] for i in sorted(chosen)}
    return {members[rng.integers(len(members))] for members in picks.values()}


def _image(drawing: ArtworkEntry, prepared: Prepared) -> SourceImage:
    pixels = prepared.pixels[prepared.row[drawing.id]]
    return SourceImage(drawing.id, drawing.domain, drawing.label, functools.partial(resized, pixels))


SOURCES = {"artwork": Source(load, settings=HELD_OUT)}
