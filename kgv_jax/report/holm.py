"""Holm's correction: p-values of many tests, so that the chance of any false finding stays below the level."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def holm(p: npt.ArrayLike) -> np.ndarray:
    """Returns the adjusted p-values `[m]` of a family of `m` tests, in the order given.

    With `p_(1) <= ... <= p_(m)`, the adjusted `p~_(i) = max_{j <= i} min(1, (m - j + 1) p_(j))` (Holm 1979, A simple
    sequentially rejective multiple test procedure). Tests may depend on each other in any way.
    """
    p = np.asarray(p, np.float64)
    order = np.argsort(p, kind="stable")
    scaled = np.minimum(1.0, np.arange(len(p), 0, -1) * p[order])
    adjusted = np.empty_like(p)
    adjusted[order] = np.maximum.accumulate(scaled)
    return adjusted
