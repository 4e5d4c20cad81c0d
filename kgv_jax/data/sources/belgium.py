"""BelgiumTSC: Belgian signs, 62 classes, 4,591 training and 2,534 test images (Timofte et al., WACV 2009).

    BelgiumTSC_Training/Training/00000/GT-00000.csv and 01153_00000.ppm    (pole, frame)
    BelgiumTSC_Testing/Testing/00000/GT-00000.csv ...                      https://btsd.ethz.ch/shareddata

The tables look like GTSRB's, but in the published files Width and Height are exchanged, and so are X and Y of boxes. A
corrected copy may exist, so each part is read as its images say: by the order under which more sizes are right.
Some rows name a file twice; it is kept once. Images of one pole, the number before `_`, show the same signs.
"""

from __future__ import annotations

import pathlib

from kgv_jax.data.boxed import Boxed, require_files
from kgv_jax.data.decode import image_size
from kgv_jax.util.errors import UserError
from kgv_jax.util.tables import find, read_table, require_folder

CLASSES = 62
EXPECTED = "BelgiumTSC_Training/Training/00000/GT-00000.csv or BelgiumTSC_Testing/Testing/00000/GT-00000.csv"

_FOLDERS = {"train": "Training", "test": "Testing"}
_SIZE = ("Width", "Height")
_BOX = ("Roi.X1", "Roi.Y1", "Roi.X2", "Roi.Y2")
_EXCHANGED = (("Height", "Width"), ("Roi.Y1", "Roi.X1", "Roi.Y2", "Roi.X2"))
_SAMPLE = 400  # images of a part whose sizes are looked at; square ones say nothing


def read(root: pathlib.Path) -> dict[str, tuple[Boxed, ...]]:
    """Returns the signs of the parts that are there; `label` is the published number of the class, as text.

    Raises:
      UserError: no part, a broken row, an unknown class, or an image that is not there.
    """
    require_folder(root, EXPECTED)
    parts = {}
    for part, name in _FOLDERS.items():
        folder = find(root, name)
        if folder is not None and folder.is_dir():
            parts[part] = _read_part(folder)
    if not parts:
        raise UserError(f"{root}: no folder Training or Testing of BelgiumTSC; expected {EXPECTED}. Unpack it there.")
    return parts


def _read_part(folder: pathlib.Path) -> tuple[Boxed, ...]:
    rows = {}
    for own in sorted(path for path in folder.iterdir() if path.is_dir()):
        for row in read_table(own / f"GT-{own.name}.csv", ("Filename", *_SIZE, *_BOX, "ClassId"), delimiter=";"):
            rows.setdefault(own / row.cells["Filename"], row)
    if not rows:
        raise UserError(f"{folder}: no class folder; expected 00000 to {CLASSES - 1:05d}. Unpack the archive again.")
    size, box = _columns(rows)
    entries = []
    for path, row in rows.items():
        number = row.integer("ClassId")
        if not 0 <= number < CLASSES:
            raise row.error(f"ClassId is {number}; expected 0 to {CLASSES - 1}")
        name, pole = f"{folder.name}/{path.parent.name}/{path.name}", path.name.partition("_")[0]
        entries.append(Boxed(path, name, str(number), row.box(box, size), pole, row.size(size)))
    require_files(folder, entries)
    return tuple(entries)


def _columns(rows) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Returns the columns of width and height, and of the box, in the order that the images agree with."""
    straight = exchanged = 0
    step = max(1, len(rows) // _SAMPLE)
    for path, row in [*rows.items()][::step]:
        if path.exists():
            stated, real = row.size(_SIZE), image_size(path)
            straight += stated == real != stated[::-1]
            exchanged += stated[::-1] == real != stated
    return _EXCHANGED if exchanged > straight else (_SIZE, _BOX)
