"""The graph convolution by hand, against dense matrices, and in training."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kgv_jax.embed import evaluate, losses, train
from kgv_jax.embed.complex import complex_
from kgv_jax.embed.convolution import WEIGHTS, convolved
from kgv_jax.embed.distmult import distmult
from kgv_jax.embed.model import Tables
from kgv_jax.embed.reciprocal import reciprocal
from kgv_jax.embed.transe import transe
from kgv_jax.util.errors import UserError


def test_two_layers_on_two_nodes_by_hand():
    # Both have degree 2 with their own loop: every entry is 1/2. (2, -6) -> -2 -> times -1 -> 2 -> times 3 -> 6.
    model = convolved(transe(), np.array([[0, 1]]), 2)
    weights = jnp.array([[[-1.0]], [[3.0]]])
    found = model.tables(Tables({"mu": jnp.array([[2.0], [-6.0]])}, {"mu": jnp.zeros((1, 1)), WEIGHTS: weights}))
    np.testing.assert_allclose(found.nodes["mu"], [[6.0], [6.0]])
    assert found.relations.keys() == {"mu"}
    off = model.tables(Tables({"mu": jnp.array([[2.0], [6.0]])}, {"mu": jnp.zeros((1, 1)), WEIGHTS: weights}))
    np.testing.assert_allclose(off.nodes["mu"], 0)  # -4 does not pass the first layer


def test_a_convolution_is_the_product_with_the_dense_matrix():
    draw = np.random.default_rng(0)
    edges = draw.integers(6, size=(9, 2))
    model = convolved(distmult(), edges, 6, layers=1)
    parameters = model.init(jax.random.key(0), 6, 2, 3)
    adjacency = np.eye(6)
    for head, tail in edges:
        adjacency[head, tail] = adjacency[tail, head] = 1
    scale = np.diag(adjacency.sum(1) ** -0.5)
    expected = scale @ adjacency @ scale @ parameters.nodes["mu"] @ parameters.relations[WEIGHTS][0]
    np.testing.assert_allclose(model.tables(parameters).nodes["mu"], expected, rtol=1e-4, atol=1e-5)


def test_two_ways_through_a_line_are_learned():
    line = np.array([(i, step - 1, i + step) for step in (1, 2) for i in range(12 - step)], np.int32)
    model = convolved(reciprocal(distmult()), line[:, [0, 2]], 12)
    settings = train.Settings(dim=16, epochs=100, batch=8, learning_rate=0.03)
    options = {"model": model, "loss": losses.softmax(), "settings": settings}
    found = train.fit(jnp.asarray(line), jax.random.key(0), num_nodes=12, num_relations=2, **options)
    ranks = evaluate.filtered_ranks(model, found.parameters, line, line)
    assert evaluate.metrics(ranks)["mrr"] > 0.7  # by chance 0.27


def test_a_model_without_means_is_refused():
    with pytest.raises(UserError, match="nodes of this model have re, im"):
        convolved(complex_(), np.array([[0, 1]]), 2).init(jax.random.key(0), 2, 1, 4)
