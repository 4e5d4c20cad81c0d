"""Sampled candidates: each step sums over some tiles of every candidate set, and corrects for it.

Of a candidate set's `n` tiles, `m` are sampled without replacement, and `log(n / m)` is added to the log-sum. The sum
is then unbiased. Its logarithm is too low on average (Jensen's inequality), the more so the fewer nodes make up the
sum: `benchmarks/sampling.py` finds 0.5 to 5 nats where images lie near their nodes. Positives are scored one by one, so
none is ever left out.
"""

from __future__ import annotations

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from kgv_jax.scoring.streamed import Tiles


@dataclasses.dataclass(frozen=True)
class Sampling:
    """How many tiles are sampled of each run: of the neighbouring tiles that have the same candidate sets.

    Attributes:
      runs: for each run, its first tile, its number of tiles `n`, and how many of them are sampled, `m`.
      correction: `[S]` `log(n / m)`, what is added to the log-sum of each candidate set.
    """

    runs: tuple[tuple[int, int, int], ...]
    correction: tuple[float, ...]

    def draw(self, key: Array, tiles: Tiles) -> Tiles:
        """Returns the tiles of one step: the same ones of every shard, for all images."""
        chosen = [
            first + jax.random.permutation(jax.random.fold_in(key, first), count)[:sampled]
            for first, count, sampled in self.runs
        ]
        index = jnp.concatenate(chosen)
        return tiles._replace(
            where=tiles.where[:, index],
            valid=tiles.valid[:, index],
            relation=tiles.relation[index],
            candidate_set=tiles.candidate_set[index],
            start=tiles.start[:, index],
            stop=tiles.stop[:, index],
        )


def make_sampling(tiles: Tiles, share: float) -> Sampling:
    """Returns how to sample a share of every candidate set's tiles, at least one of each."""
    candidate_set = np.asarray(tiles.candidate_set)
    first = np.flatnonzero(np.r_[True, np.any(candidate_set[1:] != candidate_set[:-1], -1)])
    count = np.diff(np.r_[first, len(candidate_set)])
    sampled = np.maximum(np.ceil(share * count), 1).astype(int)
    correction = np.zeros(len(tiles.candidate_set_relation))
    correction[candidate_set[first]] = np.log(count / sampled)[:, None]
    return Sampling(
        tuple(zip(first.tolist(), count.tolist(), sampled.tolist(), strict=True)), tuple(correction.tolist())
    )


def sampled_share(sampling: Sampling) -> float:
    """Returns the share of all tiles that a step sums over."""
    return math.fsum(sampled for *_, sampled in sampling.runs) / math.fsum(count for _, count, _ in sampling.runs)
