"""The Russian Traffic Sign Dataset (Shakhuro and Konushin, Computer Optics 40(2), 2016): classes are codes of signs.

Layouts read, the first that is found:
  crops   rtsd-r1 or rtsd-r3: train/, test/ with cut-out signs, gt_train.csv and gt_test.csv (filename, class_number),
          numbers_to_classes.csv (class_number, sign_class)
  frames  full-gt.csv (filename, x_from, y_from, width, height, sign_class, sign_id) and rtsd-frames/ with whole frames;
          it names no parts, so all of it is every part
  COCO    train_anno.json, val_anno.json with boxes [x, y, width, height], label_map.json (sign_class -> category) and
          rtsd-frames/; as on Kaggle (watchman/rtsd-dataset)

A code is that of GOST R 52290 with underscores, and what is written on the sign at its end: 3_24_n40 is a limit of 40.
The COCO files leave the number out.
"""

from __future__ import annotations

import pathlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from kgv_jax.data.boxed import WHOLE, Boxed, require_files
from kgv_jax.util.errors import UserError
from kgv_jax.util.tables import Row, find, read_json, read_table, require_folder

EXPECTED = "rtsd-r1/gt_test.csv, full-gt.csv, or val_anno.json"

_CODE = re.compile(r"\d+(_\d+)*(_[a-z][\d.]*)?")
_JSON = {"train": "train_anno.json", "test": "val_anno.json"}


def read(root: pathlib.Path) -> dict[str, tuple[Boxed, ...]]:
    """Returns the signs of the parts that are there, `train` and `test`; frames with one table for all are `test`.

    Raises:
      UserError: as `read_part`.
    """
    parts = {"test": read_part(root)}
    if find(root, "gt_train.csv", prefer="rtsd-r") is not None or find(root, _JSON["train"]) is not None:
        parts["train"] = read_part(root, part="train")
    return parts


def read_part(root: pathlib.Path, *, part: str = "test") -> tuple[Boxed, ...]:
    """Returns the signs of a part, `train` or `test`; `label` is the published code, such as `3_24_n40`.

    Raises:
      UserError: no table, a broken row, an unknown class, or an image that is not there.
    """
    require_folder(root, EXPECTED)
    if (table := find(root, f"gt_{part}.csv", prefer="rtsd-r")) is not None:
        entries = tuple(_crops(table, table.parent / part))
    elif (table := find(root, "full-gt.csv")) is not None:
        entries = tuple(_frames(table, _frame_folder(root, table)))
    elif (table := find(root, _JSON[part])) is not None:
        entries = tuple(_coco(table, _frame_folder(root, table)))
    else:
        raise UserError(f"{root}: no table of RTSD; expected {EXPECTED}, there or in its folders.")
    require_files(table, entries)
    return entries


def without_value(code: str) -> str:
    """Returns a code without what is written on the sign: `3_24_n40` -> `3_24`."""
    return re.sub(r"_[a-z][\d.]*$", "", code)


def _crops(table: pathlib.Path, folder: pathlib.Path) -> Iterator[Boxed]:
    numbers = table.parent / "numbers_to_classes.csv"
    code_of = {row.cells["class_number"]: _code(row) for row in read_table(numbers, ("class_number", "sign_class"))}
    for row in read_table(table, ("filename", "class_number")):
        file, number = row.cells["filename"], row.cells["class_number"]
        if number not in code_of:
            raise row.error(f"class_number is {number!r}, which {numbers.name} does not have")
        name = f"{table.parent.name}/{folder.name}/{file}"  # both parts have the same file names
        yield Boxed(folder / file, name, code_of[number], WHOLE, name)


def _frames(table: pathlib.Path, folder: pathlib.Path) -> Iterator[Boxed]:
    columns = ("filename", "x_from", "y_from", "width", "height", "sign_class")
    for row in read_table(table, columns):
        left, top, width, height = (row.integer(column) for column in columns[1:5])
        yield _in_frame(row, folder, row.cells["filename"], (left, top, width, height), _code(row))


def _coco(table: pathlib.Path, folder: pathlib.Path) -> Iterator[Boxed]:
    content = read_json(table)
    files = {image["id"]: image["file_name"] for image in _items(table, content, "images", ("id", "file_name"))}
    code_of = _categories(table, content)
    for place, item in enumerate(_items(table, content, "annotations", ("image_id", "category_id", "bbox")), 1):
        row = Row(table, place, {"sign_class": code_of.get(item["category_id"], "")})
        if item["image_id"] not in files or not row.cells["sign_class"]:
            which = "image_id" if item["image_id"] not in files else "category_id"
            raise UserError(f"{table}: annotation {place} has the {which} {item[which]!r}, which is not listed; unpack"
                            " the archive again, or take the annotation out.")  # fmt: skip
        yield _in_frame(row, folder, files[item["image_id"]], item["bbox"], _code(row), what="annotation")


def _in_frame(row: Row, folder: pathlib.Path, file: str, box, code: str, *, what: str = "line") -> Boxed:
    name = pathlib.PurePosixPath(file).name  # the COCO files write the folder of the frames too
    if len(box) != 4 or not (box[2] > 0 and box[3] > 0 and box[0] + box[2] > 0 and box[1] + box[3] > 0):
        raise UserError(f"{row.table}: {what} {row.line}: the box {list(box)} (left, top, width, height) is no box in a"
                        f" image; fix the {what}, or take it out.")  # fmt: skip
    left, top, width, height = box
    return Boxed(folder / name, f"{name}#{row.line}", code, (left, top, left + width, top + height), name)


def _code(row: Row) -> str:
    code = row.cells["sign_class"]
    if not _CODE.fullmatch(code):
        raise row.error(f"sign_class is {code!r}; expected a code such as 3_24_n40")
    return code


def _frame_folder(root: pathlib.Path, table: pathlib.Path) -> pathlib.Path:
    folder = find(root, "rtsd-frames/rtsd-frames") or find(root, "rtsd-frames")
    if folder is None:
        raise UserError(f"{table}: no folder rtsd-frames with its images in {root}; unpack the frames of RTSD there.")
    return folder


def _categories(table: pathlib.Path, content: Mapping[str, Any]) -> dict[int, str]:
    labels = table.parent / "label_map.json"
    if labels.exists():
        return {number: code for code, number in read_json(labels).items()}
    if "categories" not in content:
        raise UserError(f"{labels}: no such file, and {table.name} has no categories: the codes of the classes are"
                        " missing. Put label_map.json beside it.")  # fmt: skip
    return {item["id"]: item["name"] for item in _items(table, content, "categories", ("id", "name"))}


def _items(table: pathlib.Path, content: Mapping[str, Any], key: str, needed: tuple[str, ...]) -> list[dict[str, Any]]:
    """Returns a list of the file, in which every item has what is needed."""
    items = content.get(key)
    if not isinstance(items, list) or not items:
        raise UserError(f"{table}: no list {key!r} in it; expected COCO's images, annotations and categories.")
    for place, item in enumerate(items, 1):
        if missing := [name for name in needed if name not in item]:
            raise UserError(f"{table}: {key} {place} has no {missing[0]!r}; fix it, or take it out.")
    return items
