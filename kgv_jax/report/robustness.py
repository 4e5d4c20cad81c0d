"""Effective robustness: accuracy under shift beyond what accuracy on the source predicts."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit


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
