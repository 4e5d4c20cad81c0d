"""Resamples of generalised zero-shot recognition: drawings of seen and of unseen classes, and seeds.

Where a resample has drawing `g` `v_g` times, each of its photographs counts `a_g = v_g / (K sum v photographs)`: the
sum is over the drawings of its class, `K` the classes of its side that the resample has. Everything is linear in that:

    accuracy of a side = sum_g a_g right_g
    AUSUC              = sum_g sum_h a_g W_gh a_h

with drawings `g` of seen and `h` of unseen classes, `right_g` their photographs that are right, and `W_gh` the pairs of
photographs, each the best of its side, of which the seen one has the larger margin (half a pair, where they are equal).
So AUSUC is a rank statistic, as the area under a ROC curve is. Harmonic means and areas are those of one seed, averaged
over seeds (the pigeonhole bootstrap of `report/stats.py`). The draws depend on the domain, its photographs and the
number of seeds alone, so resamples of two methods are pairs; one draw of seeds serves all domains.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy import sparse

from kgv_jax.report import stats
from kgv_jax.run.gzsl_outcome import GzslOutcome

METRICS = ("seen", "unseen", "harmonic", "ausuc", "calibrated")


class _Side(NamedTuple):
    """The drawings of seen, or of unseen classes.

    Attributes:
      drawing: `[m]` of each photograph of the side, a number.
      share: `[1 + B, G]` float64, `a` of every drawing. In the first row each counts once: what is measured.
    """

    drawing: np.ndarray
    share: np.ndarray


class Draws(NamedTuple):
    """Resamples of a domain's drawings, each side by itself."""

    seen: _Side
    unseen: _Side

    @property
    def drawings(self) -> int:
        """How many the side has that has fewer."""
        return min(side.share.shape[1] for side in self)


def draw(gzsl_outcome: GzslOutcome, *, domain: str, resamples: int = stats.RESAMPLES, seed: int = 0) -> Draws:
    """Returns resamples of a contest's drawings; those of another domain are drawn by themselves."""
    rng = np.random.default_rng([seed, *domain.encode()])
    sides = (~gzsl_outcome.unseen, gzsl_outcome.unseen)
    return Draws(*(_draw_side(gzsl_outcome.label[side], gzsl_outcome.group[side], rng, resamples) for side in sides))


def _draw_side(label: np.ndarray, group: np.ndarray, rng: np.random.Generator, resamples: int) -> _Side:
    images, first, drawing, photographs = np.unique(group, return_index=True, return_inverse=True, return_counts=True)
    _, of_class = np.unique(label[first], return_inverse=True)
    drawn = stats.multiplicities(rng, resamples, len(images))
    times = np.concatenate([np.ones_like(drawn[:1]), drawn]).astype(np.float32)
    order = np.argsort(of_class, kind="stable")
    starts = np.searchsorted(of_class[order], np.arange(of_class.max() + 1))
    counts = np.add.reduceat((times * photographs.astype(np.float32))[:, order], starts, axis=1)  # [1 + B, K]
    classes = np.count_nonzero(counts, axis=1, keepdims=True).astype(np.float32)
    return _Side(drawing, times / (np.maximum(counts, 1) * classes)[:, of_class].astype(float))


def resample(
    gzsl_outcomes: Sequence[GzslOutcome], gamma: Sequence[float], draws: Draws, *, seed: int = 0
) -> dict[str, np.ndarray]:
    """Returns `METRICS` `[B]` of one method on one domain, averaged over seeds, deviations widened.

    Args:
      contests: a seed each, about the same photographs.
      gamma: a seed each, of calibrated stacking.
      draws: of the domain.
      seed: of the draws of seeds.
    """
    of_seeds = [measure(gzsl_outcome, own, draws) for gzsl_outcome, own in zip(gzsl_outcomes, gamma, strict=True)]
    resamples = len(draws.seen.share) - 1
    seed_weights = stats.multiplicities(np.random.default_rng(seed), resamples, len(gzsl_outcomes)) / len(gzsl_outcomes)
    found = {}
    for metric in METRICS:
        values = np.stack([of_seed[metric] for of_seed in of_seeds], 1)
        found[metric] = stats.widened(values[1:], values[0], seed_weights, max(draws.drawings, 2))
    return found


def measure(gzsl_outcome: GzslOutcome, gamma: float, draws: Draws) -> dict[str, np.ndarray]:
    """Returns `METRICS` `[1 + B]` of one seed; the first is of no resample."""
    sides = tuple(zip((~gzsl_outcome.unseen, gzsl_outcome.unseen), draws, strict=True))
    at = []
    for shift in (0.0, gamma):
        correct = gzsl_outcome.correct(shift)
        hits = [np.bincount(of.drawing, correct[side], of.share.shape[1]) for side, of in sides]
        at.append([of.share @ own for own, (_, of) in zip(hits, sides, strict=True)])
    pairs = _pairs_in_order(gzsl_outcome, draws)
    areas = np.sum((draws.seen.share @ pairs) * draws.unseen.share, axis=1)
    harmonic, calibrated = (2 * seen * unseen / np.maximum(seen + unseen, 1e-30) for seen, unseen in at)
    return dict(zip(METRICS, (*at[0], harmonic, areas, calibrated), strict=True))


def _pairs_in_order(gzsl_outcome: GzslOutcome, draws: Draws) -> np.ndarray:
    """Returns `W` `[G seen, G unseen]`."""
    margins, by_drawing = [], []
    for side, of in zip((~gzsl_outcome.unseen, gzsl_outcome.unseen), draws, strict=True):
        right = np.flatnonzero(gzsl_outcome.right[side])
        margins.append(gzsl_outcome.margin[side][right])
        places = of.drawing[right], np.arange(len(right))
        by_drawing.append(sparse.csr_array((np.ones(len(right)), places), shape=(of.share.shape[1], len(right))))
    seen, unseen = margins
    larger = np.heaviside(np.subtract.outer(seen, unseen), 0.5)
    return (by_drawing[1] @ (by_drawing[0] @ larger).T).T


def mean_over(domains: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Returns the metrics averaged over domains, which count the same."""
    return {metric: np.mean([of[metric] for of in domains], 0) for metric in domains[0]}
