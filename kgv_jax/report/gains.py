"""Paired tests against a control as a table: one family, whose p Holm's method corrects."""

from __future__ import annotations

from collections.abc import Sequence

from kgv_jax.report import rows
from kgv_jax.report.holm import holm
from kgv_jax.report.rows import Record
from kgv_jax.report.table import Table


def corrected(tests: Sequence[Record]) -> list[Record]:
    """Returns the tests with `p_holm`."""
    adjusted = holm([test["p"] for test in tests])
    return [test | {"p_holm": float(p)} for test, p in zip(tests, adjusted, strict=True)]


def table(title: str, tests: Sequence[Record]) -> Table:
    """Returns a row a test, `{mean, low, high, seeds, p, p_holm}`, about a head and a domain."""
    columns = {"mean": _signed("gain"), "low": _signed("from"), "high": _signed("to")}
    columns |= {"seeds": rows.count("seeds"), "p": rows.decimals("p", 4), "p_holm": rows.decimals("p, Holm", 4)}
    title = f"{title}, paired; Holm over the {len(tests)} tests of this table"
    return rows.tabulate(title, tests, ("head", "domain"), columns)


def _signed(header: str) -> rows.Column:
    return rows.Column(header, lambda share: f"{100 * share:+.1f}")
