"""Inverse relations: heads are tails of the inverse, by hand and for every node."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kgv_jax.embed import evaluate, losses, train
from kgv_jax.embed.distmult import distmult
from kgv_jax.embed.model import Tables, score_triples
from kgv_jax.embed.reciprocal import reciprocal
from kgv_jax.embed.rotate import rotate
from kgv_jax.embed.transh import transh

NODES, RELATIONS, DIM = 5, 3, 4


def test_by_hand():
    model = reciprocal(distmult())
    nodes = {"mu": jnp.array([[1.0, 2.0], [2.0, 0.5]])}
    tables = Tables(nodes, {"mu": jnp.array([[3.0, -1.0]]), "inverse_mu": jnp.array([[0.0, 4.0]])})
    zero, one = jnp.array([0]), jnp.array([1])
    np.testing.assert_allclose(model.tails(tables, zero, zero), [[3 - 4, 6 - 1]])  # (3, -2) . nodes
    np.testing.assert_allclose(model.heads(tables, zero, one), [[4, 1]])  # (0, 2) . nodes
    np.testing.assert_allclose(score_triples(model, tables, zero, zero, one), [(5 + 4) / 2])


@pytest.mark.parametrize("inner", [distmult(), rotate(), transh()])
def test_all_nodes_score_as_the_inner_model_with_twice_the_relations(inner):
    model = reciprocal(inner)
    parameters = model.init(jax.random.key(0), NODES, RELATIONS, DIM)
    assert {x.shape[0] for x in parameters.relations.values()} == {RELATIONS}
    double = inner.tables(inner.init(jax.random.key(0), NODES, 2 * RELATIONS, DIM))
    tables, known, r = model.tables(parameters), np.array([0, 4, 2]), np.array([0, 1, 2])
    np.testing.assert_allclose(model.tails(tables, known, r), inner.tails(double, known, r), rtol=1e-5)
    np.testing.assert_allclose(model.heads(tables, r, known), inner.tails(double, known, r + RELATIONS), rtol=1e-5)


def test_a_symmetric_model_learns_a_direction():
    line = np.array([(i, 0, i + 1) for i in range(11)], np.int32)
    settings = train.Settings(dim=16, epochs=100, batch=8, learning_rate=0.05)
    model = reciprocal(distmult())
    options = {"model": model, "loss": losses.softmax(), "settings": settings}
    found = train.fit(jnp.asarray(line), jax.random.key(0), num_nodes=12, num_relations=1, **options)
    ranks = evaluate.filtered_ranks(model, found.parameters, line, line)
    assert evaluate.metrics(ranks)["mrr"] > 0.9  # without inverses at most 0.77
