"""Seen against unseen classes, photograph by photograph: what every measure of generalised zero-shot recognition needs.

Calibrated stacking (Chao et al., arXiv 1605.04253) takes `gamma` off the scores of seen classes. The best class of
either side stays the same, and a photograph changes sides once: where `gamma` is its best seen score minus its best
unseen one. So one bit and one number a photograph say what is right at any `gamma`.
"""

from __future__ import annotations

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class GzslOutcome:
    """One head's `n` photographs.

    Attributes:
      label: `[n]` true class.
      image: `[n]` name of the drawing that a photograph shows; a drawing is of one class.
      unseen: `[n]` bool: the true class is an unseen one.
      right: `[n]` bool: the true class is the best of its side.
      margin: `[n]` best score of a seen class minus the best of an unseen one; 0 where not `right`, and of no effect.
    """

    label: np.ndarray
    group: np.ndarray
    unseen: np.ndarray
    right: np.ndarray
    margin: np.ndarray

    def correct(self, gamma: float = 0.0) -> np.ndarray:
        """Returns `[n]` bool with `gamma` taken off the scores of seen classes; these win where both score the same."""
        return self.right & (self.unseen == (self.margin < np.float64(gamma)))

    def has_both_sides(self) -> bool:
        """Whether there are photographs of seen and of unseen classes."""
        return 0 < self.unseen.sum() < len(self.unseen)


def make_gzsl_outcome(
    scores: np.ndarray, label: np.ndarray, group: np.ndarray, *, unseen: np.ndarray, seen: np.ndarray
) -> GzslOutcome:
    """Returns the contest of all photographs whose classes compete.

    Args:
      scores: `[n, C]` log-scores of all classes.
      label: `[n]`.
      image: `[n]`.
      unseen: `[C]` bool.
      seen: `[C]` bool; a class may be neither, and then does not compete.
    """
    kept = (seen | unseen)[label]
    scores, label, group = scores[kept], label[kept], group[kept]
    sides = np.stack([np.where(side, scores, -np.inf) for side in (seen, unseen)])  # [2, n, C]
    of_unseen = unseen[label]
    right = np.where(of_unseen, *sides.argmax(-1)[::-1]) == label
    margin = np.subtract(*sides.max(-1))
    return GzslOutcome(label, group, of_unseen, right, np.where(right, margin, np.zeros_like(margin)))
