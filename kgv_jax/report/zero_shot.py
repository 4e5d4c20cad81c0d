"""Generalised zero-shot recognition: seen and unseen classes compete, and a number decides between them.

Per-class accuracies of photographs of seen and of unseen classes among all classes, and their harmonic mean (Xian et
al., arXiv 1707.00600). Calibrated stacking (Chao et al., arXiv 1605.04253) takes `gamma` off the scores of seen
classes; over all `gamma` it draws the seen-unseen curve, whose area (AUSUC) needs no choice.

The curve is exact: a photograph changes sides once, where `gamma` is its best seen score minus its best unseen one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class SeenUnseen(NamedTuple):
    """Mean accuracy a class over the seen and over the unseen classes, and their harmonic mean."""

    seen: float
    unseen: float
    harmonic: float


class Curve(NamedTuple):
    """Accuracies as steps: for `gamma` in `[gamma[i], gamma[i + 1])`; `[K]` each, `gamma[0]` is -inf."""

    gamma: np.ndarray
    seen: np.ndarray
    unseen: np.ndarray


def per_class_accuracy(correct: np.ndarray, label: np.ndarray) -> float:
    """Returns the mean over classes that occur of the share of their photographs that is right."""
    _, index, count = np.unique(label, return_inverse=True, return_counts=True)
    return float(np.mean(np.bincount(index, correct) / count))


def seen_unseen(scores: np.ndarray, label: np.ndarray, unseen: np.ndarray, *, gamma: float = 0.0) -> SeenUnseen:
    """Returns the accuracies with `gamma` taken off the scores of seen classes.

    Args:
      scores: `[n, C]` log-scores of all classes.
      label: `[n]`.
      unseen: `[C]` bool.
      gamma: of calibrated stacking.
    """
    best = np.argmax(scores - gamma * ~unseen, -1)
    of_unseen = unseen[label]
    seen, new = (per_class_accuracy(best[of] == label[of], label[of]) for of in (~of_unseen, of_unseen))
    return SeenUnseen(seen, new, harmonic_mean(seen, new))


def harmonic_mean(seen: float, unseen: float) -> float:
    """Returns `2 s u / (s + u)`, 0 if both are."""
    return 2 * seen * unseen / (seen + unseen) if seen + unseen else 0.0


def seen_unseen_curve(scores: np.ndarray, label: np.ndarray, unseen: np.ndarray) -> Curve:
    """Returns the accuracies for every `gamma`; where both sides score the same, the unseen class is taken."""
    inside = {side: np.where(unseen == side, scores, -np.inf) for side in (False, True)}
    margin = inside[False].max(-1) - inside[True].max(-1)
    right = {side: inside[side].argmax(-1) == label for side in (False, True)}
    order = np.argsort(margin, kind="stable")
    gamma = np.concatenate([[-np.inf], np.unique(margin)])
    moved = np.searchsorted(margin[order], gamma, side="right")  # photographs that an unseen class has by then

    def accuracy(side: bool) -> np.ndarray:
        weight = np.where(right[side] & (unseen[label] == side), _class_weight(label, unseen), 0.0)[order]
        before = np.concatenate([[0.0], np.cumsum(weight)])
        return before[moved] if side else before[-1] - before[moved]

    return Curve(gamma, accuracy(False), accuracy(True))


def _class_weight(label: np.ndarray, unseen: np.ndarray) -> np.ndarray:
    """Returns `[n]`: what a photograph counts in the mean over the classes of its side."""
    classes, index, count = np.unique(label, return_inverse=True, return_counts=True)
    of_side = np.bincount(unseen[classes], minlength=2)
    return 1 / (count[index] * of_side[unseen[label].astype(int)])


def area_under_curve(curve: Curve) -> float:
    """Returns the AUSUC: the area under seen accuracy over unseen accuracy, by trapezoids."""
    return float(np.trapezoid(curve.seen, curve.unseen))


def seen_at(curve: Curve, unseen: np.ndarray) -> np.ndarray:
    """Returns the best seen accuracy beside an unseen accuracy of at least `unseen` `[G]`; 0 beyond the curve."""
    reached = np.searchsorted(curve.unseen, np.asarray(unseen) - 1e-12)
    return np.append(curve.seen, 0.0)[reached]


def choose_gamma(scores: np.ndarray, label: np.ndarray, unseen: np.ndarray) -> float:
    """Returns the middle of the `gamma`s with the best harmonic mean, on classes that are held out to choose it.

    Unseen classes of a test must have no part in this: hold some of the seen ones out.
    """
    curve = seen_unseen_curve(scores, label, unseen)
    mean = np.array([harmonic_mean(s, u) for s, u in zip(curve.seen, curve.unseen, strict=True)])
    best = int(mean.argmax())
    low = curve.gamma[best]
    high = curve.gamma[best + 1] if best + 1 < len(curve.gamma) else low
    return float(high if np.isinf(low) else (low + high) / 2)
