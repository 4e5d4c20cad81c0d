"""Calibration: whether a model that gives its answers a probability of 70 % is right in 70 % of the cases."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

BINS = 15  # as in Guo et al. 2017


class Reliability(NamedTuple):
    """The bins of a reliability diagram that are not empty, by rising confidence, each `[m]`.

    Attributes:
      count: number of images in the bin.
      accuracy, confidence: means over these images.
    """

    count: np.ndarray
    accuracy: np.ndarray
    confidence: np.ndarray


def reliability(
    confidence: np.ndarray, correct: np.ndarray, *, bins: int = BINS, equal_mass: bool = False
) -> Reliability:
    """Returns the bins of a reliability diagram.

    Bins are `((m - 1) / M, m / M]`, or, with `equal_mass`, they hold equally many images (Nguyen and O'Connor 2015,
    arXiv 1508.05154). Images of equal confidence share a bin, so the order of a file does not matter.

    Args:
      confidence: `[n]` probability of the chosen class.
      correct: `[n]` bool: whether the chosen class is right.
      bins: their number `M`.
      equal_mass: bins of equal mass instead of equal width.
    """
    if equal_mass:
        below = np.searchsorted(np.sort(confidence), confidence, side="left")
        index = below * bins // len(confidence)
    else:
        index = np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], confidence, side="left")
    count = np.bincount(index, minlength=bins)
    filled = count > 0
    accuracy, mean = (np.bincount(index, values, minlength=bins) for values in (correct, confidence))
    return Reliability(count[filled], accuracy[filled] / count[filled], mean[filled] / count[filled])


def expected_calibration_error(
    confidence: np.ndarray, correct: np.ndarray, *, bins: int = BINS, equal_mass: bool = False
) -> float:
    """Returns `sum_m |B_m| / n |acc(B_m) - conf(B_m)|` (Guo et al. 2017, arXiv 1706.04599).

    Args:
      confidence, correct, bins, equal_mass: as of `reliability`.
    """
    found = reliability(confidence, correct, bins=bins, equal_mass=equal_mass)
    return float(found.count @ np.abs(found.accuracy - found.confidence) / found.count.sum())


def brier_score(log_p: np.ndarray, label: np.ndarray) -> float:
    """Returns `mean_i sum_c (p_ic - [c = y_i])^2`, from 0 to 2 (Brier 1950, all classes).

    Args:
      log_p: `[n, C]` log-probabilities.
      label: `[n]` classes.
    """
    error = np.exp(np.asarray(log_p, np.float64))
    error[np.arange(len(label)), label] -= 1
    return float((error**2).sum(-1).mean())


def negative_log_likelihood(log_p: np.ndarray, label: np.ndarray) -> float:
    """Returns `-mean_i log p_{i, y_i}` in nats, of `log_p` `[n, C]` and `label` `[n]`."""
    return float(-log_p[np.arange(len(label)), label].mean(dtype=np.float64))
