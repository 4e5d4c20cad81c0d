"""Intervals and paired tests that resample drawings and seeds, never photographs.

Photographs of one drawing succeed and fail together, so a drawing is the unit of chance; and so is a
training seed, where there are several. With `y[s, i]` whether seed `s` got photograph `i` right, drawing
weights `v` and seed weights `u` from one resample (with replacement) of either,

    accuracy* = sum_s u_s sum_g v_g sum_{i in g} y[s, i] / (sum_s u_s sum_g v_g n_g),

the pigeonhole bootstrap for crossed factors (Owen 2007), which errs on the wide side. Percentile intervals
of a few groups are too narrow; deviations are widened by `sqrt(G / (G - 1)) t_{G-1} / z` (Hesterberg 2015): what the
drawings do by the number of drawings; what the seeds do, beyond what drawings make of them, by the number of seeds.
Domains count the same whatever their size: each is resampled on its own, then their accuracies are averaged.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.stats

CONFIDENCE = 0.95
RESAMPLES = 10_000
# Weights drawn at once: 32 MB as float64.
_CHUNK_WEIGHTS = 4_000_000
# Weights kept for the next test of the same drawings: 80 MB as uint16.
_KEPT_WEIGHTS = 40_000_000

# [S, n]: one row of right or wrong a seed, over the same photographs in the same order.
Correct = Sequence[npt.ArrayLike] | np.ndarray


class Interval(NamedTuple):
    """A mean and its 95 % interval."""

    mean: float
    low: float
    high: float


class PairedResult(NamedTuple):
    """Mean of method a minus method b, its 95 % interval, and a two-sided p against no difference."""

    mean: float
    low: float
    high: float
    p: float


class _Tally(NamedTuple):
    """All that resampling drawings needs of a domain: `sums [S, G]` of a score, photographs `counts [G]`."""

    sums: np.ndarray
    counts: np.ndarray

    @property
    def mean(self) -> float:
        return float(self.sums.mean(0).sum() / self.counts.sum())


def accuracy_interval(
    correct: npt.ArrayLike, groups: npt.ArrayLike, *, resamples: int = RESAMPLES, seed: int = 0
) -> Interval:
    """Accuracy of one run on one domain, with an interval over its drawings.

    Where every photograph is a drawing of its own this is Wilson's interval, and where no resample differs
    (one drawing, all right, all wrong) Wilson's interval with the drawings as trials.

    Args:
      correct: [n] bool.
      groups: [n] the drawing a photograph shows, any values.
    """
    return mean_interval([correct], groups, resamples=resamples, seed=seed)


def mean_interval(correct: Correct, groups: npt.ArrayLike, *, resamples: int = RESAMPLES, seed: int = 0) -> Interval:
    """Mean accuracy of one method over its seeds on one domain, with an interval over drawings and seeds.

    Args:
      correct: [S, n] bool.
      groups: [n] the drawing a photograph shows.
    """
    return mean_interval_over_domains({"": correct}, {"": groups}, resamples=resamples, seed=seed)


def mean_interval_over_domains(
    correct: Mapping[str, Correct],
    groups: Mapping[str, npt.ArrayLike],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """Accuracy averaged over domains with equal weight; drawings are resampled within each domain.

    Args:
      correct: domain -> [S, n_domain] bool; the seeds are the same in every domain.
      groups: domain -> [n_domain] the drawing a photograph shows.
    """
    tallies = [_tally(correct[domain], groups[domain]) for domain in _shared_keys(correct, groups)]
    mean = float(np.mean([tally.mean for tally in tallies]))
    drawings = sum(len(tally.counts) for tally in tallies)
    if len(tallies) == 1 and tallies[0].sums.shape[0] == 1 and tallies[0].counts.max() == 1:
        return _wilson(mean, drawings)
    if min(len(tally.counts) for tally in tallies) < 2:
        return _wilson(mean, len(tallies))
    return interval_of(mean, _resample(tallies, resamples, seed), drawings)


def paired_difference(
    correct_a: Correct,
    correct_b: Correct,
    groups: npt.ArrayLike,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> PairedResult:
    """Accuracy of method a minus method b on the same photographs of one domain.

    Args:
      correct_a: [S, n] bool.
      correct_b: [S, n] bool, the same seeds in the same order: they are resampled in pairs.
      groups: [n] the drawing a photograph shows.
    """
    return paired_difference_over_domains(
        {"": correct_a}, {"": correct_b}, {"": groups}, resamples=resamples, seed=seed
    )


def paired_difference_over_domains(
    correct_a: Mapping[str, Correct],
    correct_b: Mapping[str, Correct],
    groups: Mapping[str, npt.ArrayLike],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> PairedResult:
    """The difference of two methods' means over domains; drawings are resampled within each domain.

    `p` is twice the share of resamples on the far side of zero, so it is below 0.05 exactly where the
    interval leaves zero out. One drawing in a domain says nothing about the next: [-1, 1] and p = 1.

    Args:
      correct_a: domain -> [S, n_domain] bool.
      correct_b: domain -> [S, n_domain] bool, for the same seeds and photographs.
      groups: domain -> [n_domain] the drawing a photograph shows.
    """
    tallies = []
    for domain in _shared_keys(correct_a, correct_b, groups):
        a, b = _tally(correct_a[domain], groups[domain]), _tally(correct_b[domain], groups[domain])
        if a.sums.shape != b.sums.shape:
            raise ValueError(
                f"a paired test needs the same seeds for both methods, found {a.sums.shape[0]} and "
                f"{b.sums.shape[0]}; pass the seeds that both have"
            )
        tallies.append(_Tally(a.sums - b.sums, a.counts))
    mean = float(np.mean([tally.mean for tally in tallies]))
    fewest = min(len(tally.counts) for tally in tallies)
    return difference_of(mean, _resample(tallies, resamples, seed) if fewest > 1 else np.empty(0), fewest)


def interval_of(mean: float, resampled: np.ndarray, drawings: int) -> Interval:
    """Returns a mean in `[0, 1]` with the interval of its resamples.

    That is Wilson's, with the drawings as trials, where there is one or the resamples are all the same.
    """
    low, high = _percentiles(resampled) if drawings > 1 else (mean, mean)
    if high - low < 1e-12:
        return _wilson(mean, drawings)
    return Interval(mean, max(low, 0.0), min(high, 1.0))


def difference_of(mean: float, resampled: np.ndarray, drawings: int) -> PairedResult:
    """Returns a difference in `[-1, 1]` with the interval of its resamples, and `p`; one drawing says nothing."""
    if drawings < 2:
        return PairedResult(mean, -1.0, 1.0, 1.0)
    beyond = int(min(np.count_nonzero(resampled <= 0), np.count_nonzero(resampled >= 0)))
    low, high = _percentiles(resampled)
    return PairedResult(mean, max(low, -1.0), min(high, 1.0), min(1.0, 2 * (1 + beyond) / (1 + len(resampled))))


def _shared_keys(*mappings: Mapping[str, object]) -> list[str]:
    """The domains, which have to be those of every argument; in one order for any caller."""
    domains = set(mappings[0])
    if not domains or any(set(mapping) != domains for mapping in mappings):
        raise ValueError(f"expected the same domains everywhere, found {[sorted(m) for m in mappings]}")
    return sorted(domains)


def _tally(correct: Correct, groups: npt.ArrayLike) -> _Tally:
    """Sums and counts of photographs per drawing: [S, n] and [n] -> [S, G] and [G]."""
    rows = np.asarray(correct, np.float64)
    names = np.asarray(groups)
    if rows.ndim != 2 or names.shape != rows.shape[1:] or not rows.size:
        raise ValueError(
            f"expected `correct` [seeds, photographs] and `groups` [photographs], neither empty, "
            f"found {rows.shape} and {names.shape}"
        )
    _, index, counts = np.unique(names, return_inverse=True, return_counts=True)
    sums = np.stack([np.bincount(index, row, minlength=len(counts)) for row in rows])
    return _Tally(sums, counts.astype(np.float64))


def _resample(tallies: Sequence[_Tally], resamples: int, seed: int) -> np.ndarray:
    """[resamples] means over domains, deviations widened; one draw of seeds serves all domains."""
    counts_of_seeds = {tally.sums.shape[0] for tally in tallies}
    if len(counts_of_seeds) > 1:
        raise ValueError(f"every domain needs the same seeds, found {sorted(counts_of_seeds)} of them")
    drawings = tuple(len(tally.counts) for tally in tallies)
    draw = _kept_draws if resamples * sum(drawings) <= _KEPT_WEIGHTS else _draws
    of_seeds, of_domains = draw(seed, resamples, counts_of_seeds.pop(), drawings)
    seed_weights = of_seeds / of_seeds.shape[-1]
    means = np.zeros(resamples)
    for tally, chunks in zip(tallies, of_domains, strict=True):
        per_seed = []
        for counts in chunks:
            weights = counts.astype(np.float64)
            per_seed.append(weights @ tally.sums.T / (weights @ tally.counts)[:, None])
        whole = tally.sums.sum(1) / tally.counts.sum()
        means += widened(np.concatenate(per_seed), whole, seed_weights, len(tally.counts))
    return means / len(tallies)


def widened(per_seed: np.ndarray, whole: np.ndarray, seed_weights: np.ndarray, drawings: int) -> np.ndarray:
    """Returns `[B]` means over the seeds of a resample, with deviations widened for few seeds and for few drawings.

    Args:
      per_seed: `[B, S]` what each seed has on each resample of the drawings.
      whole: `[S]` what it has on all of them.
      seed_weights: `[B, S]`, rows add up to 1.
      drawings: how many there are.
    """
    mean, seeds = whole.mean(), len(whole)
    of_seeds = seed_weights @ whole - mean
    of_drawings = np.sum(per_seed * seed_weights, axis=1) - mean - of_seeds
    if seeds == 1:  # says nothing about the next
        return mean + _widening(drawings) * of_drawings
    return mean + _widening(seeds) * _beyond_drawings(per_seed, whole) * of_seeds + _widening(drawings) * of_drawings


def _beyond_drawings(per_seed: np.ndarray, whole: np.ndarray) -> float:
    """Returns the share of the deviation among seeds that drawings do not explain, as in an analysis of variance.

    Seeds of one ability differ too, because each gets other drawings right, which is in what the drawings do already:
    `sqrt(max(0, 1 - v / s^2))`, with `s^2` the variance of the seeds, and `v` that of their resampled contrasts.
    """
    between = whole.var(ddof=1)
    moved = per_seed - whole
    contrasts = moved - moved.mean(1, keepdims=True)
    of_drawings = np.sum(contrasts**2) / (len(moved) * (len(whole) - 1))
    return math.sqrt(max(0.0, 1 - of_drawings / between)) if between > 0 else 0.0


def _draws(
    seed: int, resamples: int, seeds: int, drawings: tuple[int, ...]
) -> tuple[np.ndarray, Iterable[Iterable[np.ndarray]]]:
    """How often each seed is drawn, `[resamples, S]`, and each drawing of each domain, in chunks `[chunk, G]`."""
    rng = np.random.default_rng(seed)

    def chunks(items: int) -> Iterator[np.ndarray]:
        step = max(1, _CHUNK_WEIGHTS // items)
        for start in range(0, resamples, step):
            yield multiplicities(rng, min(step, resamples - start), items)

    return multiplicities(rng, resamples, seeds), map(chunks, drawings)


@functools.lru_cache(maxsize=16)
def _kept_draws(
    seed: int, resamples: int, seeds: int, drawings: tuple[int, ...]
) -> tuple[np.ndarray, Iterable[Iterable[np.ndarray]]]:
    """The same, kept: a table asks hundreds of times for the same few."""
    of_seeds, of_domains = _draws(seed, resamples, seeds, drawings)
    return of_seeds, tuple(map(tuple, of_domains))


def multiplicities(rng: np.random.Generator, resamples: int, items: int) -> np.ndarray:
    """Returns [resamples, items] uint16: how often each item is drawn when `items` are drawn with replacement."""
    drawn = rng.integers(items, size=(resamples, items))
    drawn += np.arange(resamples)[:, None] * items
    counts = np.bincount(drawn.ravel(), minlength=resamples * items)
    return counts.astype(np.uint16).reshape(resamples, items)


def _widening(groups: int) -> float:
    """Returns the factor of deviations of resampled means of a few groups (Hesterberg 2015)."""
    level = (1 + CONFIDENCE) / 2
    t = scipy.stats.t.ppf(level, groups - 1) / scipy.stats.norm.ppf(level)
    return float(math.sqrt(groups / (groups - 1)) * t)


def _percentiles(values: np.ndarray) -> tuple[float, float]:
    """Returns the bounds of the 95 % interval of resampled values."""
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)


def _wilson(share: float, trials: int) -> Interval:
    """Wilson's score interval for a share of `trials` independent trials."""
    z = float(scipy.stats.norm.ppf((1 + CONFIDENCE) / 2))
    centre = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * math.sqrt(share * (1 - share) / trials + (z / (2 * trials)) ** 2)
    return Interval(share, max(0.0, centre - half), min(1.0, centre + half))
