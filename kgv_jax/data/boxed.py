"""Photographs that a table names, with a box and a published class each: what loaders of published sets share."""

from __future__ import annotations

import csv
import dataclasses
import functools
import hashlib
import importlib.resources
import math
import os
import pathlib
from collections.abc import Iterable, Mapping, Sequence

from kgv_jax.data.decode import decode_box
from kgv_jax.data.types import Picture
from kgv_jax.util.errors import UserError

Box = tuple[float, float, float, float]
WHOLE: Box = (0, 0, math.inf, math.inf)  # the picture is the crop

_NAMED = 3  # files that an error names before it only counts


@dataclasses.dataclass(frozen=True)
class Boxed:
    """One object in a photograph.

    Attributes:
      path: the picture.
      name: unique in its set and stable wherever the set lies.
      label: published class, as the set writes it.
      box: (left, top, right, bottom) in pixels, right and bottom just outside.
      group: what shows the same physical object has the same one.
    """

    path: pathlib.Path
    name: str
    label: str
    box: Box
    group: str


@dataclasses.dataclass(frozen=True)
class Row:
    """A row of a table; numbers are read with its place at hand, for errors."""

    table: pathlib.Path
    line: int
    cells: Mapping[str, str]

    def integer(self, column: str) -> int:
        """Returns a whole number."""
        try:
            return int(self.cells[column])
        except ValueError:
            raise self.error(f"{column} is {self.cells[column]!r}; expected a whole number") from None

    def box(self, columns: Sequence[str], size: Sequence[str] = ()) -> Box:
        """Returns left, top, right, bottom; checked against the columns of the picture's width and height if given."""
        left, top, right, bottom = box = tuple(self.integer(column) for column in columns)
        width, height = (self.integer(column) for column in size) if size else (math.inf, math.inf)
        if left >= right or top >= bottom or right <= 0 or bottom <= 0 or left >= width or top >= height:
            inside = f" inside the picture, {width} x {height}" if size else ""
            raise self.error(f"the box {box} (left, top, right, bottom) is no box{inside}")
        return box

    def error(self, problem: str) -> UserError:
        """Returns the error that tells a problem of this row."""
        return UserError(f"{self.table}: line {self.line}: {problem}; mend the row, or take it out.")


def read_table(
    table: pathlib.Path, columns: Sequence[str], *, delimiter: str = ",", header: Sequence[str] | None = None
) -> list[Row]:
    """Reads a table that has these columns; spaces about names and cells are dropped, empty lines skipped.

    Args:
      table: the file.
      columns: what is read of it.
      delimiter: between cells.
      header: names of the columns where the file has no line with them.

    Raises:
      UserError: the file is missing or no text, a column or a cell is missing, or there is no row.
    """
    try:
        with open(table, encoding="utf-8-sig", newline="") as file:
            lines = list(enumerate(csv.reader(file, delimiter=delimiter), start=1))
    except FileNotFoundError:
        raise UserError(f"{table}: no such table; unpack the archive again, or set config.data.root.") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{table}: cannot be read as a table ({error}); unpack the archive again.") from error
    lines = [(number, [cell.strip() for cell in cells]) for number, cells in lines if any(map(str.strip, cells))]
    names = list(header) if header is not None else lines.pop(0)[1] if lines else []
    if missing := [name for name in columns if name not in names]:
        raise UserError(
            f"{table}: no column {missing[0]!r}; it has {', '.join(names) or 'none'}, cells apart by {delimiter!r}."
            " Expected the table as published; unpack the archive again."
        )
    if not lines:
        raise UserError(f"{table}: the table has no row; unpack the archive again.")
    place = {name: names.index(name) for name in columns}
    last = max(place.values())
    rows = []
    for number, cells in lines:
        row = Row(table, number, {name: cells[k] for name, k in place.items() if k < len(cells)})
        if len(cells) <= last:
            raise row.error(f"{len(cells)} cells; expected {last + 1} or more: {', '.join(columns)}")
        rows.append(row)
    return rows


def find(root: pathlib.Path, name: str, *, prefer: str = "") -> pathlib.Path | None:
    """Returns the file or folder of a name in `root` or up to two folders below, or None.

    Of several, one whose path below `root` has `prefer` in it goes first, whatever the case; then the least deep.
    """
    found = [path for pattern in ("", "*/", "*/*/") for path in sorted(root.glob(pattern + name))]
    preferred = [path for path in found if prefer and prefer in str(path.relative_to(root)).lower()]
    return next(iter(preferred + found), None)


def require_folder(root: pathlib.Path, expected: str) -> None:
    """Raises the UserError for a root that is missing or empty."""
    if not root.is_dir():
        raise UserError(f"{root}: no such folder; expected {expected}. Set config.data.root to where it lies.")
    if not any(root.iterdir()):
        raise UserError(f"{root}: the folder is empty; expected {expected}. Unpack the archives of the set there.")


def require_files(table: pathlib.Path, entries: Iterable[Boxed]) -> None:
    """Raises a UserError if a picture that the table names is absent: one listing a folder, no picture opened."""
    paths = sorted({entry.path for entry in entries})
    present = {folder: _names(folder) for folder in {path.parent for path in paths}}
    if absent := [path for path in paths if path.name not in present[path.parent]]:
        told = ", ".join(map(str, absent[:_NAMED])) + (", ..." if len(absent) > _NAMED else "")
        raise UserError(
            f"{table}: {len(absent)} of the {len(paths)} pictures it names are absent: {told}."
            " Unpack the archive with the pictures again, or take the rows out."
        )


def _names(folder: pathlib.Path) -> set[str]:
    return set(os.listdir(folder)) if folder.is_dir() else set()


def read_classes(file: str) -> dict[str, tuple[str, str]]:
    """Returns published class -> (its name, local name of the graph's class, or "") from a table of the package."""
    text = importlib.resources.files("kgv_jax.data.sources").joinpath(file).read_text(encoding="utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    return {row["published"]: (row["name"], row["class"]) for row in rows}


def to_picture(entry: Boxed, *, domain: str, margin: float) -> Picture:
    """Returns the crop of an object as a picture of its class."""
    load = functools.partial(decode_box, entry.path, entry.box, margin=margin)
    return Picture(f"{domain}/{entry.label}/{entry.name}", domain, entry.label, load)


def split_groups(entries: Iterable[Boxed], fraction: float, *, parts: int, seed: int) -> tuple[list[Boxed], ...]:
    """Returns (kept, part 1, ..., part n): whole groups only, so that no object is on two sides.

    Of `n` groups of a label each part gets `fraction` of them, at least one where one is left to keep. The order is a
    hash of (seed, group).
    """
    groups: dict[str, dict[str, list[Boxed]]] = {}
    for entry in entries:
        groups.setdefault(entry.label, {}).setdefault(entry.group, []).append(entry)
    kept: list[Boxed] = []
    held: list[list[Boxed]] = [[] for _ in range(parts)]
    for label in sorted(groups):
        order = sorted(groups[label], key=lambda group: _rank(seed, group))
        count = min(max(1, round(fraction * len(order))), (len(order) - 1) // parts)
        for k, group in enumerate(order):
            part = k // count if count else parts
            (held[part] if part < parts else kept).extend(groups[label][group])
    return kept, *held


def _rank(seed: int, name: str) -> bytes:
    return hashlib.blake2b(repr((int(seed), name)).encode(), digest_size=16).digest()
