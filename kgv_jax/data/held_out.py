"""Classes held out of training, on the side of the images: no image of them trains, all test or serve choices."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable, Collection, Sequence

from kgv_jax.data.source_images import SourceImages
from kgv_jax.data.types import Dataset, ImageList
from kgv_jax.util.errors import UserError, nearest
from kgv_jax.util.lists import split_names

PUBLISHED = "published"


def read_classes(setting: str, text: str, dataset: Dataset, draw: Callable[[int], Sequence[str]]) -> tuple[str, ...]:
    """Returns the classes that a setting names.

    Args:
      setting: `unseen` or `validation` of `config.zero_shot`.
      text: a number of classes, names separated by commas, a file with a name a line, or `published`; empty: none.
      dataset: whose classes are meant.
      draw: from a number to classes.

    Raises:
      UserError: a number out of range, a file that cannot be read, or a name that is no class.
    """
    known = dataset.classes
    if text.isdecimal():
        if not 0 < int(text) < len(known):
            raise UserError(
                f"config.zero_shot.{setting} is {text}; expected 1 to {len(known) - 1}, of {len(known)} classes."
            )
        return tuple(draw(int(text)))
    names = dict.fromkeys(names_in(setting, text, dataset))
    if unknown := [name for name in names if name not in known]:
        raise UserError(
            f"config.zero_shot.{setting} names {unknown[0]!r}{nearest(unknown[0], known)}; expected classes of the "
            "data set separated by commas, a file with a name a line, or a number of classes."
        )
    return tuple(names)


def names_in(setting: str, text: str, dataset: Dataset) -> tuple[str, ...]:
    """Returns the names that a setting gives, by itself or as `published`; none of a number.

    Raises:
      UserError: the data set has no published classes of that kind, or a file cannot be read.
    """
    if text.isdecimal():
        return ()
    if text == PUBLISHED:
        if setting not in dataset.published:
            raise UserError(
                f"config.zero_shot.{setting} is {PUBLISHED!r}, and the data set comes with no such classes; give a "
                "number of them, or names."
            )
        return tuple(dataset.published[setting])
    return tuple(_read_lines(text)) if pathlib.Path(text).is_file() else split_names(text)


def restrict(dataset: Dataset, classes: Sequence[str]) -> Dataset:
    """Returns the data set with some of its classes alone, and a note of what is left out."""
    if len(classes) == len(dataset.classes):
        return dataset
    lost = [name for name in dataset.classes if name not in classes]
    classes = tuple(classes)
    return dataclasses.replace(
        dataset,
        classes=classes,
        train=dataset.train.of_classes(classes).relabelled(classes),
        validation=dataset.validation.of_classes(classes).relabelled(classes),
        domains={name: images.of_classes(classes).relabelled(classes) for name, images in dataset.domains.items()},
        notes=(*dataset.notes, f"{len(lost)} classes are not known to this run and left out: {', '.join(lost)}"),
    )


def _read_lines(path: str) -> list[str]:
    try:
        text = pathlib.Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"config.zero_shot names the file {path}, which cannot be read ({error}).") from error
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]


def hold_out(dataset: Dataset, *, unseen: Collection[str], validation: Collection[str]) -> Dataset:
    """Returns the data set without training images of some classes, which stay among its classes.

    All images of the source of an unseen class become test images, and those of a validation class validation images,
    unless the data set's split is fixed: its test and validation parts have every class already. A validation class is
    in no test domain and an unseen one not in the validation part: nothing is chosen on what is tested.

    Args:
      dataset: the data set.
      unseen: classes that are tested.
      validation: classes on which choices are made.

    Raises:
      UserError: no class is left to learn.
    """
    held = {*unseen, *validation}
    train = dataset.train.without_classes(held)
    if not len(train):
        raise UserError(
            f"config.zero_shot holds out {len(held)} of {len(dataset.classes)} classes, and no training image is "
            "left; hold out fewer."
        )
    domains = {name: images.without_classes(validation) for name, images in dataset.domains.items()}
    held_out = dataset.validation.without_classes(unseen)
    if not dataset.fixed_split:
        source = SourceImages(
            (*dataset.train, *dataset.validation, *dataset.domains[dataset.source]), classes=dataset.classes
        )
        domains[dataset.source] = _union(domains[dataset.source], source.of_classes(unseen))
        held_out = _union(held_out, source.of_classes(validation))
    notes = [f"{len(unseen)} classes are held out of training and tested: {', '.join(unseen)}"]
    notes += [f"{len(validation)} more are held out to choose with: {', '.join(validation)}"] if validation else []
    return dataclasses.replace(
        dataset, train=train, validation=held_out, domains=domains, notes=(*dataset.notes, *notes)
    )


def _union(first: ImageList, second: ImageList) -> SourceImages:
    """Returns the images of both lists, each once."""
    return SourceImages({image.id: image for image in (*first, *second)}.values(), first.classes)
