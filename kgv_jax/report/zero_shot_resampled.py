"""Intervals of generalised zero-shot recognition: drawings of seen and of unseen classes, and seeds, are resampled.

With weights `v` of the drawings (how often a resample of their side has each) and `u` of the seeds, a class's accuracy
is `sum v hits / sum v photographs`; accuracies are means over the classes that a resample has, harmonic means and areas
are those of one seed, averaged over seeds with `u` (the pigeonhole bootstrap of `report/stats.py`). The draws depend on
the photographs and the number of seeds alone, so resamples of two methods are pairs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from kgv_jax.report import stats
from kgv_jax.report.zero_shot import harmonic_mean

RESAMPLES = 1000
METRICS = ("seen", "unseen", "harmonic", "ausuc", "calibrated")


def resample(
    scores: Sequence[np.ndarray],
    label: np.ndarray,
    picture: np.ndarray,
    unseen: np.ndarray,
    gamma: Sequence[float],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, np.ndarray]:
    """Returns `METRICS` `[resamples]` of one method on one domain, averaged over seeds.

    Args:
      scores: a seed each, `[n, C]` log-scores of all classes; -inf: no class of this test.
      label: `[n]`.
      picture: `[n]` the drawing that a photograph shows; a drawing is of one class.
      unseen: `[C]` bool.
      gamma: a seed each, of calibrated stacking.
      resamples: how many.
      seed: of the draws.
    """
    rng = np.random.default_rng(seed)
    _, first, drawing = np.unique(picture, return_index=True, return_inverse=True)
    drawing_class = label[first]
    weights = np.zeros((resamples, len(first)))
    for side in (False, True):
        own = np.flatnonzero(unseen[drawing_class] == side)
        weights[:, own] = stats.multiplicities(rng, resamples, len(own))
    seeds = stats.multiplicities(rng, resamples, len(scores)) / len(scores)
    photographs = np.bincount(drawing)
    one_hot = drawing_class[:, None] == np.arange(len(unseen))
    counts = weights @ (photographs[:, None] * one_hot)  # [B, C]
    found: dict[str, list[np.ndarray]] = {metric: [] for metric in METRICS}
    for of_seed, own_gamma in zip(scores, gamma, strict=True):
        at = []
        for shift in (0.0, own_gamma):
            hits = np.argmax(of_seed - shift * ~unseen, -1) == label
            of_class = weights @ (np.bincount(drawing, hits, len(first))[:, None] * one_hot)
            at.append(_side_means(of_class, counts, unseen))
        for metric, values in zip(("seen", "unseen"), at[0], strict=True):
            found[metric].append(values)
        found["harmonic"].append(np.vectorize(harmonic_mean)(*at[0]))
        found["calibrated"].append(np.vectorize(harmonic_mean)(*at[1]))
        found["ausuc"].append(_areas(of_seed, label, unseen, drawing, weights, counts))
    return {metric: np.sum(seeds * np.stack(values, 1), 1) for metric, values in found.items()}


def interval(mean: float, resampled: np.ndarray, drawings: int) -> dict[str, float]:
    """Returns `low` and `high` about a mean from its resamples; deviations are widened for few drawings."""
    low, high = stats.percentiles(mean + stats.widening(max(drawings, 2)) * (resampled - mean))
    return {"low": max(low, 0.0), "high": min(high, 1.0)}


def p_value(difference: np.ndarray) -> float:
    """Returns twice the share of resampled differences on the far side of zero."""
    beyond = min(np.count_nonzero(difference <= 0), np.count_nonzero(difference >= 0))
    return float(min(1.0, 2 * (1 + beyond) / (1 + len(difference))))


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


def _areas(
    scores: np.ndarray,
    label: np.ndarray,
    unseen: np.ndarray,
    drawing: np.ndarray,
    weights: np.ndarray,
    counts: np.ndarray,
) -> np.ndarray:
    """Returns the area under each resample's seen-unseen curve, `[B]` (`zero_shot.seen_unseen_curve`)."""
    inside = {side: np.where(unseen == side, scores, -np.inf) for side in (False, True)}
    margin = inside[False].max(-1) - inside[True].max(-1)
    right = np.where(unseen[label], inside[True].argmax(-1), inside[False].argmax(-1)) == label
    order = np.argsort(margin, kind="stable")
    last = np.append(np.flatnonzero(np.diff(margin[order])), len(order) - 1)  # of photographs with one margin
    classes = {side: np.maximum((counts[:, unseen == side] > 0).sum(1), 1) for side in (False, True)}
    areas = np.empty(len(weights))
    of_unseen = unseen[label[order]]
    for b, own in enumerate(weights):
        weight = own[drawing] / np.maximum(counts[b, label], 1) * right
        moved = {side: np.cumsum(weight[order] * (of_unseen == side))[last] / classes[side][b] for side in classes}
        seen = np.append(moved[False][-1], moved[False][-1] - moved[False])
        areas[b] = np.trapezoid(seen, np.append(0.0, moved[True]))
    return areas
