"""Sampled candidates: an unbiased sum over as many tiles as requested."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kgv_jax.scoring.sampling import make_sampling, sampled_share
from kgv_jax.scoring.streamed import Pairs, Streaming, streamed_sums
from kgv_jax.scoring.tile import Table
from kgv_jax.scoring.tiling import cut_tiles
from tests.unit.scoring.test_streamed import LOG_VARIANCE, make_problem

DRAWS = 400


def log_sums(problem, tiles, sampling, keys):
    z, r, mu, raw, temperature = problem.arrays
    rows = jnp.asarray(problem.queries[:, None], jnp.int32)
    none = Pairs(jnp.zeros((len(z), 1), jnp.int32), jnp.full((len(z), 1), -1))

    def one(key):
        sampled, correction = (
            (sampling.draw(key, tiles), jnp.asarray(sampling.correction)) if sampling else (tiles, 0.0)
        )
        sums = streamed_sums(Streaming(LOG_VARIANCE), Table(mu, raw), z, r, temperature, none, rows, sampled)
        return sums.log_sum + correction

    return np.asarray(jax.jit(lambda keys: jax.lax.map(one, keys))(keys), np.float64)


@pytest.mark.parametrize("candidates", ["all", "range"])
def test_the_sum_is_unbiased(candidates):
    problem = make_problem(nodes=2000, relations=8, images=4, dim=8, candidates=candidates)
    tiles = jax.tree.map(jnp.asarray, cut_tiles(problem.mask))
    sampling = make_sampling(tiles, 0.5)
    keys = jax.random.split(jax.random.key(0), DRAWS)
    whole = log_sums(problem, tiles, None, keys[:1])[0]
    found = log_sums(problem, tiles, sampling, keys)
    ratio = np.exp(found - whole)
    error = ratio.std(0) / np.sqrt(DRAWS)
    assert np.all(np.abs(ratio.mean(0) - 1) < 4.5 * error + 1e-5)
    assert np.any(ratio.std(0) > 1e-3)


def test_it_draws_its_share_of_every_candidate_set_and_at_least_one_tile():
    problem = make_problem(nodes=2000, relations=8, images=4, dim=8, candidates="range")
    tiles = cut_tiles(problem.mask)
    for share in (1e-6, 0.3, 1.0):
        sampling = make_sampling(tiles, share)
        sampled = sampling.draw(jax.random.key(1), jax.tree.map(jnp.asarray, tiles))
        per_candidate_set = np.bincount(np.asarray(sampled.candidate_set)[:, 0])
        of = np.bincount(tiles.candidate_set[:, 0])
        np.testing.assert_array_equal(per_candidate_set, np.maximum(np.ceil(share * of), 1))
        np.testing.assert_allclose(sampling.correction, np.log(of / per_candidate_set), rtol=1e-6)
        assert sampled_share(sampling) == pytest.approx(per_candidate_set.sum() / of.sum())
        assert len({tuple(row) for row in np.asarray(sampled.where[0])}) == per_candidate_set.sum()


def test_a_share_of_one_draws_every_tile():
    problem = make_problem()
    tiles = cut_tiles(problem.mask)
    assert make_sampling(tiles, 1.0).correction == (0.0,) * 3
