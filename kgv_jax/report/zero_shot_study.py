"""Runs that held classes out, side by side: seen against unseen accuracies, their curves, and paired gains in AUSUC."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from kgv_jax.report import gains, rows, stats, zero_shot, zero_shot_resampled
from kgv_jax.report.rows import Record, label
from kgv_jax.report.runs import Setting, shared_seeds
from kgv_jax.report.table import TARGETS, Table
from kgv_jax.report.zero_shot_resampled import METRICS
from kgv_jax.run.gzsl_outcome import GzslOutcome
from kgv_jax.util.errors import UserError

_HEADERS = {
    "seen": "seen",
    "unseen": "unseen",
    "harmonic": "harmonic mean",
    "ausuc": "AUSUC",
    "calibrated": "harmonic, calibrated",
}
_GRID = np.linspace(0, 1, 101)


class GzslRun(NamedTuple):
    """One head of one run.

    Attributes:
      tests: domain -> its contest.
      choice: the contest of classes that choose `gamma`; None: there are none.
    """

    tests: Mapping[str, GzslOutcome]
    choice: GzslOutcome | None


class _Measured(NamedTuple):
    """A setting, head and domain: what is reported, the metrics of each resample, and drawings of the smaller side."""

    record: Record
    resampled: dict[str, np.ndarray]
    drawings: int


class ZeroShotStudy:
    """Trials of the same photographs, and what is reported of them."""

    def __init__(
        self,
        trials: Mapping[tuple[Setting, str], Mapping[int, GzslRun]],
        *,
        chosen: Mapping[Setting, str],
        source: str,
        classes: tuple[int, int],
    ) -> None:
        """Takes the trials.

        Args:
          trials: setting and head -> seed -> trial.
          chosen: setting -> the head that controls are taken by; one of its trials.
          source: the domain that was trained on, which is no target.
          classes: how many are tested as unseen ones, and how many compete.

        Raises:
          UserError: no domain has photographs of both sides.
        """
        self._gzsl_runs = trials
        self._chosen = chosen
        self._source = source
        self._classes = classes
        self._measure = functools.cache(self._measure_once)  # a control serves many
        self._draws: dict[str, zero_shot_resampled.Draws] = {}
        first, *_ = (gzsl_run for of_setting in trials.values() for gzsl_run in of_setting.values())
        if not any(gzsl_outcome.has_both_sides() for gzsl_outcome in first.tests.values()):
            raise UserError("No domain has photographs both of the unseen classes and of others; name other classes.")

    def report(self, heads: Mapping[Setting, Sequence[str]], control: str = "") -> tuple[list[Record], list[Table]]:
        """Returns a record for each of the heads of every setting and each domain, the mean over targets included.

        Means over seeds of seen and unseen accuracy a class, their harmonic mean, the area under their curve and the
        curve. Where classes choose `gamma`, also the harmonic mean after calibrated stacking, each seed by its own.
        With a control also differences in AUSUC to its chosen head, over the seeds that both have.
        """
        records = self._records(heads)
        tests = gains.corrected(self._tests(heads, control))
        if not tests:
            return records, [self._table(records)]
        return records + tests, [self._table(records), gains.table(f"Gain in AUSUC over {control}", tests)]

    def _records(self, heads: Mapping[Setting, Sequence[str]]) -> list[Record]:
        return [
            label(setting, head=head, domain=domain) | found.record
            for setting, of_setting in heads.items()
            for head in of_setting
            for domain, found in self._measure(setting, head, tuple(self._gzsl_runs[setting, head])).items()
        ]

    def _table(self, records: Sequence[Record]) -> Table:
        metrics = [key for key in METRICS if key in records[0]]
        shown = [record | {f"{key}_cell": _cell(record, key) for key in metrics} for record in records]
        columns = {"seeds": rows.count("seeds")}
        columns |= {f"{key}_cell": rows.Column(_HEADERS[key], str) for key in metrics}
        columns |= {"gamma": rows.decimals("gamma", 2)} if "gamma" in records[0] else {}
        title = "Generalised zero-shot: {} unseen of {} classes".format(*self._classes)
        return rows.tabulate(title, shown, ("head", "domain"), columns)

    def _tests(self, heads: Mapping[Setting, Sequence[str]], control: str) -> list[Record]:
        """Returns the differences to the control; draws of the two are pairs."""
        controls = {(of.fraction, of.shots): of for of in self._chosen if of.method == control}
        tests = []
        for setting, of_setting in heads.items():
            other = controls.get((setting.fraction, setting.shots))
            if setting.method == control or other is None:
                continue
            other_head = self._chosen[other]
            for head in of_setting:
                seeds = shared_seeds(
                    {setting: [*self._gzsl_runs[setting, head]], other: [*self._gzsl_runs[other, other_head]]}
                )
                theirs = self._measure(other, other_head, seeds)
                about = {"versus": control, "versus_head": other_head, "seeds": len(seeds)}
                for domain, mine in self._measure(setting, head, seeds).items():
                    mean = mine.record["ausuc"] - theirs[domain].record["ausuc"]
                    resampled = mine.resampled["ausuc"] - theirs[domain].resampled["ausuc"]
                    found = stats.difference_of(mean, resampled, mine.drawings)
                    tests.append(label(setting, head=head, domain=domain) | about | found._asdict())
        return tests

    def _measure_once(self, setting: Setting, head: str, seeds: tuple[int, ...]) -> dict[str, _Measured]:
        """Returns what is reported of each domain that has seen and unseen classes, and of the mean over targets."""
        trials = [self._gzsl_runs[setting, head][seed] for seed in seeds]
        chooses = all(gzsl_run.choice is not None for gzsl_run in trials)
        gamma = [zero_shot.choose_gamma(gzsl_run.choice) if chooses else 0.0 for gzsl_run in trials]
        found = {}
        for domain, first in trials[0].tests.items():
            if first.has_both_sides():
                if domain not in self._draws:
                    self._draws[domain] = zero_shot_resampled.draw(first, domain=domain)
                found[domain] = _of_domain([gzsl_run.tests[domain] for gzsl_run in trials], gamma, self._draws[domain])
        if targets := [found[domain] for domain in found if domain != self._source]:
            means = {key: float(np.mean([of.record[key] for of in targets])) for key in METRICS}
            resampled = zero_shot_resampled.mean_over([of.resampled for of in targets])
            found[TARGETS] = _Measured(means, resampled, min(of.drawings for of in targets))
        for domain, (values, resampled, drawings) in found.items():
            record = {"seeds": len(seeds)} | values
            for key in METRICS:
                _, low, high = stats.interval_of(values[key], resampled[key], drawings)
                record |= {f"{key}_low": low, f"{key}_high": high}
            record["gamma"] = float(np.mean(gamma))
            if not chooses:
                record = {key: value for key, value in record.items() if not key.startswith(("calibrated", "gamma"))}
            found[domain] = _Measured(record, resampled, drawings)
        return found


def _of_domain(
    gzsl_outcomes: Sequence[GzslOutcome], gamma: Sequence[float], draws: zero_shot_resampled.Draws
) -> _Measured:
    """Returns the means over seeds, with the curve on a grid, and their resamples."""
    curves = [zero_shot.seen_unseen_curve(gzsl_outcome) for gzsl_outcome in gzsl_outcomes]
    plain = [zero_shot.seen_unseen(gzsl_outcome) for gzsl_outcome in gzsl_outcomes]
    calibrated = [
        zero_shot.seen_unseen(gzsl_outcome, own).harmonic
        for gzsl_outcome, own in zip(gzsl_outcomes, gamma, strict=True)
    ]
    values = {name: float(np.mean(of_seeds)) for name, *of_seeds in zip(plain[0]._fields, *plain, strict=True)}
    values["ausuc"] = float(np.mean([zero_shot.area_under_curve(curve) for curve in curves]))
    values["calibrated"] = float(np.mean(calibrated))
    values["curve"] = np.mean([zero_shot.seen_at(curve, _GRID) for curve in curves], 0).tolist()
    return _Measured(values, zero_shot_resampled.resample(gzsl_outcomes, gamma, draws), draws.drawings)


def _cell(record: Record, key: str) -> str:
    return "{:.1f} [{:.1f}, {:.1f}]".format(*(100 * record[f"{key}{end}"] for end in ("", "_low", "_high")))
