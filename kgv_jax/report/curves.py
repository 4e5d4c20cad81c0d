"""Low-data curves: accuracy against shots, or against shares of the training photographs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from kgv_jax.report.stats import RESAMPLES, Correct, Interval, mean_interval_over_domains


def accuracy_curve(
    correct: Mapping[float, Mapping[str, Correct]],
    groups: Mapping[str, npt.ArrayLike],
    *,
    resamples: int = RESAMPLES,
) -> dict[float, Interval]:
    """Returns the mean accuracy over domains, with its interval over drawings and seeds, by rising amount of data.

    Args:
      correct: amount of data -> domain -> `[S, n]` bool.
      groups: domain -> `[n]` the drawing a photograph shows.
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
