"""Tables and folders of published data sets, read as they are; errors name the file and the line."""

from __future__ import annotations

import csv
import dataclasses
import json
import math
import os
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kgv_jax.util.errors import UserError

Box = tuple[float, float, float, float]


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """A row of a table that knows its file and line, for errors."""

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
        """Returns left, top, right, bottom; checked against the columns of the image's width and height if given."""
        left, top, right, bottom = box = tuple(self.integer(column) for column in columns)
        width, height = (self.integer(column) for column in size) if size else (math.inf, math.inf)
        if left >= right or top >= bottom or right <= 0 or bottom <= 0 or left >= width or top >= height:
            inside = f" inside the image, {width} x {height}" if size else ""
            raise self.error(f"the box {box} (left, top, right, bottom) is no box{inside}")
        return box

    def size(self, columns: Sequence[str]) -> tuple[int, int]:
        """Returns the width and the height of the image, from these columns."""
        width, height = (self.integer(column) for column in columns)
        return width, height

    def error(self, problem: str) -> UserError:
        """Returns the error that reports a problem of this row."""
        end = "" if problem.endswith((".", "?")) else "."
        return UserError(f"{self.table}: line {self.line}: {problem}{end} Fix the row, or remove it.")


def read_table(
    table: pathlib.Path, columns: Sequence[str], *, delimiter: str = ",", header: Sequence[str] | None = None
) -> Iterator[Row]:
    """Yields the rows of a table that has these columns, as the file is read.

    Spaces around names and cells are dropped, and empty lines skipped.

    Args:
      table: the file.
      columns: names of the columns to read.
      delimiter: between cells.
      header: names of the columns where the file has no header line.

    Raises:
      UserError: the file is missing or not text, a column or a cell is missing, or there is no row.
    """
    # The first line that is not empty is the header, unless the caller gives one.
    names, position, count = None, {}, 0
    for number, cells in _lines(table, delimiter):
        if names is None:
            names = list(header or cells)
            position = _positions(table, columns, names, delimiter)
            if header is None:
                continue
        count += 1
        row = Row(table, number, {name: cells[k] for name, k in position.items() if k < len(cells)})
        if len(row.cells) < len(columns):
            expected = f"{max(position.values()) + 1} or more: {', '.join(columns)}"
            raise row.error(f"{len(cells)} cells; expected {expected}")
        yield row
    if names is None and header is None:
        _positions(table, columns, [], delimiter)
    if not count:
        raise UserError(f"{table}: the table has no row. Unpack the archive again.")


def _lines(table: pathlib.Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    try:
        with open(table, encoding="utf-8-sig", newline="") as file:
            for number, cells in enumerate(csv.reader(file, delimiter=delimiter), start=1):
                cells = [cell.strip() for cell in cells]
                if any(cells):
                    yield number, cells
    except FileNotFoundError:
        raise UserError(f"{table}: no such table. Unpack the archive again, or set config.data.root.") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{table}: cannot be read as a table ({error}). Unpack the archive again.") from error


def _positions(table: pathlib.Path, columns: Sequence[str], names: Sequence[str], delimiter: str) -> dict[str, int]:
    if missing := [name for name in columns if name not in names]:
        raise UserError(
            f"{table}: no column {missing[0]!r}; it has {', '.join(names) or 'none'}, cells separated by {delimiter!r}."
            " Expected the table as published. Unpack the archive again."
        )
    return {name: names.index(name) for name in columns}


def read_json(path: pathlib.Path) -> dict[str, Any]:
    """Returns the object of a JSON file.

    Raises:
      UserError: the file is missing, no JSON, or no object.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as JSON ({error}); unpack the archive again.") from error
    if not isinstance(content, dict):
        raise UserError(f"{path}: a {type(content).__name__}; expected a JSON object. Unpack the archive again.")
    return content


def find(root: pathlib.Path, name: str, *, prefer: str = "") -> pathlib.Path | None:
    """Returns the file or folder of a name in `root` or up to two folders below, or None.

    Of several, one whose path below `root` contains `prefer` (in any case) comes first; then the least deep.
    """
    found = [path for pattern in ("", "*/", "*/*/") for path in sorted(root.glob(pattern + name))]
    preferred = [path for path in found if prefer and prefer in str(path.relative_to(root)).lower()]
    return next(iter(preferred + found), None)


def require_folder(root: str | os.PathLike, expected: str) -> pathlib.Path:
    """Returns the root of a data set as a path; raises a UserError if it is not given, missing or empty."""
    if not os.fspath(root):
        raise UserError(f"config.data.root is ''; expected the folder that holds {expected}: --config.data.root=ROOT.")
    root = pathlib.Path(root)
    if not root.is_dir():
        raise UserError(f"{root}: no such folder; expected {expected}. Set config.data.root to it.")
    if not any(root.iterdir()):
        raise UserError(f"{root}: the folder is empty; expected {expected}. Unpack the archives of the set there.")
    return root
