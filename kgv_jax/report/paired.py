"""Paired tests against a control: who is compared with whom, over which seeds, and the correction for many tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kgv_jax.report import stats
from kgv_jax.report.study import Setting, Study
from kgv_jax.report.table import Record, Table, count, decimals, signed, tabulate


class Gain(NamedTuple):
    """A paired difference to a control.

    Attributes:
      difference: its mean, interval and p.
      control_head: the head that the control is taken by.
      seeds: those that both settings have.
    """

    difference: stats.PairedResult
    control_head: str
    seeds: tuple[int, ...]


def paired_gain(study: Study, setting: Setting, head: str, control: Setting, domains: Sequence[str]) -> Gain:
    """Returns the accuracy of a setting's head less that of a control's chosen head, averaged over domains.

    Both are tested on the same images, and seeds of one number go together, so what images and seeds do to both
    cancels. Whatever head the setting is shown with, the control has the one that it would be used with.
    """
    seeds, control_head = study.shared_seeds(setting, control), study.chosen[control]
    difference = stats.paired_difference_over_domains(
        study.correct(setting, head, domains, seeds),
        study.correct(control, control_head, domains, seeds),
        study.groups(domains),
    )
    return Gain(difference, control_head, seeds)


def holm(p: npt.ArrayLike) -> np.ndarray:
    """Returns the p-values `[m]` of a family of `m` tests, adjusted by Holm's method, in the order given.

    With `p_(1) <= ... <= p_(m)`, the adjusted `p~_(i) = max_{j <= i} min(1, (m - j + 1) p_(j))` (Holm 1979, A simple
    sequentially rejective multiple test procedure). Whoever rejects where `p~` is at most 0.05 makes any false
    rejection in the whole family with a chance of at most 0.05. The tests may depend on each other in any way, which
    tests against one control do. The smallest p is that of Bonferroni; the others are never larger than Bonferroni's.
    """
    p = np.asarray(p, np.float64)
    order = np.argsort(p, kind="stable")
    scaled = np.minimum(1.0, np.arange(len(p), 0, -1) * p[order])
    adjusted = np.empty_like(p)
    adjusted[order] = np.maximum.accumulate(scaled)
    return adjusted


def corrected(tests: Sequence[Record]) -> list[Record]:
    """Returns the tests, each with `p_holm`.

    The family is all that one table shows: every method, head, domain and amount of data in it. A reader scans the
    whole table for small p-values, so that is what the correction has to cover.
    """
    adjusted = holm([test["p"] for test in tests])
    return [{**test, "p_holm": float(p)} for test, p in zip(tests, adjusted, strict=True)]


def gain_table(title: str, tests: Sequence[Record]) -> Table:
    """Returns a row per test, `{mean, low, high, seeds, p, p_holm}`, of a head and a domain."""
    columns = {"mean": signed("gain"), "low": signed("from"), "high": signed("to")}
    columns |= {"seeds": count("seeds"), "p": decimals("p", 4), "p_holm": decimals("p, Holm", 4)}
    title = f"{title}, paired; Holm over the {len(tests)} tests of this table"
    return tabulate(title, tests, ("head", "domain"), columns)
