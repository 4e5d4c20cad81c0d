"""The decision of least risk: which class to answer, where some mistakes are worse than others.

    R_k = sum_j p_j C_kj,    answer argmin_k R_k

Deng et al. 2010 (What does classifying more than 10,000 image categories tell us?) and Karthik et al. 2021 (No cost
likelihood manipulation at test time, arXiv 2104.00795), who show that plain cross-entropy with this rule makes better
mistakes than losses along the hierarchy. `C_kj` is the cost of answering `k` where `j` is right, here the height of
their lowest common ancestor (`severity.lca_heights`). The rule reads finished predictions: nothing is trained or tuned.
"""

from __future__ import annotations

import numpy as np
from scipy.special import softmax


def expected_costs(log_p: np.ndarray, cost: np.ndarray) -> np.ndarray:
    """Returns `R` `[n, C]`: what each answer is expected to cost.

    Args:
      log_p: `[n, C]` log-probabilities, which need not sum to one (the mean of two heads in log space does not).
      cost: `[C, C]`, of answering the row where the column is right.
    """
    return softmax(log_p.astype(np.float64), axis=-1) @ cost.T.astype(np.float64)


def least_risk_classes(log_p: np.ndarray, cost: np.ndarray, k: int) -> np.ndarray:
    """Returns the `k` classes of least risk `[n, k]`, the best first; the more probable of equal ones, then by number.

    Risks that differ by rounding alone are equal: they are compared to twelve digits.
    """
    risk = np.round(expected_costs(log_p, cost) / max(float(cost.max(initial=0)), 1e-300), 12)
    return np.lexsort((-log_p, risk), axis=-1)[:, :k]
