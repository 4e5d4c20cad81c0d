"""How far facts go on the way to photographs of the target: the gap closed, and what facts are worth.

The *oracle* is the control `ce` with photographs of the target's own training part added to its training images, `k` of
each class or all there are. It is a ceiling to compare with and nothing is chosen by it.

    gap closed = (accuracy - accuracy of ce) / (accuracy of the oracle with all - accuracy of ce)

It is 0 for `ce` itself, 1 for whoever is as good as all photographs of the target, and more for whoever is better. Its
interval resamples groups of test images, the same for all three, and the seeds of each on its own; unlike those of
accuracies (`stats`) it is not widened for few seeds. Both ends are runs on all training images, whatever a row had.

*Worth* is the number of target photographs per class with which `ce` is as good: the oracle's accuracy as a function of
`k`, made monotone by isotonic regression and linear in `log(1 + k)` between the numbers that were run.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from kgv_jax.config.methods import METHODS
from kgv_jax.report import stats
from kgv_jax.report.study import Setting, Study
from kgv_jax.report.table import MISSING, TARGETS, Record, Table, interval_text

ALL = 10**6  # photographs per class: more than any set has
_CONTROL = "ce"
_SETTING = "data.target_images"
_RESAMPLES = 4000


def oracles(study: Study) -> dict[float, Setting]:
    """Returns photographs per class -> the oracle that is the control with so many, 0 for the control itself."""
    control = dict(METHODS[_CONTROL].settings)
    found = {}
    for setting in study.runs:
        if setting.method not in METHODS or setting.fraction != 1 or setting.shots:
            continue
        settings = dict(METHODS[setting.method].settings)
        count = settings.pop(_SETTING, 0)
        if settings == control and (count or setting.method == _CONTROL):
            found[count] = setting
    return dict(sorted(found.items()))


def gap_records(study: Study) -> list[Record]:
    """Returns `{method, head, domain, accuracy, gap, low, high, worth}` of each setting and target, chosen heads alone.

    `gap` and its interval are None where the oracle with all photographs is no better than the control. Empty where
    the study has no oracle with all photographs, or no control.
    """
    curve = oracles(study)
    if not {0, ALL} <= curve.keys():
        return []
    records = []
    for name, domains in study.averaged.items():
        if name == study.source:
            continue
        of_setting = {setting: study.correct(setting, study.chosen[setting], domains) for setting in study.runs}
        means, resampled = _resampled(of_setting, study.groups(domains))
        # The control is the floor: where a few photographs make an oracle worse by chance, it stays where it is.
        heights = [max(height, means[curve[0]]) for height in _monotone([means[setting] for setting in curve.values()])]
        for setting in study.runs:
            low_end, high_end = means[curve[0]], means[curve[ALL]]
            record = {**setting.label(head=study.chosen[setting], domain=name), "accuracy": means[setting]}
            record |= {"gap": None, "low": None, "high": None, "worth": worth([*curve], heights, means[setting])}
            if high_end > low_end:
                record["gap"] = (means[setting] - low_end) / (high_end - low_end)
                spread = resampled[curve[ALL]] - resampled[curve[0]]
                gaps = (resampled[setting] - resampled[curve[0]]) / np.where(spread > 0, spread, np.nan)
                if np.isfinite(gaps).mean() > stats.CONFIDENCE:
                    record["low"], record["high"] = np.nanquantile(gaps, [0.025, 0.975]).tolist()
            records.append(record)
    return records


def gap_tables(records: Sequence[Record]) -> list[Table]:
    """Returns a table per target, with a row per method."""
    tables = []
    for domain in dict.fromkeys(record["domain"] for record in records):
        rows = [
            (r["method"], f"{100 * r['fraction']:g} %", f"{100 * r['accuracy']:.1f}", _gap_text(r), r["worth"])
            for r in records
            if r["domain"] == domain
        ]
        where = "mean over targets" if domain == TARGETS else domain
        header = ("method", "images", "accuracy", "gap closed", "worth, target photographs per class")
        tables.append(Table(header, tuple(rows), 2, f"{where}: the gap between ce and the oracle"))
    return tables


def worth(counts: Sequence[float], heights: Sequence[float], accuracy: float) -> str:
    """Returns how many photographs per class reach an accuracy, in words.

    Args:
      counts: photographs per class that were run, from 0 on; the last is all there are.
      heights: the accuracy of each, not falling.
      accuracy: to be reached.
    """
    if accuracy <= heights[0]:
        return "none"
    if accuracy > heights[-1]:
        return "more than all there are"
    k = next(k for k, height in enumerate(heights) if height >= accuracy)
    if counts[k] >= ALL:
        return f"more than {counts[k - 1]:g}" if accuracy < heights[k] else "all there are"
    low, high = math.log1p(counts[k - 1]), math.log1p(counts[k])
    share = (accuracy - heights[k - 1]) / (heights[k] - heights[k - 1])
    return f"about {math.expm1(low + share * (high - low)):.2g}"


def _gap_text(record: Record) -> str:
    if record["gap"] is None:
        return MISSING
    if record["low"] is None:
        return f"{100 * record['gap']:.0f} %"
    return interval_text(record, "gap")


def _monotone(values: Sequence[float]) -> list[float]:
    """Returns the non-falling values closest to these by squares: neighbours that fall are pooled."""
    blocks: list[list[float]] = []
    for value in values:
        blocks.append([value, 1])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (a, m), (b, n) = blocks.pop(-2), blocks.pop(-1)
            blocks.append([(a * m + b * n) / (m + n), m + n])
    return [mean for mean, count in blocks for _ in range(int(count))]


def _resampled(
    of_setting: Mapping[Setting, Mapping[str, np.ndarray]], groups: Mapping[str, np.ndarray]
) -> tuple[dict[Setting, float], dict[Setting, np.ndarray]]:
    """Returns each setting's mean over domains, and `[B]` resamples of it: common groups, seeds each on its own."""
    rng = np.random.default_rng(0)
    weights = {}
    for domain, names in groups.items():
        _, index = np.unique(names, return_inverse=True)
        counts = stats.multiplicities(rng, _RESAMPLES, int(index.max()) + 1).astype(np.float32)
        weights[domain] = index, counts
    means, resampled = {}, {}
    for setting, correct in of_setting.items():
        seeds = len(next(iter(correct.values())))
        of_seeds = stats.multiplicities(rng, _RESAMPLES, seeds) / seeds
        total = np.zeros(_RESAMPLES)
        for domain, rows in correct.items():
            index, counts = weights[domain]
            sums = np.stack([np.bincount(index, row, minlength=counts.shape[1]) for row in rows]).astype(np.float32)
            size = np.bincount(index, minlength=counts.shape[1]).astype(np.float32)
            per_seed = counts @ sums.T / (counts @ size)[:, None]
            total += np.sum(per_seed * of_seeds, 1)
        means[setting] = float(np.mean([rows.mean() for rows in correct.values()]))
        resampled[setting] = total / len(correct)
    return means, resampled
