"""Resamples of generalised zero-shot recognition: source images of seen and of unseen classes, and seeds.

The unit that is resampled is a source image, as in `report/stats.py`; the test images that show it come with it. Where
the unit is a larger group, such as a street image with signs of several classes, `g` below is the part of a group that
shows one class, and all parts of a group have its `v_g`. A resample has source image `g` `v_g` times. Each of its `n_g`
test images then has the weight

    a_g = v_g / (K sum_{g' of the class of g} v_g' n_g'),

where `K` is the number of classes of its side, seen or unseen, that the resample has at all. That is the mean over
classes of the accuracy within each class. Everything that is measured is linear or bilinear in these weights:

    accuracy of a side = sum_g a_g right_g
    AUSUC              = sum_g sum_h a_g W_gh a_h

for source images `g` of seen and `h` of unseen classes, with `right_g` the number of test images of `g` that are right.
`W_gh` counts pairs of a test image of `g` and one of `h`. A pair counts if each is the best of its own side and the
seen one has the larger margin; it counts half where the margins are equal.

Why the area is that sum: as `gamma` rises, an unseen test image becomes right when `gamma` passes its margin, and a
seen one is right until `gamma` reaches its own. The area under seen over unseen accuracy adds up, for every step to the
right that an unseen image makes, the weight of the seen images that are still right. So AUSUC is a rank statistic, the
Mann-Whitney statistic of weighted margins, just as the area under a ROC curve is one (Hanley and McNeil 1982). `W` is
counted once, and each of ten thousand resamples costs a product of matrices instead of a new curve.

Harmonic means and areas are computed per seed and then averaged over seeds, by the pigeonhole bootstrap of
`report/stats.py`. What is drawn depends on the domain, its images and the number of seeds alone, so the resamples of
two methods are pairs. One draw of seeds serves all domains.
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
    """The source images of seen, or of unseen classes.

    Attributes:
      group: `[m]` index of the source image that each test image of the side shows.
      weight: `[1 + B, G]` float64, `a_g` of every source image. In the first row each source image counts once, which
        gives the value that is reported; the other rows are resamples.
      units: how many are resampled: source images, or fewer groups of them.
    """

    group: np.ndarray
    weight: np.ndarray
    units: int


class Draws(NamedTuple):
    """Resamples of a domain's source images. Each side is resampled by itself, so neither is ever empty."""

    seen: _Side
    unseen: _Side

    @property
    def images(self) -> int:
        """The number of source images of the side that has fewer."""
        return min(side.units for side in self)


def draw(gzsl_outcome: GzslOutcome, *, domain: str, resamples: int = stats.RESAMPLES, seed: int = 0) -> Draws:
    """Returns resamples of the source images of one domain; the domain's name is part of the seed."""
    rng = np.random.default_rng([seed, *domain.encode()])
    sides = (~gzsl_outcome.unseen, gzsl_outcome.unseen)
    return Draws(*(_draw_side(gzsl_outcome.label[side], gzsl_outcome.group[side], rng, resamples) for side in sides))


def _draw_side(label: np.ndarray, group: np.ndarray, rng: np.random.Generator, resamples: int) -> _Side:
    # The side's source images, or parts of groups that show one class: their group, their class, the number of test
    # images of each (n_g).
    groups, of_group = np.unique(group, return_inverse=True)
    _, first, index, sizes = np.unique(
        np.stack([of_group, label], 1), axis=0, return_index=True, return_inverse=True, return_counts=True
    )
    index = index.ravel()
    _, of_class = np.unique(label[first], return_inverse=True)

    # How often each is in a resample (v_g); the first row has every source image once.
    sampled = stats.multiplicities(rng, resamples, len(groups))[:, of_group[first]]
    times = np.concatenate([np.ones_like(sampled[:1]), sampled]).astype(np.float32)

    # Test images per class, [1 + B, K]: sums over runs of source images that are sorted by class.
    order = np.argsort(of_class, kind="stable")
    starts = np.searchsorted(of_class[order], np.arange(of_class.max() + 1))
    counts = np.add.reduceat((times * sizes.astype(np.float32))[:, order], starts, axis=1)
    classes = np.count_nonzero(counts, axis=1, keepdims=True).astype(np.float32)
    weight = times / (np.maximum(counts, 1) * classes)[:, of_class].astype(float)
    return _Side(index, weight, len(groups))


def resample(
    gzsl_outcomes: Sequence[GzslOutcome], gamma: Sequence[float], draws: Draws, *, seed: int = 0
) -> dict[str, np.ndarray]:
    """Returns `METRICS`, `[B]` each, of one method on one domain: averaged over seeds, and widened (`stats.widened`).

    Args:
      gzsl_outcomes: one per seed, of the same test images.
      gamma: of calibrated stacking, one per seed.
      draws: resamples of the domain.
      seed: of the random generator that resamples the training seeds.
    """
    of_seeds = [measure(gzsl_outcome, own, draws) for gzsl_outcome, own in zip(gzsl_outcomes, gamma, strict=True)]
    resamples = len(draws.seen.weight) - 1
    seed_weights = stats.multiplicities(np.random.default_rng(seed), resamples, len(gzsl_outcomes)) / len(gzsl_outcomes)
    found = {}
    for metric in METRICS:
        values = np.stack([of_seed[metric] for of_seed in of_seeds], 1)
        found[metric] = stats.widened(values[1:], values[0], seed_weights, max(draws.images, 2))
    return found


def measure(gzsl_outcome: GzslOutcome, gamma: float, draws: Draws) -> dict[str, np.ndarray]:
    """Returns `METRICS`, `[1 + B]` each, of one seed: first the value that is reported, then its resamples."""
    sides = tuple(zip((~gzsl_outcome.unseen, gzsl_outcome.unseen), draws, strict=True))
    at = []
    for shift in (0.0, gamma):
        correct = gzsl_outcome.correct(shift)
        hits = [np.bincount(of.group, correct[side], of.weight.shape[1]) for side, of in sides]
        at.append([of.weight @ own for own, (_, of) in zip(hits, sides, strict=True)])
    pairs = _pairs_in_order(gzsl_outcome, draws)
    areas = np.sum((draws.seen.weight @ pairs) * draws.unseen.weight, axis=1)
    harmonic, calibrated = (2 * seen * unseen / np.maximum(seen + unseen, 1e-30) for seen, unseen in at)
    return dict(zip(METRICS, (*at[0], harmonic, areas, calibrated), strict=True))


def _pairs_in_order(gzsl_outcome: GzslOutcome, draws: Draws) -> np.ndarray:
    """Returns `W` `[G seen, G unseen]`: for each pair of source images, how many pairs of test images are in order."""
    margins, by_group = [], []
    for side, of in zip((~gzsl_outcome.unseen, gzsl_outcome.unseen), draws, strict=True):
        right = np.flatnonzero(gzsl_outcome.right[side])
        margins.append(gzsl_outcome.margin[side][right])
        cells = of.group[right], np.arange(len(right))
        by_group.append(sparse.csr_array((np.ones(len(right)), cells), shape=(of.weight.shape[1], len(right))))
    seen, unseen = margins
    larger = np.heaviside(np.subtract.outer(seen, unseen), 0.5)
    return (by_group[1] @ (by_group[0] @ larger).T).T


def mean_over(domains: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Returns the metrics averaged over domains with equal weight."""
    return {metric: np.mean([of[metric] for of in domains], 0) for metric in domains[0]}
