"""GZSL outcomes: all that measures of generalised zero-shot recognition need of each test image.

Calibrated stacking (Chao et al., arXiv 1605.04253) takes a number `gamma` off the scores of seen classes. That leaves
the best seen class and the best unseen class of an image as they are. The answer changes once, from the one to the
other, where `gamma` passes the seen-unseen margin: the image's best seen score minus its best unseen score. So one bit
and one number per image say whether the answer is right at any `gamma`.
"""

from __future__ import annotations

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class GzslOutcome:
    """The outcome of one prediction head on the `n` test images of a domain.

    Attributes:
      label: `[n]` true class.
      group: `[n]` name of the source image that each test image shows; a source image is of one class.
      unseen: `[n]` bool: the true class is an unseen one.
      right: `[n]` bool: the true class is the best of its side, seen or unseen.
      margin: `[n]` the seen-unseen margin. It is 0 where not `right`: no `gamma` makes such an answer right, and zeros
        compress.
    """

    label: np.ndarray
    group: np.ndarray
    unseen: np.ndarray
    right: np.ndarray
    margin: np.ndarray

    def correct(self, gamma: float = 0.0) -> np.ndarray:
        """Returns `[n]` bool: what is right with `gamma` taken off the scores of seen classes, which win ties."""
        return self.right & (self.unseen == (self.margin < np.float64(gamma)))

    def has_both_sides(self) -> bool:
        """Whether there are images of seen and of unseen classes."""
        return 0 < self.unseen.sum() < len(self.unseen)


def make_gzsl_outcome(
    scores: np.ndarray, label: np.ndarray, group: np.ndarray, *, unseen: np.ndarray, seen: np.ndarray
) -> GzslOutcome:
    """Returns the GZSL outcome of all images whose classes compete.

    Args:
      scores: `[n, C]` log-scores of all classes.
      label: `[n]` true class.
      group: `[n]` name of the source image.
      unseen: `[C]` bool.
      seen: `[C]` bool. A class may be neither, and then does not compete.
    """
    kept = (seen | unseen)[label]
    scores, label, group = scores[kept], label[kept], group[kept]
    sides = np.stack([np.where(side, scores, -np.inf) for side in (seen, unseen)])  # [2, n, C]
    of_unseen = unseen[label]
    right = np.where(of_unseen, *sides.argmax(-1)[::-1]) == label
    margin = np.subtract(*sides.max(-1))
    return GzslOutcome(label, group, of_unseen, right, np.where(right, margin, np.zeros_like(margin)))
