"""Unknown-class detection: scores that are larger for known classes, and how well they separate known from unknown."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import logsumexp
from scipy.stats import rankdata

TRUE_POSITIVE_RATE = 0.95


def max_softmax(logits: np.ndarray) -> np.ndarray:
    """Returns `max_c log softmax(logits)_c` `[n]` of `[n, C]` (Hendrycks and Gimpel 2017, arXiv 1610.02136).

    The order is that of the probability `1 / (1 + sum_{c != best} exp(l_c - l_best))`. Written as `-log1p` of that sum,
    the score still orders images whose probabilities round to one.
    """
    logits = np.asarray(logits, np.float64)
    ratio = np.exp(logits - logits.max(-1, keepdims=True))
    np.put_along_axis(ratio, logits.argmax(-1)[:, None], 0.0, -1)
    return -np.log1p(ratio.sum(-1))


def energy(logits: np.ndarray, *, temperature: float = 1.0) -> np.ndarray:
    """Returns the negative energy `T logsumexp_c(logits / T)` `[n]` of `[n, C]` (Liu et al. 2020, arXiv 2010.03759)."""
    return temperature * logsumexp(np.asarray(logits, np.float64) / temperature, -1)


def node_density(scores: np.ndarray) -> np.ndarray:
    """Returns `logsumexp_c` `[n]` of the log-scores `[n, C]`: the log-density of their mixture, up to a constant."""
    return logsumexp(np.asarray(scores, np.float64), -1)


def nearest_node(scores: np.ndarray) -> np.ndarray:
    """Returns `max_c` `[n]` of the classes' log-scores `[n, C]`: the density of the best class alone."""
    return np.asarray(scores, np.float64).max(-1)


# Name -> what it is computed from (a field of `Predictions`), and how.
SCORES: dict[str, tuple[str, Callable[[np.ndarray], np.ndarray]]] = {
    "node density": ("scores", node_density),
    "nearest node": ("scores", nearest_node),
    "max softmax": ("logits", max_softmax),
    "energy": ("logits", energy),
    "max softmax of densities": ("scores", max_softmax),
}


def auroc(known: np.ndarray, unknown: np.ndarray) -> float:
    """Returns `P(known > unknown) + P(known = unknown) / 2` over all pairs of scores `[n]` and `[m]`.

    The area under the ROC curve, as the Mann-Whitney statistic of mid-ranks.
    """
    ranks = rankdata(np.concatenate([known, unknown]))[: len(known)]
    above = ranks.sum() - len(known) * (len(known) + 1) / 2
    return float(above / (len(known) * len(unknown)))


def false_positive_rate(known: np.ndarray, unknown: np.ndarray, *, rate: float = TRUE_POSITIVE_RATE) -> float:
    """Returns the share of unknown images that pass where `rate` of the known ones do: FPR95.

    The threshold is the largest score that at least `rate` of the known `[n]` reach, and scores
    equal to it pass, of known and unknown `[m]` images alike.
    """
    passing = int(np.ceil(rate * len(known) - 1e-9))
    threshold = np.sort(known)[len(known) - passing]
    return float(np.mean(np.asarray(unknown) >= threshold))
