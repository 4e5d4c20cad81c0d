"""Graph files in: Turtle, N-Triples, RDF/XML and tables, each statement with its line."""

from __future__ import annotations

import csv
import io
import pathlib
import re
from collections.abc import Iterator, Sequence

import pyoxigraph

from kgv_jax.kg.assemble import Literal, Loaded, LoadReport, Statement, assemble
from kgv_jax.kg.names import RDF_TYPE, RDFS_LABEL, local_name
from kgv_jax.util.errors import UserError, nearest

__all__ = ["LoadReport", "Loaded", "load_graph", "local_name", "read_statements"]

_FORMATS = {
    ".ttl": pyoxigraph.RdfFormat.TURTLE,
    ".nt": pyoxigraph.RdfFormat.N_TRIPLES,
    ".rdf": pyoxigraph.RdfFormat.RDF_XML,
    ".xml": pyoxigraph.RdfFormat.RDF_XML,
    ".owl": pyoxigraph.RdfFormat.RDF_XML,
}
_TABLES = (".csv", ".tsv")
_HEADERS = ({"head", "relation", "tail"}, {"subject", "predicate", "object"})
_SHORT = {
    "type": RDF_TYPE,
    "rdf:type": RDF_TYPE,
    "a": RDF_TYPE,
    "label": RDFS_LABEL,
    "rdfs:label": RDFS_LABEL,
}


def load_graph(path: str | pathlib.Path, *, class_types: Sequence[str] = ("Class",)) -> Loaded:
    """Reads a graph file: `.ttl .nt .rdf .xml .owl`, or `.csv .tsv` with columns head, relation, tail.

    `rdf:type` becomes the node's type, `rdfs:label` its label, any other literal an attribute; in a
    table these relations may be written `type` and `label`, and a tail in double quotes is a literal.

    Args:
      path: the file; its suffix names the format.
      class_types: local names of the types of classes. Where a node has several types, one of
        these is kept; a relation of such a type is an error.

    Raises:
      UserError: the file cannot be read (with line and column), holds no triples, or uses a class
        as a relation.
    """
    path = pathlib.Path(path)
    return assemble(path, read_statements(path), tuple(class_types))


def read_statements(path: pathlib.Path) -> list[Statement]:
    """Reads every statement of a graph file.

    Raises:
      UserError: no such file, an unknown suffix, an empty file, not UTF-8, or a syntax error
        (with line and column).
    """
    suffix = path.suffix.lower()
    if suffix not in _FORMATS and suffix not in _TABLES:
        known = " ".join((*_FORMATS, *_TABLES))
        raise UserError(f"{path}: does not show its format by the suffix {suffix!r}; expected one of {known}.")
    data = _read_bytes(path)
    if suffix in _TABLES:
        return list(_table(path, data.decode(), delimiter="\t" if suffix == ".tsv" else None))
    return list(_rdf(path, data, _FORMATS[suffix]))


def _read_bytes(path: pathlib.Path) -> bytes:
    if path.is_dir():
        raise UserError(f"{path} is a folder; expected a graph file.")
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        near = nearest(path.name, [p.name for p in path.parent.glob("*")]) if path.parent.is_dir() else ""
        raise UserError(f"{path}: no such graph file{near or '.'}") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}).") from error
    data = data.removeprefix(b"\xef\xbb\xbf")
    if not data.strip():
        raise UserError(f"{path} is empty; expected at least one triple.")
    try:
        data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        raise UserError(
            f"{path}: not UTF-8, byte 0x{data[error.start]:02x} at line {line} column {column}; save the file as UTF-8."
        ) from None
    return data


class _Lines(io.RawIOBase):
    """Gives a parser one line at a time, so that `line` is where its latest statement ended."""

    def __init__(self, data: bytes):
        self._lines = iter(data.splitlines(keepends=True))
        self.line = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        line = next(self._lines, b"")
        self.line += bool(line)
        return line


def _rdf(path: pathlib.Path, data: bytes, format: pyoxigraph.RdfFormat) -> Iterator[Statement]:
    lines = _Lines(data)
    # A base that does not name the folder: the same file is the same graph wherever it lies.
    base = None if format == pyoxigraph.RdfFormat.N_TRIPLES else "file:///"
    try:
        for quad in pyoxigraph.parse(lines, format, base_iri=base):
            yield Statement(lines.line, _term(quad.subject), quad.predicate.value, _term(quad.object))
    except SyntaxError as error:
        where = f"line {error.lineno or lines.line}"
        where += f" column {error.offset}" if error.offset else ""
        what = re.sub(r"^Parser error at line .*?: ", "", str(error.msg))
        raise UserError(f"{path}: {where}: {what}; fix the file there, or just before.") from None


def _term(term: object) -> str | Literal | None:
    if isinstance(term, pyoxigraph.NamedNode):
        return term.value
    if isinstance(term, pyoxigraph.Literal):
        return Literal(term.value, (term.language or "").lower())
    return None


def _table(path: pathlib.Path, text: str, *, delimiter: str | None) -> Iterator[Statement]:
    if delimiter is None:
        first = text.lstrip().splitlines()[0]
        delimiter = ";" if first.count(";") >= 2 and first.count(",") < 2 else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    columns, width, start = None, 3, 1
    try:
        for row in reader:
            line, start = start, reader.line_num + 1
            cells = [cell.strip() for cell in row]
            if not any(cells):
                continue
            if columns is None:
                columns, width, is_header = _columns(cells)
                if is_header:
                    continue
            if len(cells) != width:
                raise UserError(
                    f"{path}: line {line} has {len(cells)} columns, {cells}; expected {width} "
                    f"separated by {delimiter!r} (quote a cell that contains the separator)."
                )
            head, relation, tail = (cells[column] for column in columns)
            if not (head and relation and tail):
                raise UserError(f"{path}: empty cell in line {line}, {cells}; expected head, relation, tail.")
            relation = _SHORT.get(relation.lower(), relation)
            yield Statement(line, _cell(head), relation, _cell(tail, literal=relation == RDFS_LABEL))
    except csv.Error as error:
        raise UserError(f"{path}: line {reader.line_num}: {error}; fix the quotes of that line.") from None


def _columns(cells: list[str]) -> tuple[list[int], int, bool]:
    """Returns where head, relation and tail stand, the width of the table, and whether it has a header."""
    names = [cell.lower() for cell in cells]
    for header in _HEADERS:
        if header <= set(names):
            order = ("head", "relation", "tail") if "head" in header else ("subject", "predicate", "object")
            return [names.index(name) for name in order], len(cells), True
    return [0, 1, 2], 3, False


def _cell(cell: str, *, literal: bool = False) -> str | Literal:
    if len(cell) >= 2 and cell[0] == cell[-1] == '"':
        return Literal(cell[1:-1])
    return Literal(cell) if literal else cell
