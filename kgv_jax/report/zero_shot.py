"""Generalised zero-shot recognition: seen and unseen classes compete for every test image.

What is measured are the per-class accuracies on images of seen and of unseen classes, each among all classes, and their
harmonic mean (Xian et al., arXiv 1707.00600). A model prefers the classes it has learnt, so calibrated stacking (Chao
et al., arXiv 1605.04253) takes a number `gamma` off the scores of seen classes. As `gamma` goes from minus to plus
infinity, the pair of accuracies runs along the seen-unseen curve. The area under that curve (AUSUC) needs no choice of
`gamma`.

The curve is exact: the answer for an image changes once, where `gamma` passes its margin
(`kgv_jax/run/gzsl_outcome.py`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kgv_jax.run.gzsl_outcome import GzslOutcome


class SeenUnseen(NamedTuple):
    """Per-class accuracy, averaged over the seen and over the unseen classes, and the harmonic mean of the two."""

    seen: float
    unseen: float
    harmonic: float


class Curve(NamedTuple):
    """Accuracies as a step function: index `i` holds for `gamma` in `(gamma[i], gamma[i + 1]]`; `gamma[0]` is -inf.

    Attributes:
      gamma: `[K]` where an answer changes.
      seen: `[K]` per-class accuracy on images of seen classes.
      unseen: `[K]` the same of unseen classes.
    """

    gamma: np.ndarray
    seen: np.ndarray
    unseen: np.ndarray


def per_class_accuracy(correct: np.ndarray, label: np.ndarray) -> float:
    """Returns the mean over classes that occur of the share of their images that is right."""
    _, index, count = np.unique(label, return_inverse=True, return_counts=True)
    return float(np.mean(np.bincount(index, correct) / count))


def seen_unseen(gzsl_outcome: GzslOutcome, gamma: float = 0.0) -> SeenUnseen:
    """Returns the accuracies with `gamma` taken off the scores of seen classes."""
    correct = gzsl_outcome.correct(gamma)
    seen, unseen = (
        per_class_accuracy(correct[of], gzsl_outcome.label[of]) for of in (~gzsl_outcome.unseen, gzsl_outcome.unseen)
    )
    return SeenUnseen(seen, unseen, harmonic_mean(seen, unseen))


def harmonic_mean(seen: float, unseen: float) -> float:
    """Returns `2 s u / (s + u)`, 0 if both are."""
    return 2 * seen * unseen / (seen + unseen) if seen + unseen else 0.0


def seen_unseen_curve(gzsl_outcome: GzslOutcome) -> Curve:
    """Returns the accuracies for every `gamma`; it ends where the last right answer has changed sides."""
    order = np.argsort(gzsl_outcome.margin[gzsl_outcome.right], kind="stable")
    margin, unseen, weight = (
        of[gzsl_outcome.right][order] for of in (gzsl_outcome.margin, gzsl_outcome.unseen, _weight(gzsl_outcome))
    )
    gamma = np.concatenate([[-np.inf], np.unique(margin).astype(float)])
    moved = np.searchsorted(margin, gamma, side="right")  # images that go to an unseen class by then

    def won(side: bool) -> np.ndarray:
        return np.concatenate([[0.0], np.cumsum(np.where(unseen == side, weight, 0.0))])

    return Curve(gamma, won(False)[-1] - won(False)[moved], won(True)[moved])


def _weight(gzsl_outcome: GzslOutcome) -> np.ndarray:
    """Returns `[n]`: the weight of an image in the mean over the classes of its side."""
    _, first, index, count = np.unique(gzsl_outcome.label, return_index=True, return_inverse=True, return_counts=True)
    classes = np.bincount(gzsl_outcome.unseen[first], minlength=2)
    return 1 / (count[index] * classes[gzsl_outcome.unseen.astype(int)])


def area_under_curve(curve: Curve) -> float:
    """Returns the AUSUC: the area under seen accuracy over unseen accuracy, by trapezoids."""
    return float(np.trapezoid(curve.seen, curve.unseen))


def seen_at(curve: Curve, unseen: np.ndarray) -> np.ndarray:
    """Returns `[G]`: the best seen accuracy at which unseen accuracy is at least `unseen` `[G]`; 0 beyond the curve."""
    reached = np.searchsorted(curve.unseen, np.asarray(unseen) - 1e-12)
    return np.append(curve.seen, 0.0)[reached]


def choose_gamma(gzsl_outcome: GzslOutcome) -> float:
    """Returns the middle of the `gamma`s with the best harmonic mean, on classes that are held out to choose it.

    The unseen classes of a test must have no part in this choice, so some of the seen classes are held out for it.
    """
    curve = seen_unseen_curve(gzsl_outcome)
    if len(curve.gamma) == 1:
        return 0.0  # no image is right at any gamma
    mean = np.array([harmonic_mean(s, u) for s, u in zip(curve.seen, curve.unseen, strict=True)])
    best = int(mean.argmax())  # never the last: no seen class is right there
    low, high = curve.gamma[best : best + 2]
    return float(high if np.isinf(low) else (low + high) / 2)
