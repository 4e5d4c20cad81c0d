"""The streamed score: against the float64 oracle, whole and split over devices, also where nodes are far apart."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kgv_jax import losses
from kgv_jax.kg.graph import Graph
from kgv_jax.kg.mask import CandidateSet, Entries, Mask
from kgv_jax.parallel import mesh as mesh_lib
from kgv_jax.scoring import gaussian
from kgv_jax.scoring.space import BoundedLogVariance
from kgv_jax.scoring.streamed import Pairs, Streaming, streamed_sums
from kgv_jax.scoring.tile import Table
from kgv_jax.scoring.tiling import cut_tiles

LOG_VARIANCE = BoundedLogVariance(0.05, 5.0)


def half(raw):
    return 0.5 * raw


@dataclasses.dataclass(frozen=True)
class Problem:
    """Images near nodes, the mask of their query nodes, and what is differentiated: z, r, mu, raw, T."""

    mask: Mask
    queries: np.ndarray
    arrays: tuple

    @property
    def whole_mask(self):
        mask = self.mask.table[self.queries].copy()
        mask[mask == -2] = 0
        return mask


def make_mask(rng, *, nodes, relations, queries, candidates):
    """A mask of random facts: all nodes under each relation, or some."""
    every = np.arange(nodes, dtype=np.int32)
    candidate_sets = tuple(
        CandidateSet(
            j, every if candidates == "all" else np.sort(rng.choice(every, rng.integers(3, nodes), replace=False))
        )
        for j in range(relations)
    )
    positive, ignored_negatives = [], []
    for query in range(queries):
        for candidate_set in candidate_sets:
            true = rng.choice(candidate_set.nodes, rng.integers(1, 4), replace=False)
            other = np.setdiff1d(rng.choice(every, rng.integers(0, 20), replace=False), true)
            positive += [(query, candidate_set.relation, node) for node in sorted(true)]
            ignored_negatives += [(query, candidate_set.relation, node) for node in other]
    graph = Graph.from_triples([], types={f"n{index}": "Node" for index in range(nodes)})
    names = tuple(f"r{j}" for j in range(relations))
    supervised = np.ones((queries, relations), bool)
    return Mask(
        graph,
        names,
        candidate_sets,
        supervised,
        entries(positive, queries),
        entries(ignored_negatives, queries),
        np.zeros(0, np.int32),
        {},
        {},
    )


def entries(cells, queries):
    rows = np.array(cells, np.int64).reshape(-1, 3)
    start = np.searchsorted(rows[:, 0], np.arange(queries + 1))
    return Entries(start, rows[:, 1].astype(np.int32), rows[:, 2].astype(np.int32))


def make_problem(*, nodes=120, relations=3, images=16, dim=24, queries=9, candidates="all", spread=1.0, seed=0):
    """Nodes in families of ten, `spread` apart and 0.2 within; images on positives of their query nodes."""
    rng = np.random.default_rng(seed)
    mask = make_mask(rng, nodes=nodes, relations=relations, queries=queries, candidates=candidates)
    family = rng.normal(size=(-(-nodes // 10), dim)) * spread
    mu = family[np.arange(nodes) % len(family)] + 0.2 * rng.normal(size=(nodes, dim))
    raw = 0.3 * rng.normal(size=(nodes, dim))
    query = rng.integers(0, queries, images)
    near = mask.positive.node[mask.positive.start[query]]
    z = mu[near] + 0.3 * rng.normal(size=(images, dim))
    r = 0.1 * rng.normal(size=(relations, dim))
    arrays = tuple(np.asarray(x, np.float32) for x in (z, r, mu, raw, math.sqrt(dim)))
    return Problem(mask, query, arrays)


def positives(problem):
    """The positives of each image, padded with -1."""
    start = problem.mask.positive.start
    longest = np.diff(start).max()
    result = np.full((2, len(problem.queries), longest), -1, np.int32)
    for image, query in enumerate(problem.queries):
        own = slice(start[query], start[query + 1])
        result[0, image, : own.stop - own.start] = problem.mask.positive.relation[own]
        result[1, image, : own.stop - own.start] = problem.mask.positive.node[own]
    return result


def streamed_loss(problem, streaming, *, shards=1):
    relation, node = positives(problem)
    tiles = jax.tree.map(jnp.asarray, cut_tiles(problem.mask, shards=shards))

    def loss(z, r, mu, raw, temperature):
        pairs = Pairs(np.maximum(relation, 0), node)
        sums = streamed_sums(
            streaming, Table(mu, raw), z, r, temperature, pairs, problem.queries[:, None].astype(np.int32), tiles
        )
        values = losses.info_nce_of_sums(
            *sums, pair_relation=relation, candidate_set_relation=tiles.candidate_set_relation, num_relations=len(r)
        )
        return jnp.sum(values * jnp.linspace(0.5, 1.5, len(z))), sums

    return jax.jit(jax.value_and_grad(loss, (0, 1, 2, 3, 4), has_aux=True))


def oracle(problem, log_var):
    """The loss, its gradients and the scores over T, in float64."""
    mask = problem.whole_mask

    def loss(z, r, mu, raw, temperature):
        score = gaussian.log_density_oracle(z, r, mu, jnp.exp(log_var(raw))) / temperature
        values = losses.info_nce_nodes(score, mask)
        return jnp.sum(values * jnp.linspace(0.5, 1.5, len(z))), score

    with jax.enable_x64(True):
        arrays = [jnp.asarray(array, jnp.float64) for array in problem.arrays]
        (value, score), gradients = jax.jit(jax.value_and_grad(loss, (0, 1, 2, 3, 4), has_aux=True))(*arrays)
        return float(value), [np.asarray(g) for g in gradients], np.asarray(score)


def assert_gradients_close(found, expected, tolerance):
    for name, ours, theirs in zip(("z", "r", "mu", "raw", "T"), found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=tolerance * np.abs(theirs).max(), rtol=0, err_msg=name)


@pytest.mark.parametrize("candidates", ["all", "range"])
@pytest.mark.parametrize("spread", [1.0, 1e3, 1e5])
def test_loss_and_gradients_are_those_of_the_float64_oracle(candidates, spread):
    problem = make_problem(candidates=candidates, spread=spread)
    (found, _), gradients = streamed_loss(problem, Streaming(LOG_VARIANCE))(*problem.arrays)
    expected, exact, _ = oracle(problem, LOG_VARIANCE)
    assert abs(found - expected) < 1e-4 * abs(expected)
    assert_gradients_close(gradients, exact, 2e-4)


@pytest.mark.parametrize("log_var", [LOG_VARIANCE, half])
def test_many_tiles_and_an_odd_number_of_nodes(log_var):
    problem = make_problem(nodes=1501, relations=8, images=4, dim=8)
    assert cut_tiles(problem.mask).valid.shape[1] > 2
    (found, _), gradients = streamed_loss(problem, Streaming(log_var))(*problem.arrays)
    expected, exact, _ = oracle(problem, log_var)
    assert abs(found - expected) < 1e-5 * abs(expected)
    assert_gradients_close(gradients, exact, 2e-5)


@pytest.mark.parametrize("spread", [0.1, 3.0, 30.0, 1000.0])
@pytest.mark.parametrize("dim", [16, 128])
def test_softmax_and_argmax_are_those_of_float64_for_tight_families_far_apart(spread, dim):
    problem = make_problem(nodes=300, dim=dim, spread=spread)
    (_, sums), _ = streamed_loss(problem, Streaming(LOG_VARIANCE))(*problem.arrays)
    _, _, score = oracle(problem, LOG_VARIANCE)
    negative = np.where(problem.whole_mask == -1, score, -np.inf)
    expected = np.log(np.sum(np.exp(negative - negative.max(-1, keepdims=True)), -1)) + negative.max(-1)
    np.testing.assert_allclose(sums.log_sum, expected, atol=1e-4, rtol=1e-6)
    relation, node = positives(problem)
    image = np.arange(len(node))[:, None]
    here = node >= 0
    exact = score[image, relation, node]
    np.testing.assert_allclose(np.asarray(sums.pair)[here], exact[here], atol=1e-4, rtol=1e-6)


@pytest.mark.parametrize("data, model", [(8, 1), (1, 8), (2, 4)])
@pytest.mark.parametrize("candidates", ["all", "range"])
def test_split_over_eight_devices_it_is_the_same(data, model, candidates):
    problem = make_problem(candidates=candidates)
    (alone, sums), gradients = streamed_loss(problem, Streaming(LOG_VARIANCE))(*problem.arrays)
    mesh = mesh_lib.make_mesh(data, model)
    streaming = Streaming(LOG_VARIANCE, mesh, split_nodes=model > 1)
    (split, split_sums), split_gradients = streamed_loss(problem, streaming, shards=model)(*problem.arrays)
    assert abs(split - alone) < 1e-5 * abs(alone)
    np.testing.assert_allclose(split_sums.pair, sums.pair, rtol=1e-5)
    np.testing.assert_allclose(split_sums.log_sum, sums.log_sum, rtol=1e-5, atol=1e-5)
    assert_gradients_close(split_gradients, gradients, 2e-5)


def test_neither_scores_nor_copies_of_the_table_are_held():
    problem = make_problem(nodes=20000, relations=4, images=64, dim=16)
    compiled = streamed_loss(problem, Streaming(LOG_VARIANCE)).lower(*problem.arrays).compile()
    scores, table = 64 * 4 * 20000 * 4, 20000 * 16 * 4
    temporary = compiled.memory_analysis().temp_size_in_bytes
    assert temporary < scores / 3
    assert temporary < 2 * table + 4 * (64 * 4096 * 4)  # the gradients of mu and raw, and a few tiles
