"""Classes held out of training, on the side of the images: no image of them trains, all test or serve choices."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable, Collection, Sequence

from kgv_jax.data.source_images import SourceImages
from kgv_jax.data.types import Dataset, ImageList
from kgv_jax.util.errors import UserError, nearest


@dataclasses.dataclass(frozen=True)
class ClassChoice:
    """Which classes have a role, said in at most one way.

    Attributes:
      role: `unseen` or `validation`.
      count: a number of them, which the graph's tree spreads.
      classes: their names.
      file: a file with one name per line; lines that begin with # are comments.
      published: whether they are those that the data set is published with.
    """

    role: str
    count: int = 0
    classes: tuple[str, ...] = ()
    file: str = ""
    published: bool = False

    def setting(self, kind: str) -> str:
        """Returns the full name of one of the settings that it comes from."""
        return f"config.zero_shot.{self.role}_{kind}"


def read_classes(choice: ClassChoice, dataset: Dataset, choose: Callable[[int], Sequence[str]]) -> tuple[str, ...]:
    """Returns the classes of a choice.

    Args:
      choice: what the settings say.
      dataset: whose classes are meant.
      choose: from a number to classes.

    Raises:
      UserError: a number out of range, a file that cannot be read, or a name that is no class.
    """
    known = dataset.classes
    if choice.count:
        if choice.count >= len(known):
            raise UserError(
                f"{choice.setting('count')} is {choice.count}; expected 1 to {len(known) - 1}, of {len(known)} classes."
            )
        return tuple(choose(choice.count))
    names = dict.fromkeys(names_in(choice, dataset))
    if unknown := [name for name in names if name not in known]:
        kind = "file" if choice.file else "classes"
        raise UserError(
            f"{choice.setting(kind)} names {unknown[0]!r}{nearest(unknown[0], known)}; expected classes of the data "
            f"set, or a number of them: --{choice.setting('count')}=N."
        )
    return tuple(names)


def names_in(choice: ClassChoice, dataset: Dataset) -> tuple[str, ...]:
    """Returns the names that a choice gives, itself, in a file or as published; none of a number.

    Raises:
      UserError: the data set has no published classes of the role, or a file cannot be read.
    """
    if choice.published:
        if choice.role not in dataset.published:
            raise UserError(
                f"{choice.setting('published')} is set, and the data set is published without such classes; give a "
                f"number of them (--{choice.setting('count')}=N), or names (--{choice.setting('classes')}=A,B)."
            )
        return tuple(dataset.published[choice.role])
    return tuple(_read_lines(choice)) if choice.file else choice.classes


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


def _read_lines(choice: ClassChoice) -> list[str]:
    try:
        text = pathlib.Path(choice.file).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{choice.setting('file')} is {choice.file!r}, which cannot be read ({error}).") from error
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
