"""Resamples of generalised zero-shot recognition: drawings of seen and of unseen classes, and seeds.

With weights `v` of the drawings (how often a resample of their side has each) and `u` of the seeds, a class's accuracy
is `sum v hits / sum v photographs`; accuracies are means over the classes that a resample has, harmonic means and areas
are those of one seed, averaged over seeds with `u` (the pigeonhole bootstrap of `report/stats.py`). The draws depend on
the domain, its photographs and the number of seeds alone, so resamples of two methods are pairs; one draw of seeds
serves all domains.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from kgv_jax.contest import Contest
from kgv_jax.report import stats
from kgv_jax.report.zero_shot import harmonic_mean

RESAMPLES = 1000
METRICS = ("seen", "unseen", "harmonic", "ausuc", "calibrated")


def resample(
    contests: Sequence[Contest], gamma: Sequence[float], *, domain: str, resamples: int = RESAMPLES, seed: int = 0
) -> dict[str, np.ndarray]:
    """Returns `METRICS` `[resamples]` of one method on one domain, averaged over seeds, deviations widened.

    Args:
      contests: a seed each, about the same photographs.
      gamma: a seed each, of calibrated stacking.
      domain: whose drawings they are; those of another are drawn by themselves.
      resamples: how many.
      seed: of the draws.
    """
    weights, drawings = _draw_drawings(contests[0], domain=domain, resamples=resamples, seed=seed)
    seed_weights = stats.multiplicities(np.random.default_rng(seed), resamples, len(contests)) / len(contests)
    # In the first row every drawing counts once: what is measured, and not resampled.
    weights = np.concatenate([np.ones_like(weights[:1]), weights])
    of_seeds = [measure(contest, own, weights) for contest, own in zip(contests, gamma, strict=True)]
    found = {}
    for metric in METRICS:
        values = np.stack([of_seed[metric] for of_seed in of_seeds], 1)
        found[metric] = stats.widened(values[1:], values[0], seed_weights, max(drawings, 2))
    return found


def _draw_drawings(contest: Contest, *, domain: str, resamples: int, seed: int) -> tuple[np.ndarray, int]:
    """Returns how often each drawing is drawn, `[resamples, G]`, each side by itself, and how many the fewer have."""
    rng = np.random.default_rng([seed, *domain.encode()])
    _, first = np.unique(contest.picture, return_index=True)
    sides = [np.flatnonzero(contest.unseen[first] == side) for side in (False, True)]
    weights = np.zeros((resamples, len(first)))
    for own in sides:
        weights[:, own] = stats.multiplicities(rng, resamples, len(own))
    return weights, min(map(len, sides))


class _Index(NamedTuple):
    """Photographs, drawings and classes of a contest by number.

    Attributes:
      drawing: `[n]` of each photograph.
      of_class: `[n]` class of each photograph, of those that occur.
      one_hot: `[G, K]` class of each drawing.
      unseen: `[K]` bool.
    """

    drawing: np.ndarray
    of_class: np.ndarray
    one_hot: np.ndarray
    unseen: np.ndarray


def _index(contest: Contest) -> _Index:
    _, first_of_drawing, drawing = np.unique(contest.picture, return_index=True, return_inverse=True)
    classes, first_of_class, of_class = np.unique(contest.label, return_index=True, return_inverse=True)
    one_hot = contest.label[first_of_drawing][:, None] == classes
    return _Index(drawing, of_class, one_hot, contest.unseen[first_of_class])


def measure(contest: Contest, gamma: float, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Returns `METRICS` `[B]` of one seed, with drawings weighted by `weights` `[B, G]`."""
    index = _index(contest)
    counts = weights @ (np.bincount(index.drawing)[:, None] * index.one_hot)  # [B, K]
    at = []
    for shift in (0.0, gamma):
        hits = np.bincount(index.drawing, contest.correct(shift), len(index.one_hot))
        at.append(_side_means(weights @ (hits[:, None] * index.one_hot), counts, index.unseen))
    harmonic, calibrated = (np.vectorize(harmonic_mean)(*sides) for sides in at)
    areas = _areas(contest, index, weights, counts)
    return dict(zip(METRICS, (*at[0], harmonic, areas, calibrated), strict=True))


def mean_over(domains: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Returns the metrics averaged over domains, which count the same."""
    return {metric: np.mean([of[metric] for of in domains], 0) for metric in domains[0]}


def _side_means(of_class: np.ndarray, counts: np.ndarray, unseen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the mean over the seen and over the unseen classes that a resample has, `[B]` each."""
    accuracy = of_class / np.maximum(counts, 1)
    return tuple(
        (accuracy * (counts > 0))[:, unseen == side].sum(1) / np.maximum((counts[:, unseen == side] > 0).sum(1), 1)
        for side in (False, True)
    )


def _areas(contest: Contest, index: _Index, weights: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Returns the area under each resample's seen-unseen curve, `[B]` (`zero_shot.seen_unseen_curve`)."""
    rows = np.flatnonzero(contest.right)
    if not len(rows):
        return np.zeros(len(weights))
    rows = rows[np.argsort(contest.margin[rows], kind="stable")]
    last = np.append(np.flatnonzero(np.diff(contest.margin[rows])), len(rows) - 1)  # of photographs with one margin
    unseen, drawing, of_class = contest.unseen[rows], index.drawing[rows], index.of_class[rows]
    classes = {side: np.maximum((counts[:, index.unseen == side] > 0).sum(1), 1) for side in (False, True)}
    areas = np.empty(len(weights))
    for b, own in enumerate(weights):
        weight = own[drawing] / np.maximum(counts[b, of_class], 1)
        moved = {side: np.cumsum(weight * (unseen == side))[last] / classes[side][b] for side in classes}
        seen = np.append(moved[False][-1], moved[False][-1] - moved[False])
        areas[b] = np.trapezoid(seen, np.append(0.0, moved[True]))
    return areas
