"""Low-data curves: accuracy by shots, or by share of the training images, and the area under each."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from kgv_jax.report.protocols.base import Options, Result
from kgv_jax.report.stats import RESAMPLES, Correct, Interval, mean_interval_over_domains
from kgv_jax.report.study import Setting, Study
from kgv_jax.report.table import interval_text, percent, pivot, tabulate


def accuracy_curve(
    correct: Mapping[float, Mapping[str, Correct]],
    groups: Mapping[str, npt.ArrayLike],
    *,
    resamples: int = RESAMPLES,
) -> dict[float, Interval]:
    """Returns the mean accuracy over domains, with its interval over source images and seeds, by rising amount of data.

    Args:
      correct: amount of data -> domain -> `[S, n]` bool.
      groups: domain -> `[n]` the source image that each test image shows.
      resamples: of the bootstrap (`report.stats`).
    """
    return {
        amount: mean_interval_over_domains(correct[amount], groups, resamples=resamples) for amount in sorted(correct)
    }


def area_under_curve(amount: npt.ArrayLike, accuracy: npt.ArrayLike) -> float:
    """Returns the mean accuracy over the logarithm of the amount of data.

    `1 / (log x_k - log x_1) sum_i (log x_{i+1} - log x_i) (a_i + a_{i+1}) / 2`: a doubling counts the same wherever
    it is, and a curve that is flat at `a` has area `a`.

    Args:
      amount: `[k]` shots or shares, rising, above zero, two or more.
      accuracy: `[k]`.
    """
    x, y = np.log(np.asarray(amount, np.float64)), np.asarray(accuracy, np.float64)
    if len(x) < 2 or np.any(np.diff(x) <= 0):
        raise ValueError(f"a curve needs two amounts of data or more, rising, found {list(np.asarray(amount))}")
    return float(np.trapezoid(y, x) / (x[-1] - x[0]))


def report(study: Study, options: Options) -> Result:
    """Returns accuracy, averaged over targets, by shots, shares or both, and the area under each curve."""
    results = [_curve(study, by_shots=by_shots) for by_shots in _units(study)]
    return Result(
        [record for result in results for record in result.records],
        [table for result in results for table in result.tables],
    )


def _curve(study: Study, *, by_shots: bool) -> Result:
    amounts: dict[tuple[str, str], dict[float, Setting]] = {}
    for setting, heads in study.heads.items():
        if bool(setting.shots) == by_shots:
            for head in heads if len(heads) > 1 else ("chosen",):
                amount = setting.shots if by_shots else setting.fraction
                amounts.setdefault((setting.method, head), {})[amount] = setting
    domains = study.targets or study.domains
    records = []
    for (method, head), of in amounts.items():
        correct = {
            amount: study.correct(setting, study.heads[setting][0] if head == "chosen" else head, domains)
            for amount, setting in of.items()
        }
        curve = accuracy_curve(correct, study.groups(domains))
        area = None
        if len(curve) > 1:
            area = area_under_curve([*curve], [interval.mean for interval in curve.values()])
        for amount, interval in curve.items():
            about = {"method": method, "head": head, "unit": "shots" if by_shots else "fraction", "amount": amount}
            records.append(about | {"area": area} | interval._asdict())
    unit = "shots" if by_shots else "shares of the training images"
    cells = [record | {"across": f"{record['amount']:g}"} for record in records]
    title = f"Accuracy by {unit}, mean over {', '.join(domains)}"
    table = pivot(title, cells, ("head",), "across", interval_text)
    areas = list({(r["method"], r["head"]): r for r in records}.values())
    area_table = tabulate("Area under the curve", areas, ("head",), {"area": percent("area")})
    return Result(records, [table, area_table])


def _units(study: Study) -> list[bool]:
    """Returns which curves there are, by shots (True) or by fractions (False): two amounts make one."""
    amounts: dict[bool, set[float]] = {True: set(), False: set()}
    for setting in study.runs:
        amounts[bool(setting.shots)].add(setting.shots or setting.fraction)
    return [by_shots for by_shots, of in amounts.items() if len(of) > 1]


def lacks(study: Study, options: Options) -> str:
    """Says whether there are fewer than two amounts of data."""
    if _units(study):
        return ""
    return "the runs have one amount of data; a curve needs runs of several config.shots or config.fraction"
