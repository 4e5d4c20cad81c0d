"""Intervals and paired tests that resample source images and training seeds.

**The unit of chance.** Test images that show one source image (rendered views of one drawing) succeed and fail
together. A bootstrap that resampled test images would take ten views of one drawing for ten independent observations,
and its intervals would be far too narrow. So a source image is resampled with all of its test images, and so is a
training seed with all of its answers, where there are several. In the code a source image is a *group*.

**Two crossed factors.** Every seed is tested on every source image. With `y[s, i]` whether seed `s` is right on test
image `i`, and with weights `u_s` of seeds and `v_g` of groups that count how often each is in one resample,

    accuracy* = sum_s u_s sum_g v_g sum_{i in g} y[s, i] / (sum_s u_s sum_g v_g n_g).

Seeds and groups are resampled independently of each other and their weights multiply. That is the pigeonhole bootstrap
(Owen 2007, The pigeonhole bootstrap, Annals of Applied Statistics 1). No bootstrap of crossed factors is exact; this
one errs on the wide side.

**Few groups.** A bootstrap of `G` observations has a standard deviation that is too small by `sqrt((G - 1) / G)`, and
its percentiles are those of a normal distribution where Student's would be right. Hesterberg (2015, What teachers
should know about the bootstrap, The American Statistician 69) corrects both: distances from the mean are multiplied by
`sqrt(G / (G - 1)) t_{G-1} / z`. Here what the groups do is widened by the number of groups. What the seeds do, beyond
what groups already explain of their differences, is widened by the number of seeds (`widened`).

**Domains** have equal weight whatever their size. Each is resampled on its own, and then their accuracies are averaged.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special

CONFIDENCE = 0.95
RESAMPLES = 10_000
# Weights sampled at once: 32 MB as float64.
_CHUNK_WEIGHTS = 4_000_000
# Weights kept for the next test on the same groups: 80 MB as uint16.
_KEPT_WEIGHTS = 40_000_000

# [S, n] bool, right or wrong: a row per seed, all over the same test images in the same order.
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
    """What a bootstrap needs of a domain, per group: `sums` `[S, G]` of a score and `counts` `[G]` of test images."""

    sums: np.ndarray
    counts: np.ndarray

    @property
    def mean(self) -> float:
        return float(self.sums.mean(0).sum() / self.counts.sum())


def accuracy_interval(
    correct: npt.ArrayLike, groups: npt.ArrayLike, *, resamples: int = RESAMPLES, seed: int = 0
) -> Interval:
    """Returns the accuracy of one run on one domain, with an interval over its source images.

    Where every test image is a source image of its own, this is Wilson's interval. Where all resamples are equal (one
    group, all right, all wrong), it is Wilson's interval with the groups as trials.

    Args:
      correct: `[n]` bool.
      groups: `[n]` the source image that each test image shows; any values.
      resamples: of the bootstrap.
      seed: of its random generator.
    """
    return mean_interval([correct], groups, resamples=resamples, seed=seed)


def mean_interval(correct: Correct, groups: npt.ArrayLike, *, resamples: int = RESAMPLES, seed: int = 0) -> Interval:
    """Returns the mean accuracy of one method over its seeds on one domain, with an interval over groups and seeds.

    Args:
      correct: `[S, n]` bool.
      groups: `[n]` the source image that each test image shows.
      resamples: of the bootstrap.
      seed: of its random generator.
    """
    return mean_interval_over_domains({"": correct}, {"": groups}, resamples=resamples, seed=seed)


def mean_interval_over_domains(
    correct: Mapping[str, Correct],
    groups: Mapping[str, npt.ArrayLike],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """Returns the accuracy averaged over domains with equal weight; groups are resampled within each domain.

    Args:
      correct: domain -> `[S, n_domain]` bool; the seeds are the same in every domain.
      groups: domain -> `[n_domain]` the source image that each test image shows.
      resamples: of the bootstrap.
      seed: of its random generator.
    """
    tallies = [_tally(correct[domain], groups[domain]) for domain in _shared_keys(correct, groups)]
    mean = float(np.mean([tally.mean for tally in tallies]))
    number = sum(len(tally.counts) for tally in tallies)
    # Independent images of one run: there is a closed form.
    if len(tallies) == 1 and tallies[0].sums.shape[0] == 1 and tallies[0].counts.max() == 1:
        return _wilson(mean, number)
    # A domain of one group cannot be resampled; what is left to count are the domains.
    if min(len(tally.counts) for tally in tallies) < 2:
        return _wilson(mean, len(tallies))
    return interval_of(mean, _resample(tallies, resamples, seed), number)


def paired_difference(
    correct_a: Correct,
    correct_b: Correct,
    groups: npt.ArrayLike,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> PairedResult:
    """Returns the accuracy of method a minus that of method b on the same test images of one domain.

    Args:
      correct_a: `[S, n]` bool.
      correct_b: `[S, n]` bool, the same seeds in the same order: they are resampled in pairs.
      groups: `[n]` the source image that each test image shows.
      resamples: of the bootstrap.
      seed: of its random generator.
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
    """Returns the difference of two methods' means over domains; groups are resampled within each domain.

    Each resample has the same seeds and groups for both methods, so what makes an image hard for both cancels. `p` is
    twice the share of resamples on the far side of zero, so it is below 0.05 exactly where the interval leaves zero
    out. A domain of one group carries no information about another group: the result is then [-1, 1] and p = 1.

    Args:
      correct_a: domain -> `[S, n_domain]` bool.
      correct_b: domain -> `[S, n_domain]` bool, of the same seeds and test images.
      groups: domain -> `[n_domain]` the source image that each test image shows.
      resamples: of the bootstrap.
      seed: of its random generator.
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


def interval_of(mean: float, resampled: np.ndarray, groups: int) -> Interval:
    """Returns a mean in `[0, 1]` with the interval of its resamples.

    It is Wilson's interval with the groups as trials, where there is one group or where all resamples are equal.
    """
    low, high = _percentiles(resampled) if groups > 1 else (mean, mean)
    if high - low < 1e-12:
        return _wilson(mean, groups)
    return Interval(mean, max(low, 0.0), min(high, 1.0))


def difference_of(mean: float, resampled: np.ndarray, groups: int) -> PairedResult:
    """Returns a difference in `[-1, 1]` with the interval of its resamples, and `p`; of one group, `[-1, 1]` and 1."""
    if groups < 2:
        return PairedResult(mean, -1.0, 1.0, 1.0)
    # The observed sample counts as one more resample, so p is never 0 (Davison and Hinkley 1997, chapter 4).
    beyond = int(min(np.count_nonzero(resampled <= 0), np.count_nonzero(resampled >= 0)))
    low, high = _percentiles(resampled)
    return PairedResult(mean, max(low, -1.0), min(high, 1.0), min(1.0, 2 * (1 + beyond) / (1 + len(resampled))))


def _shared_keys(*mappings: Mapping[str, object]) -> list[str]:
    """Returns the domains, which have to be the same in every argument, sorted, so that any caller gets one order."""
    domains = set(mappings[0])
    if not domains or any(set(mapping) != domains for mapping in mappings):
        raise ValueError(f"expected the same domains everywhere, found {[sorted(m) for m in mappings]}")
    return sorted(domains)


def _tally(correct: Correct, groups: npt.ArrayLike) -> _Tally:
    """Returns sums of right answers and counts of test images per group: `[S, n]` and `[n]` -> `[S, G]` and `[G]`."""
    rows = np.asarray(correct, np.float64)
    names = np.asarray(groups)
    if rows.ndim != 2 or names.shape != rows.shape[1:] or not rows.size:
        raise ValueError(
            f"expected `correct` [seeds, images] and `groups` [images], neither empty, "
            f"found {rows.shape} and {names.shape}"
        )
    _, index, counts = np.unique(names, return_inverse=True, return_counts=True)
    sums = np.stack([np.bincount(index, row, minlength=len(counts)) for row in rows])
    return _Tally(sums, counts.astype(np.float64))


def _resample(tallies: Sequence[_Tally], resamples: int, seed: int) -> np.ndarray:
    """Returns `[resamples]` means over domains, widened; one sample of seeds serves all domains of a resample."""
    counts_of_seeds = {tally.sums.shape[0] for tally in tallies}
    if len(counts_of_seeds) > 1:
        raise ValueError(f"every domain needs the same seeds, found {sorted(counts_of_seeds)} of them")

    # The weights: u of seeds, and v of every domain's groups. A table asks for the same ones again and again.
    groups = tuple(len(tally.counts) for tally in tallies)
    draw = _kept_draws if resamples * sum(groups) <= _KEPT_WEIGHTS else _draws
    of_seeds, of_domains = draw(seed, resamples, counts_of_seeds.pop(), groups)
    seed_weights = of_seeds / of_seeds.shape[-1]

    # Domain by domain: what each seed has on each resample of the groups, then the mean over the resampled seeds.
    means = np.zeros(resamples)
    for tally, chunks in zip(tallies, of_domains, strict=True):
        per_seed = []
        for counts in chunks:
            weights = counts.astype(np.float64)
            per_seed.append(weights @ tally.sums.T / (weights @ tally.counts)[:, None])
        whole = tally.sums.sum(1) / tally.counts.sum()
        means += widened(np.concatenate(per_seed), whole, seed_weights, len(tally.counts))
    return means / len(tallies)


def widened(per_seed: np.ndarray, whole: np.ndarray, seed_weights: np.ndarray, groups: int) -> np.ndarray:
    """Returns `[B]` resampled means over seeds, with distances from the mean widened for few seeds and few groups.

    A resampled mean differs from the observed one by what the resampled seeds do on all groups, and by the rest, which
    is what the resampled groups do. Each part gets Hesterberg's factor for its own number of units: one factor for
    both, that of the fewer, would give three seeds the interval of three observations even where seeds hardly differ.

    Args:
      per_seed: `[B, S]` the value of each seed on each resample of the groups.
      whole: `[S]` its value on all groups.
      seed_weights: `[B, S]`, each row adds up to 1.
      groups: how many there are.
    """
    mean, seeds = whole.mean(), len(whole)
    of_seeds = seed_weights @ whole - mean
    of_groups = np.sum(per_seed * seed_weights, axis=1) - mean - of_seeds
    if seeds == 1:  # One seed carries no information about others: the interval is for this seed.
        return mean + _widening(groups) * of_groups
    return mean + _widening(seeds) * _beyond_groups(per_seed, whole) * of_seeds + _widening(groups) * of_groups


def _beyond_groups(per_seed: np.ndarray, whole: np.ndarray) -> float:
    """Returns the share of the standard deviation among seeds that groups do not explain, as in analysis of variance.

    Seeds of equal ability differ too, because each is right on other groups, and the resampled groups contain that
    already. The share is `sqrt(max(0, 1 - v / s^2))`: `s^2` is the variance among seeds, and `v` the part of it that
    arises from groups, estimated by how much the differences between seeds vary over resamples of the groups. So seeds
    that differ by chance of the groups do not widen the interval, and three that truly differ get Student's interval of
    two degrees of freedom.
    """
    between = whole.var(ddof=1)
    moved = per_seed - whole
    contrasts = moved - moved.mean(1, keepdims=True)
    from_groups = np.sum(contrasts**2) / (len(moved) * (len(whole) - 1))
    return math.sqrt(max(0.0, 1 - from_groups / between)) if between > 0 else 0.0


def _draws(
    seed: int, resamples: int, seeds: int, groups: tuple[int, ...]
) -> tuple[np.ndarray, Iterable[Iterable[np.ndarray]]]:
    """Returns how often each seed is in a resample, `[resamples, S]`, and each group of a domain, `[chunk, G]` each."""
    rng = np.random.default_rng(seed)

    def chunks(items: int) -> Iterator[np.ndarray]:
        step = max(1, _CHUNK_WEIGHTS // items)
        for start in range(0, resamples, step):
            yield multiplicities(rng, min(step, resamples - start), items)

    return multiplicities(rng, resamples, seeds), map(chunks, groups)


@functools.lru_cache(maxsize=16)
def _kept_draws(
    seed: int, resamples: int, seeds: int, groups: tuple[int, ...]
) -> tuple[np.ndarray, Iterable[Iterable[np.ndarray]]]:
    """Returns what `_draws` does, and keeps it: a table asks hundreds of times for the same few."""
    of_seeds, of_domains = _draws(seed, resamples, seeds, groups)
    return of_seeds, tuple(map(tuple, of_domains))


def multiplicities(rng: np.random.Generator, resamples: int, items: int) -> np.ndarray:
    """Returns [resamples, items] uint16: how often each item is in a sample of `items` with replacement."""
    sampled = rng.integers(items, size=(resamples, items))
    sampled += np.arange(resamples)[:, None] * items  # one bincount for all resamples
    counts = np.bincount(sampled.ravel(), minlength=resamples * items)
    return counts.astype(np.uint16).reshape(resamples, items)


def _widening(groups: int) -> float:
    """Returns `sqrt(G / (G - 1)) t_{G-1} / z`, by which means of `G` resampled units lie too close (Hesterberg)."""
    level = (1 + CONFIDENCE) / 2
    t = special.stdtrit(groups - 1, level) / special.ndtri(level)
    return float(math.sqrt(groups / (groups - 1)) * t)


def _percentiles(values: np.ndarray) -> tuple[float, float]:
    """Returns the bounds of the 95 % interval of resampled values."""
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)


def _wilson(share: float, trials: int) -> Interval:
    """Returns Wilson's score interval for a share of `trials` independent trials (Wilson 1927)."""
    z = float(special.ndtri((1 + CONFIDENCE) / 2))
    centre = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * math.sqrt(share * (1 - share) / trials + (z / (2 * trials)) ** 2)
    return Interval(share, max(0.0, centre - half), min(1.0, centre + half))
