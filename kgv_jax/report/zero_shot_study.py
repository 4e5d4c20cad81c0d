"""Runs that held classes out, side by side: seen against unseen accuracies, their curves, and paired gains in AUSUC."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from kgv_jax.report import stats, zero_shot, zero_shot_resampled
from kgv_jax.report.paired import corrected, gain_table
from kgv_jax.report.study import Run, Setting, Study
from kgv_jax.report.table import TARGETS, Column, Record, Table, count, decimals, interval_text, tabulate
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
      tests: domain -> its GZSL outcome.
      choice: the outcome of the classes that choose `gamma`; None: there are none.
    """

    tests: Mapping[str, GzslOutcome]
    choice: GzslOutcome | None


class _Measured(NamedTuple):
    """What is known of a setting, head and domain.

    Attributes:
      record: what is reported.
      resampled: metric -> `[B]`, its value on each resample.
      images: number of source images of the side, seen or unseen, that has fewer.
    """

    record: dict[str, Any]
    resampled: dict[str, np.ndarray]
    images: int


class ZeroShotStudy:
    """Generalised zero-shot recognition of a study's runs."""

    def __init__(self, study: Study, gzsl_run: Callable[[Run, str], GzslRun], *, classes: tuple[int, int]) -> None:
        """Takes the study.

        Args:
          study: the runs.
          gzsl_run: makes the GZSL outcomes of a run's head.
          classes: how many are tested as unseen ones, and how many compete.

        Raises:
          UserError: no domain has images of both sides.
        """
        self._study = study
        self._classes = classes
        # A control is compared with every method, so what is known of it is kept.
        self._gzsl_run = functools.cache(lambda setting, head, seed: gzsl_run(study.runs[setting][seed], head))
        self._measure = functools.cache(self._measure_once)
        self._draws: dict[str, zero_shot_resampled.Draws] = {}
        setting, runs = next(iter(study.runs.items()))
        first = self._gzsl_run(setting, study.chosen[setting], next(iter(runs)))
        if not any(gzsl_outcome.has_both_sides() for gzsl_outcome in first.tests.values()):
            raise UserError("No domain has images both of the unseen classes and of others; name other classes.")

    def report(self, heads: Mapping[Setting, Sequence[str]], control: str = "") -> tuple[list[Record], list[Table]]:
        """Returns a record for each of the heads of every setting and each domain, the mean over targets included.

        A record has means over seeds: of seen and unseen accuracy (means over classes), their harmonic mean, the area
        under their curve (AUSUC) and the curve. Where classes choose `gamma`, it also has the harmonic mean after
        calibrated stacking, each seed with its own `gamma`. With a control there are also differences in AUSUC to its
        chosen head, over the seeds that both have.
        """
        records = self._records(heads)
        tests = corrected(self._tests(heads, control))
        if not tests:
            return records, [self._table(records)]
        return records + tests, [self._table(records), gain_table(f"Gain in AUSUC over {control}", tests)]

    def _records(self, heads: Mapping[Setting, Sequence[str]]) -> list[Record]:
        return [
            setting.label(head=head, domain=domain) | found.record
            for setting, of_setting in heads.items()
            for head in of_setting
            for domain, found in self._measure(setting, head, tuple(self._study.runs[setting])).items()
        ]

    def _table(self, records: Sequence[Record]) -> Table:
        metrics = [key for key in METRICS if key in records[0]]
        cells = [
            {f"{key}_cell": interval_text(record, key, low=f"{key}_low", high=f"{key}_high") for key in metrics}
            for record in records
        ]
        columns = {"seeds": count("seeds")}
        columns |= {f"{key}_cell": Column(_HEADERS[key], str) for key in metrics}
        columns |= {"gamma": decimals("gamma", 2)} if "gamma" in records[0] else {}
        title = "Generalised zero-shot: {} unseen of {} classes".format(*self._classes)
        shown = [{**record, **of_record} for record, of_record in zip(records, cells, strict=True)]
        return tabulate(title, shown, ("head", "domain"), columns)

    def _tests(self, heads: Mapping[Setting, Sequence[str]], control: str) -> list[Record]:
        """Returns the differences to the control; resamples of the two have the same source images and seeds."""
        tests = []
        for setting, of_setting in heads.items():
            other = self._study.control_of(setting, control)
            if other is None:
                continue
            other_head = self._study.chosen[other]
            seeds = self._study.shared_seeds(setting, other)
            theirs = self._measure(other, other_head, seeds)
            about = {"versus": control, "versus_head": other_head, "seeds": len(seeds)}
            for head in of_setting:
                for domain, mine in self._measure(setting, head, seeds).items():
                    mean = mine.record["ausuc"] - theirs[domain].record["ausuc"]
                    resampled = mine.resampled["ausuc"] - theirs[domain].resampled["ausuc"]
                    found = stats.difference_of(mean, resampled, mine.images)
                    tests.append(setting.label(head=head, domain=domain) | about | found._asdict())
        return tests

    def _measure_once(self, setting: Setting, head: str, seeds: tuple[int, ...]) -> dict[str, _Measured]:
        """Returns what is reported of each domain that has seen and unseen classes, and of the mean over targets."""
        # Each seed chooses its own gamma, as whoever trains the model once would.
        gzsl_runs = [self._gzsl_run(setting, head, seed) for seed in seeds]
        chooses = all(gzsl_run.choice is not None for gzsl_run in gzsl_runs)
        gamma = [zero_shot.choose_gamma(gzsl_run.choice) if chooses else 0.0 for gzsl_run in gzsl_runs]

        # Every domain by itself. Its resamples are drawn once, so that those of any two methods are pairs.
        found = {}
        for domain, first in gzsl_runs[0].tests.items():
            if first.has_both_sides():
                if domain not in self._draws:
                    self._draws[domain] = zero_shot_resampled.draw(first, domain=domain)
                gzsl_outcomes = [gzsl_run.tests[domain] for gzsl_run in gzsl_runs]
                found[domain] = _of_domain(gzsl_outcomes, gamma, self._draws[domain])

        # The mean over targets, of the values and of each resample of them. The interval is as wide as the domain with
        # the fewest source images allows.
        if targets := [found[domain] for domain in found if domain != self._study.source]:
            means = {key: float(np.mean([of.record[key] for of in targets])) for key in METRICS}
            resampled = zero_shot_resampled.mean_over([of.resampled for of in targets])
            found[TARGETS] = _Measured(means, resampled, min(of.images for of in targets))

        # Intervals. Without classes that choose gamma, what gamma decides is left out.
        for domain, (values, resampled, images) in found.items():
            record = {"seeds": len(seeds)} | values
            for key in METRICS:
                _, low, high = stats.interval_of(values[key], resampled[key], images)
                record |= {f"{key}_low": low, f"{key}_high": high}
            record["gamma"] = float(np.mean(gamma))
            if not chooses:
                record = {key: value for key, value in record.items() if not key.startswith(("calibrated", "gamma"))}
            found[domain] = _Measured(record, resampled, images)
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
    return _Measured(values, zero_shot_resampled.resample(gzsl_outcomes, gamma, draws), draws.images)
