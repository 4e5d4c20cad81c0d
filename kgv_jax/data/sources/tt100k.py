"""Tsinghua-Tencent 100K: signs in Chinese street images, in whole frames or cut out.

Layouts read (Zhu et al., CVPR 2016; https://cg.cs.tsinghua.edu.cn/traffic-sign):
  published  annotations_all.json (2021) or annotations.json (2016), there or in data/, beside train/, test/ and
             other/ with the frames: `imgs[ID] = {path, objects: [{category, bbox: {xmin, ymin, xmax, ymax}}]}`
  cut out    {train,test}/<code>/<frame>_<k>.png: one sign an image, without a margin

A code such as `pl40` names the sign and what is written on it. Signs of one frame are of one group: several signs of a
kind often stand together.
"""

from __future__ import annotations

import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

from kgv_jax.data.boxed import WHOLE, Boxed, require_files
from kgv_jax.util.errors import UserError
from kgv_jax.util.tables import find, read_json, require_folder

EXPECTED = "annotations_all.json, annotations.json, or the folders train and test of cut-out signs"
PARTS = ("train", "test")

_TABLES = ("annotations_all.json", "annotations.json")
_CROPS = (".png", ".jpg", ".jpeg", ".webp", ".ppm")
_CORNERS = ("xmin", "ymin", "xmax", "ymax")


def read(root: pathlib.Path) -> dict[str, tuple[Boxed, ...]]:
    """Returns the signs of the parts that are there, `train` and `test`; `label` is the published code.

    Raises:
      UserError: neither layout, a broken entry, or an image that is not there.
    """
    require_folder(root, EXPECTED)
    table = next((path for name in _TABLES if (path := find(root, name)) is not None), None)
    if table is not None:
        parts: dict[str, list[Boxed]] = {}
        for part, entry in _frames(table):
            parts.setdefault(part, []).append(entry)
        kept = {part: tuple(parts[part]) for part in PARTS if part in parts}
        for entries in kept.values():
            require_files(table, entries)
    else:
        folders = {part: root / part for part in PARTS if (root / part).is_dir()}
        kept = {part: tuple(_crops(folder)) for part, folder in folders.items()}
        kept = {part: entries for part, entries in kept.items() if entries}
    if not kept:
        raise UserError(f"{root}: no signs of TT100K; expected {EXPECTED}. Unpack the archive there.")
    return kept


def _crops(folder: pathlib.Path) -> Iterator[Boxed]:
    for path in sorted(folder.glob("*/*")):
        if path.suffix.lower() in _CROPS:
            code, frame = path.parent.name, path.stem.rpartition("_")[0] or path.stem
            yield Boxed(path, f"{folder.name}/{code}/{path.name}", code, WHOLE, frame)


def _frames(table: pathlib.Path) -> Iterator[tuple[str, Boxed]]:
    images = read_json(table).get("imgs")
    if not isinstance(images, Mapping) or not images:
        raise UserError(f"{table}: no frames under 'imgs'; expected TT100K's annotations. Unpack the archive again.")
    for key, image in images.items():
        path = image.get("path") if isinstance(image, Mapping) else None
        if not isinstance(path, str):
            raise UserError(f"{table}: frame {key} has no 'path'; expected one such as train/10056.jpg.")
        for number, item in enumerate(image.get("objects") or ()):
            box, code = _box(table, key, number, item), item["category"]
            yield path.partition("/")[0], Boxed(table.parent / path, f"{path}#{number}", code, box, str(key))


def _box(table: pathlib.Path, key: str, number: int, item: Any) -> tuple[float, float, float, float]:
    try:
        left, top, right, bottom = (float(item["bbox"][corner]) for corner in _CORNERS)
        whole = isinstance(item["category"], str) and left < right and top < bottom and right > 0 and bottom > 0
    except (KeyError, TypeError, ValueError):
        whole = False
    if not whole:
        raise UserError(
            f"{table}: object {number} of frame {key} is {item!r}; expected a category and a bbox with"
            f" {', '.join(_CORNERS)} inside the frame. Fix it, or take it out."
        )
    return left, top, right, bottom
