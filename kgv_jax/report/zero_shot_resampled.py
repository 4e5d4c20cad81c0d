"""Resamples of generalised zero-shot recognition: drawings of seen and of unseen classes, and seeds.

With weights `v` of the drawings (how often a resample of their side has each) and `u` of the seeds, a class's accuracy
is `sum v hits / sum v photographs`; accuracies are means over the classes that a resample has, harmonic means and areas
are those of one seed, averaged over seeds with `u` (the pigeonhole bootstrap of `report/stats.py`). The draws depend on
the domain, its photographs and the number of seeds alone, so resamples of two methods are pairs; one draw of seeds
serves all domains.
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
    domain: str,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, np.ndarray]:
    """Returns `METRICS` `[resamples]` of one method on one domain, averaged over seeds, deviations widened.

    Args:
      scores: a seed each, `[n, C]` log-scores of all classes; -inf: no class of this test.
      label: `[n]`.
      picture: `[n]` the drawing that a photograph shows; a drawing is of one class.
      unseen: `[C]` bool.
      gamma: a seed each, of calibrated stacking.
      domain: whose drawings they are; those of another are drawn by themselves.
      resamples: how many.
      seed: of the draws.
    """
    weights, drawings = _draw_drawings(label, picture, unseen, domain=domain, resamples=resamples, seed=seed)
    seed_weights = stats.multiplicities(np.random.default_rng(seed), resamples, len(scores)) / len(scores)
    # In the first row every drawing counts once: what is measured, and not resampled.
    weights = np.concatenate([np.ones_like(weights[:1]), weights])
    of_seeds = [measure(one, label, picture, unseen, own, weights) for one, own in zip(scores, gamma, strict=True)]
    found = {}
    for metric in METRICS:
        values = np.stack([of_seed[metric] for of_seed in of_seeds], 1)
        found[metric] = stats.widened(values[1:], values[0], seed_weights, max(drawings, 2))
    return found


def _draw_drawings(
    label: np.ndarray, picture: np.ndarray, unseen: np.ndarray, *, domain: str, resamples: int, seed: int
) -> tuple[np.ndarray, int]:
    """Returns how often each drawing is drawn, `[resamples, G]`, each side by itself, and how many the fewer have."""
    rng = np.random.default_rng([seed, *domain.encode()])
    _, first = np.unique(picture, return_index=True)
    sides = [np.flatnonzero(unseen[label[first]] == side) for side in (False, True)]
    weights = np.zeros((resamples, len(first)))
    for own in sides:
        weights[:, own] = stats.multiplicities(rng, resamples, len(own))
    return weights, min(map(len, sides))


def measure(
    scores: np.ndarray, label: np.ndarray, picture: np.ndarray, unseen: np.ndarray, gamma: float, weights: np.ndarray
) -> dict[str, np.ndarray]:
    """Returns `METRICS` `[B]` of one seed, with drawings weighted by `weights` `[B, G]`."""
    _, first, drawing = np.unique(picture, return_index=True, return_inverse=True)
    one_hot = label[first][:, None] == np.arange(len(unseen))
    counts = weights @ (np.bincount(drawing)[:, None] * one_hot)  # [B, C]
    at = []
    for shift in (0.0, gamma):
        hits = np.argmax(scores - shift * ~unseen, -1) == label
        of_class = weights @ (np.bincount(drawing, hits, len(first))[:, None] * one_hot)
        at.append(_side_means(of_class, counts, unseen))
    harmonic, calibrated = (np.vectorize(harmonic_mean)(*sides) for sides in at)
    areas = _areas(scores, label, unseen, drawing, weights, counts)
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
