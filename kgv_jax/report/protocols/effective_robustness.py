"""Effective robustness: accuracy under shift beyond what accuracy on the source predicts.

The prediction is a line through the runs of baseline methods, on the logit scale (Taori et al. 2020, arXiv 2007.00644).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit

from kgv_jax.report.protocols.base import Options, Result
from kgv_jax.report.study import Setting, Study
from kgv_jax.report.table import percent, signed, tabulate


class Line(NamedTuple):
    """`logit(target) = slope logit(source) + intercept`, fitted to baseline models."""

    slope: float
    intercept: float

    def predict(self, source: npt.ArrayLike) -> np.ndarray:
        """Returns the target accuracies `[m]` that go with source accuracies `[m]`."""
        return expit(self.slope * logit(np.asarray(source, np.float64)) + self.intercept)


def fit_line(source: npt.ArrayLike, target: npt.ArrayLike) -> Line:
    """Fits the accuracies `[m]` of baseline models by least squares on the logit scale.

    Raises:
      ValueError: an accuracy is 0 or 1, whose logit is infinite, or fewer than two source accuracies differ.
    """
    x, y = logit(np.asarray(source, np.float64)), logit(np.asarray(target, np.float64))
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("accuracies of 0 and 1 have no logit, and a baseline model has one")
    if np.ptp(x) < 1e-9:
        raise ValueError("a line needs baseline models of two or more accuracies on the source")
    slope = float((x - x.mean()) @ (y - y.mean()) / ((x - x.mean()) @ (x - x.mean())))
    return Line(slope, float(y.mean() - slope * x.mean()))


def effective_robustness(line: Line, source: npt.ArrayLike, target: npt.ArrayLike) -> np.ndarray:
    """Returns `target - line(source)` `[m]`: accuracy above the line (Taori et al. 2020, arXiv 2007.00644)."""
    return np.asarray(target, np.float64) - line.predict(source)


def report(study: Study, options: Options) -> Result:
    """Returns the residual of every run on every target, averaged over seeds."""
    columns = {"source": percent(study.source), "target": percent("target"), "line": percent("the line's")}
    columns |= {"effective_robustness": signed("effective robustness")}
    records = []
    for target in study.targets:
        line = _line(study, options, target)
        for setting, heads in study.heads.items():
            for head in heads:
                x, y = _accuracies(study, setting, head, target)
                values = {"source": x, "target": y, "line": line.predict(x)}
                values["effective_robustness"] = effective_robustness(line, x, y)
                means = {key: float(value.mean()) for key, value in values.items()}
                records.append(setting.label(head=head, domain=target) | means | line._asdict())
    source, _ = _baselines(study, options, study.source)
    spread = f"{100 * source.min():.1f} to {100 * source.max():.1f} on {study.source}"
    title = f"Effective robustness against {len(source)} runs of {', '.join(options.baselines)}, {spread}"
    return Result(records, [tabulate(title, records, ("head", "domain"), columns)])


def lacks(study: Study, options: Options) -> str:
    """Says whether targets, baselines, or a line through them are missing."""
    if not study.targets:
        return "the runs have no target domain; set config.data.targets"
    if not options.baselines:
        return "no line is given; name the methods that give it: --baselines=ce"
    for target in study.targets:
        try:
            _line(study, options, target)
        except ValueError as error:
            names = ", ".join(options.baselines)
            return f"{error} ({target!r}); give more runs of {names}, of other fractions or shots, or other --baselines"
    return ""


def _line(study: Study, options: Options, target: str) -> Line:
    return fit_line(*_baselines(study, options, target))


def _baselines(study: Study, options: Options, target: str) -> np.ndarray:
    """Returns `[2, m]`: accuracy on the source and on a target, of every run of the baseline methods."""
    settings = [setting for method in options.baselines for setting in study.settings_of(method)]
    return np.concatenate([_accuracies(study, of, study.chosen[of], target) for of in settings], axis=1)


def _accuracies(study: Study, setting: Setting, head: str, target: str) -> np.ndarray:
    """Returns `[2, S]`: accuracy on the source and on a target, of every seed."""
    correct = study.correct(setting, head, (study.source, target))
    return np.stack([correct[study.source].mean(1), correct[target].mean(1)])
