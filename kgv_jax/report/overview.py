"""A comparison on one page: a row a method, for each amount of data its accuracies and its gain over a control.

Every method is shown with the head that source validation chooses. The gain is that of the mean over targets, paired
over drawings and seeds; its p is corrected by Holm's method over all tests of the table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kgv_jax.report.holm import holm
from kgv_jax.report.table import MISSING, TARGETS, Record, Table, chosen_only, data_label, gain_text, interval_text

CONTROL = "ce"


def overview_table(summary: Sequence[Record], *, source: str, control: str = CONTROL) -> Table:
    """Returns the table.

    Args:
      summary: the rows of `compare.json`, all heads or the chosen ones.
      source: the domain that was trained on.
      control: the method that gains are over.
    """
    chosen = chosen_only(summary)
    amounts = list(dict.fromkeys(map(_amount, chosen)))
    cells: dict[str, dict[tuple[str, str], Record]] = {}
    for row in chosen:
        if row["domain"] in (source, TARGETS):
            cells.setdefault(row["method"], {})[_amount(row), row["domain"]] = row
    gains = _corrected(cells, control)
    header, rows = ["method", "head"], []
    for amount in amounts:
        header += [f"{amount}: {source}", "mean over targets", f"over {control}"]
    for method, found in cells.items():
        line = [method, ", ".join(dict.fromkeys(row["head"] for row in found.values()))]
        for amount in amounts:
            shown = (found.get((amount, domain)) for domain in (source, TARGETS))
            line += [interval_text(row, "mean") if row else MISSING for row in shown]
            line.append(gain_text(gains[method, amount]) if (method, amount) in gains else MISSING)
        rows.append(tuple(line))
    return Table(tuple(header), tuple(rows), 2, f"Chosen heads; p corrected for {len(gains)} tests")


def _amount(row: Record) -> str:
    return data_label(row, short=True)


def _corrected(
    cells: Mapping[str, Mapping[tuple[str, str], Record]], control: str
) -> dict[tuple[str, str], Mapping[str, Any]]:
    tests = {
        (method, amount): row["versus"][control]
        for method, found in cells.items()
        for (amount, domain), row in found.items()
        if domain == TARGETS and control in row["versus"]
    }
    adjusted = holm([test["p"] for test in tests.values()])
    return {key: {**test, "p": float(p)} for (key, test), p in zip(tests.items(), adjusted, strict=True)}
