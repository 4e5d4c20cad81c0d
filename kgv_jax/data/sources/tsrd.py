"""The Traffic Sign Recognition Database of the Chinese Traffic Sign Database: 58 classes, 4,170 + 1,994 images.

Published by the Institute of Automation, Chinese Academy of Sciences (http://www.nlpr.ia.ac.cn/pal/trafficdata). Each
part has a folder of PNGs (tsrd-train, TSRD-Test) and a list without a header, one line per image:

    000_0001.png;134;128;19;7;120;117;0;

which are the file, the image's width and height, the box x1, y1, x2, y2, and the class. Where folders and lists lie
differs with who unpacked them, so both are looked for two folders deep.
"""

from __future__ import annotations

import pathlib
import re

from kgv_jax.data.boxed import Boxed, require_files
from kgv_jax.util.errors import UserError
from kgv_jax.util.tables import find, read_table, require_folder

CLASSES = 58
LISTS = {"train": "TsignRecgTrain4170Annotation.txt", "test": "TsignRecgTest1994Annotation.txt"}

_TWIN = re.compile(r"^(\d+)_1_(.+)$")
_COLUMNS = ("filename", "width", "height", "x1", "y1", "x2", "y2", "class")


def read(root: pathlib.Path) -> dict[str, tuple[Boxed, ...]]:
    """Returns the signs of the parts that are there, `train`, `test` or both, each image once.

    Raises:
      UserError: as `read_part`, or there is neither part.
    """
    require_folder(root, f"{LISTS['train']} or {LISTS['test']}, and the images that they name")
    present = [part for part, table in LISTS.items() if find(root, table) is not None]
    if not present:
        raise UserError(f"{root}: neither {LISTS['train']} nor {LISTS['test']}, there or in its folders; unpack the"
                        " archive with the annotations of TSRD there.")  # fmt: skip
    return {part: _once(read_part(root, part=part)) for part in present}


def _once(entries: tuple[Boxed, ...]) -> tuple[Boxed, ...]:
    """Returns the entries without twins: `NNN_1_XXXX.png` has the pixels and the box of `NNN_XXXX.png`."""
    names = {entry.path.name for entry in entries}
    return tuple(
        entry
        for entry in entries
        if (first := _TWIN.sub(r"\1_\2", entry.path.name)) == entry.path.name or first not in names
    )


def read_part(root: pathlib.Path, *, part: str = "test") -> tuple[Boxed, ...]:
    """Returns the signs of a part, `train` or `test`; `label` is the published number of the class, as text.

    Raises:
      UserError: no list, no folder with its images, a broken line, an unknown class, or an image that is not there.
    """
    require_folder(root, f"{LISTS[part]} and the images that it names")
    table = find(root, LISTS[part])
    if table is None:
        raise UserError(f"{root}: no {LISTS[part]}, neither there nor in its folders; unpack the archive with the"
                        f" annotations of TSRD's {part} part there.")  # fmt: skip
    rows = list(read_table(table, _COLUMNS, delimiter=";", header=_COLUMNS))
    folders = (find(root, row.cells["filename"], prefer=part) for row in (rows[0], rows[-1]))
    first = next((path for path in folders if path is not None), None)
    if first is None:
        raise UserError(f"{table}: none of the images {rows[0].cells['filename']} and {rows[-1].cells['filename']} is"
                        f" in {root} or its folders; unpack the images of TSRD's {part} part there.")  # fmt: skip
    entries = []
    for row in rows:
        number, file = row.integer("class"), row.cells["filename"]
        if not 0 <= number < CLASSES:
            raise row.error(f"the class is {number}; expected 0 to {CLASSES - 1}")
        box = row.box(("x1", "y1", "x2", "y2"), ("width", "height"))
        name = f"{part}/{file}"  # both parts have the same file names
        entries.append(Boxed(first.parent / file, name, str(number), box, name, row.size(("width", "height"))))
    require_files(table, entries)
    return tuple(entries)
