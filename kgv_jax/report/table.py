"""Result records as a table: rich on a terminal, Markdown everywhere else.

A record is one line of `results.json`: the keys `method, seed, fraction, shots, domain, head, accuracy, low, high,
n`. A summary row is one line of the summary in `compare.json`: `method, fraction, shots, domain, head, seeds, mean,
low, high` and `versus`, which maps a control's name to the paired `{mean, low, high, p}` against it. The
domain `targets` is the mean over target domains. Files of before there was `shots` lack it, which means 0.
"""

from __future__ import annotations

import dataclasses
import statistics
import sys
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

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
    """A row for every run and head, a column for every domain, and the mean over targets.

    Args:
      records: of any number of runs; columns that tell rows apart are shown, the others left out.
      source: the domain that was trained on, which is no target.
      held_out: domains that are shown and are no targets either.
    """
    domains = _source_first((r["domain"] for r in records if r["domain"] != TARGETS), source)
    keys = [key for key in _ROW_KEYS if key in ("method", "head") or len(_distinct(records, key)) > 1]
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
        return f"{shots} a class" if short else f"{shots} training {images} of every class"
    share = f"{100 * row['fraction']:g} %"
    return share if short else f"{share} of the training images"


def chosen_only(summary: Sequence[Record]) -> list[Record]:
    """Returns the rows of each method's chosen head: the one that the source's held-out drawings prefer."""
    return [row for row in summary if row["chosen"]]


def summary_tables(summary: Sequence[Record], *, source: str) -> list[Table]:
    """For each amount of data a table of accuracies by domain, and one of paired gains over the controls.

    Gains are on the mean over targets, with interval and p. A star marks the head that the source's
    held-out drawings choose.

    Args:
      summary: the rows of `compare.json`.
      source: the domain that was trained on.
    """
    tables = []
    for amount in dict.fromkeys(map(data_label, summary)):
        of_amount = [row for row in summary if data_label(row) == amount]
        tables.append(_accuracy_table(of_amount, source, title=f"{amount}: accuracy"))
        gains = _gain_table(
            [r for r in of_amount if r["domain"] == TARGETS], title=f"{amount}: gain on the mean over targets"
        )
        tables += [gains] if gains.header[2:] else []
    return tables


def _accuracy_table(summary: Sequence[Record], source: str, *, title: str) -> Table:
    domains = _source_first((row["domain"] for row in summary), source)
    rows = []
    for method, head in dict.fromkeys((row["method"], row["head"]) for row in summary):
        by_domain = {r["domain"]: r for r in summary if (r["method"], r["head"]) == (method, head)}
        cells = [interval_text(by_domain[d], "mean") if d in by_domain else MISSING for d in domains]
        seeds = str(max(row["seeds"] for row in by_domain.values()))
        rows.append((method, _head(next(iter(by_domain.values()))), seeds, *cells))
    names = ["mean over targets" if domain == TARGETS else domain for domain in domains]
    return Table(("method", "head", "seeds", *names), tuple(rows), 3, title)


def _gain_table(summary: Sequence[Record], *, title: str) -> Table:
    compared = {name for row in summary for name in row["versus"]}
    controls = [method for method in _distinct(summary, "method") if method in compared]
    rows = [
        (r["method"], _head(r), *(gain_text(r["versus"][c]) if c in r["versus"] else MISSING for c in controls))
        for r in summary
    ]
    return Table(("method", "head", *(f"over {control}" for control in controls)), tuple(rows), 2, title)


def _head(row: Record) -> str:
    return row["head"] + (" *" if row.get("chosen") else "")


def markdown(table: Table) -> str:
    """The table as aligned Markdown, its title in bold above it."""
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


def format_table(records: Sequence[Record], *, source: str) -> str:
    """The records as Markdown."""
    return markdown(records_table(records, source=source))


def summary_text(summary: Sequence[Record], *, source: str) -> str:
    """The summary of a comparison as Markdown."""
    return "\n\n".join(map(markdown, summary_tables(summary, source=source)))


def print_tables(tables: Iterable[Table], *, console: rich.console.Console | None = None) -> None:
    """Prints to a terminal with rich, and as Markdown to a file or a pipe."""
    console = console or rich.console.Console(file=sys.stdout)
    for table in tables:
        if console.is_terminal:
            console.print(_rich(table))
        else:
            console.file.write(markdown(table) + "\n\n")


def _rich(table: Table) -> rich.table.Table:
    drawn = rich.table.Table(title=table.title or None, box=rich.box.SIMPLE_HEAD)
    for i, name in enumerate(table.header):
        drawn.add_column(rich.markup.escape(name), justify="left" if i < table.labels else "right")
    for row in table.rows:
        drawn.add_row(*map(rich.markup.escape, row))
    return drawn


def _distinct(records: Iterable[Record], key: str) -> list[Hashable]:
    return list(dict.fromkeys(record.get(key) for record in records))


def _source_first(domains: Iterable[str], source: str) -> list[str]:
    """Each domain once: the source, the targets in their order, the mean over targets."""
    return sorted(dict.fromkeys(domains), key=lambda domain: (domain != source, domain == TARGETS))


def _mean_over_targets(of_row: Mapping[str, Record], targets: Sequence[str]) -> str:
    """The record of that name with its interval, else the bare mean where every target is known."""
    if TARGETS in of_row:
        return interval_text(of_row[TARGETS], "accuracy")
    if any(domain not in of_row for domain in targets):
        return MISSING
    return _percent(statistics.fmean(of_row[domain]["accuracy"] for domain in targets))


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def interval_text(record: Record, key: str) -> str:
    """Returns `mean [low, high]` in percent."""
    return f"{_percent(record[key])} [{_percent(record['low'])}, {_percent(record['high'])}]"


def gain_text(difference: Record) -> str:
    """Returns a paired difference with its interval, in points, and its p."""
    mean, low, high = (f"{100 * difference[key]:+.1f}" for key in ("mean", "low", "high"))
    p = "p < 0.001" if difference["p"] < 0.001 else f"p = {difference['p']:.3f}"
    return f"{mean} [{low}, {high}], {p}"
