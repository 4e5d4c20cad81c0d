"""Records of a protocol as a table: a row a record, or a column a domain."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from kgv_jax.report.runs import Setting, Study
from kgv_jax.report.table import Table
from kgv_jax.run.predictions import Predictions

Record = dict[str, Any]


class Column(NamedTuple):
    """How a number of a record is shown."""

    header: str
    format: Callable[[Any], str]


def percent(header: str) -> Column:
    """Returns a column of shares, as percent."""
    return Column(header, lambda share: f"{100 * share:.1f}")


def decimals(header: str, digits: int = 3) -> Column:
    """Returns a column of numbers."""
    return Column(header, lambda value: f"{value:.{digits}f}")


def count(header: str) -> Column:
    """Returns a column of whole numbers."""
    return Column(header, str)


def label(setting: Setting, **names: str) -> Record:
    """Returns the part of a record that says what it is about."""
    return {"method": setting.name, "fraction": setting.fraction, "shots": setting.shots, **names}


def each_head(study: Study, domains: Sequence[str] = ()) -> Iterator[tuple[Setting, str, str, list[Predictions]]]:
    """Yields setting, head, domain and the predictions of every seed, for every domain or those given."""
    for setting, heads in study.heads.items():
        for head in heads:
            for domain in domains or study.domains:
                yield setting, head, domain, study.predictions(setting, domain)


def mean_of(measure: Callable[[Predictions], float], predictions: Sequence[Predictions]) -> float | None:
    """Returns the mean of a measure over seeds; None where it says nothing."""
    mean = float(np.mean([measure(of_seed) for of_seed in predictions]))
    return mean if math.isfinite(mean) else None


def tabulate(title: str, records: Sequence[Record], labels: Sequence[str], columns: Mapping[str, Column]) -> Table:
    """Returns a table of a row a record; the fraction is shown where records differ in it."""
    labels = _labels(records, labels)
    rows = [
        (
            *(str(record[key]) for key in labels),
            *("-" if record[key] is None else column.format(record[key]) for key, column in columns.items()),
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
    lines = tuple((*row, *(cells.get(value, "-") for value in values)) for row, cells in rows.items())
    return Table((*labels, *map(str, values)), lines, labels=len(labels), title=title)


def interval_cell(record: Record) -> str:
    """Returns `mean [low, high]` in percent."""
    return "{:.1f} [{:.1f}, {:.1f}]".format(*(100 * record[key] for key in ("mean", "low", "high")))


def _labels(records: Sequence[Record], labels: Sequence[str]) -> list[str]:
    fractions = {record.get("fraction") for record in records}
    return ["method", *(["fraction"] if len(fractions) > 1 else []), *labels]
