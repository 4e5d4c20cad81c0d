"""Result records as a table: rich on a terminal, Markdown everywhere else.

A record is one line of `results.json`: the keys `method, seed, fraction, shots, domain, head, accuracy, low, high,
n`. A summary row is one line of the summary in `compare.json`: `method, fraction, shots, domain, head, seeds, mean,
low, high` and `versus`, which maps a control's name to the paired `{mean, low, high, p}` against it. The
domain `targets` is the mean over target domains. Files from versions without `shots` lack the key, which means 0.
Protocols make records of their own; `tabulate` and `pivot` turn any of them into a table.
"""

from __future__ import annotations

import dataclasses
import statistics
import sys
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import rich.box
import rich.console
import rich.markup
import rich.table

TARGETS = "targets"
MISSING = "-"
_ROW_KEYS = ("method", "fraction", "shots", "seed", "head", "alpha")

Record = Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Table:
    """Text in cells: the first `labels` columns name a row, the others hold its numbers."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    labels: int
    title: str = ""


def records_table(records: Sequence[Record], *, source: str, held_out: Sequence[str] = ()) -> Table:
    """Returns a row for every run and head, with a column for every domain and for the mean over targets.

    Args:
      records: of any number of runs; a key such as the seed has a column where its values differ.
      source: the domain that was trained on, which is no target.
      held_out: further domains that are no targets; they are shown and left out of the mean.
    """
    domains = source_first((r["domain"] for r in records if r["domain"] != TARGETS), source)
    keys = [key for key in _ROW_KEYS if key in ("method", "head") or len(distinct(records, key)) > 1]
    targets = [domain for domain in domains if domain not in (source, *held_out)]
    rows = []
    for row in dict.fromkeys(tuple(record.get(key) for key in keys) for record in records):
        of_row = {r["domain"]: r for r in records if tuple(r.get(key) for key in keys) == row}
        cells = [interval_text(of_row[d], "accuracy") if d in of_row else MISSING for d in domains]
        if targets:
            cells.append(_mean_over_targets(of_row, targets))
        rows.append((*map(str, row), *cells))
    header = (*keys, *domains, *(["mean over targets"] if targets else []))
    return Table(header, tuple(rows), labels=len(keys))


def data_label(row: Record, *, short: bool = False) -> str:
    """Returns how much of the training data a row's runs had."""
    if shots := row.get("shots", 0):
        images = "image" if shots == 1 else "images"
        return f"{shots} per class" if short else f"{shots} training {images} of every class"
    share = f"{100 * row['fraction']:g} %"
    return share if short else f"{share} of the training images"


def markdown(table: Table) -> str:
    """Returns the table as aligned Markdown, its title in bold above it."""
    lines = [[cell.replace("|", "\\|") for cell in line] for line in (table.header, *table.rows)]
    widths = [max(3, *(len(line[i]) for line in lines)) for i in range(len(table.header))]

    def text(cells: Sequence[str]) -> str:
        padded = [
            cell.ljust(width) if i < table.labels else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        return f"| {' | '.join(padded)} |"

    left, right = widths[: table.labels], widths[table.labels :]
    rule = ["-" * width for width in left] + ["-" * (width - 1) + ":" for width in right]
    title = [f"**{table.title}**", ""] if table.title else []
    return "\n".join([*title, text(lines[0]), f"| {' | '.join(rule)} |", *map(text, lines[1:])])


def print_tables(tables: Iterable[Table], *, console: rich.console.Console | None = None) -> None:
    """Prints to a terminal with rich, and as Markdown to a file or a pipe."""
    console = console or rich.console.Console(file=sys.stdout)
    for table in tables:
        if console.is_terminal:
            console.print(_rich(table))
        else:
            console.file.write(markdown(table) + "\n\n")


def _rich(table: Table) -> rich.table.Table:
    shown = rich.table.Table(title=table.title or None, box=rich.box.SIMPLE_HEAD)
    for i, name in enumerate(table.header):
        shown.add_column(rich.markup.escape(name), justify="left" if i < table.labels else "right")
    for row in table.rows:
        shown.add_row(*map(rich.markup.escape, row))
    return shown


def distinct(records: Iterable[Record], key: str) -> list[Hashable]:
    """Returns the values of a key, each once, in their order."""
    return list(dict.fromkeys(record.get(key) for record in records))


def source_first(domains: Iterable[str], source: str) -> list[str]:
    """Returns each domain once: the source, the targets in their order, the mean over targets."""
    return sorted(dict.fromkeys(domains), key=lambda domain: (domain != source, domain == TARGETS))


def _mean_over_targets(of_row: Mapping[str, Record], targets: Sequence[str]) -> str:
    """Returns the `targets` record with its interval, else the bare mean where every target has a record."""
    if TARGETS in of_row:
        return interval_text(of_row[TARGETS], "accuracy")
    if any(domain not in of_row for domain in targets):
        return MISSING
    return _percent(statistics.fmean(of_row[domain]["accuracy"] for domain in targets))


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def interval_text(record: Record, key: str = "mean", *, low: str = "low", high: str = "high") -> str:
    """Returns `mean [low, high]` in percent, of a record's values under these keys."""
    return f"{_percent(record[key])} [{_percent(record[low])}, {_percent(record[high])}]"


def gain_text(difference: Record) -> str:
    """Returns a paired difference with its interval, in points, and its p."""
    mean, low, high = (f"{100 * difference[key]:+.1f}" for key in ("mean", "low", "high"))
    p = "p < 0.001" if difference["p"] < 0.001 else f"p = {difference['p']:.3f}"
    return f"{mean} [{low}, {high}], {p}"


class Column(NamedTuple):
    """How a number of a record is shown."""

    header: str
    format: Callable[[Any], str]


def percent(header: str) -> Column:
    """Returns a column of shares, as percent."""
    return Column(header, _percent)


def decimals(header: str, digits: int = 3) -> Column:
    """Returns a column of decimal numbers."""
    return Column(header, lambda value: f"{value:.{digits}f}")


def signed(header: str) -> Column:
    """Returns a column of differences of shares, in points with their sign."""
    return Column(header, lambda share: f"{100 * share:+.1f}")


def count(header: str) -> Column:
    """Returns a column of whole numbers."""
    return Column(header, str)


def tabulate(title: str, records: Sequence[Record], labels: Sequence[str], columns: Mapping[str, Column]) -> Table:
    """Returns a table with a row per record; the fraction is shown where records differ in it."""
    labels = _labels(records, labels)
    rows = [
        (
            *(str(record[key]) for key in labels),
            *(MISSING if record[key] is None else column.format(record[key]) for key, column in columns.items()),
        )
        for record in records
    ]
    header = (*labels, *(column.header for column in columns.values()))
    return Table(header, tuple(rows), labels=len(labels), title=title)


def pivot(
    title: str, records: Sequence[Record], labels: Sequence[str], across: str, cell: Callable[[Record], str]
) -> Table:
    """Returns a table with a column for every value of `across`, in the order of the records."""
    labels = _labels(records, labels)
    values = list(dict.fromkeys(record[across] for record in records))
    rows: dict[tuple[str, ...], dict[Any, str]] = {}
    for record in records:
        rows.setdefault(tuple(str(record[key]) for key in labels), {})[record[across]] = cell(record)
    lines = tuple((*row, *(cells.get(value, MISSING) for value in values)) for row, cells in rows.items())
    return Table((*labels, *map(str, values)), lines, labels=len(labels), title=title)


def _labels(records: Sequence[Record], labels: Sequence[str]) -> list[str]:
    fractions = {record.get("fraction") for record in records}
    return ["method", *(["fraction"] if len(fractions) > 1 else []), *labels]
