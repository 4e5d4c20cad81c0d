"""Graph convolutions against their equations in dense matrices."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kgv_jax.models.graph_convolution import Edges, GraphConvolutions


def _edges(matrix):
    to, source = np.nonzero(matrix)
    return Edges(jnp.asarray(to), jnp.asarray(source), jnp.asarray(matrix[to, source], jnp.float32))


def _matrices(count, num_nodes=5):
    rng = np.random.default_rng(count)
    return [rng.random((num_nodes, num_nodes)) * (rng.random((num_nodes, num_nodes)) < 0.5) for _ in range(count)]


def test_edges_multiply_like_their_matrix():
    (matrix,) = _matrices(1)
    rows = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    np.testing.assert_allclose(_edges(matrix) @ rows, matrix @ rows, rtol=1e-5, atol=1e-6)


def test_two_layers_of_groups_are_dense_graph_propagation():
    """Equation 4: `sigma( sum_k a_k A_k H W )`, the shares a softmax; rows of length 1 at the end."""
    first, second = _matrices(3), _matrices(2)
    network = GraphConvolutions((6, 4), (3, 2), (True, True))
    features = jax.random.normal(jax.random.key(0), (5, 7))
    layers = (tuple(map(_edges, first)), tuple(map(_edges, second)))
    params = network.init(jax.random.key(1), features, layers, train=False)["params"]
    params = jax.tree.map(lambda x: x + 0.3 * jax.random.normal(jax.random.key(x.size), x.shape), params)
    found = network.apply({"params": params}, features, layers, train=False)
    h = np.asarray(features, np.float64)
    for number, matrices in enumerate((first, second)):
        share = np.exp(params[f"share{number}"]) / np.exp(params[f"share{number}"]).sum()
        h = h @ params[f"layer{number}"]["kernel"] + params[f"layer{number}"]["bias"]
        h = sum(a * matrix @ h for a, matrix in zip(share, matrices, strict=True))
        if number == 0:
            h = np.where(h > 0, h, 0.2 * h)
    h /= np.linalg.norm(h, axis=1, keepdims=True)
    np.testing.assert_allclose(found, h, rtol=1e-4, atol=1e-5)
    nodes = jnp.array([4, 0, 4])
    some = network.apply({"params": params}, features, layers, train=False, nodes=nodes)
    np.testing.assert_allclose(some, h[nodes], rtol=1e-4, atol=1e-5)


def test_one_layer_on_two_nodes_by_hand():
    # Rows (1, 2) and (-4, 0) times W = (1, 1)^T plus 1 are 4 and -3; the mean of the two is 1/2 for both.
    half = _edges(np.full((2, 2), 0.5))
    kernel = jnp.array([[1.0], [1.0]])
    network = GraphConvolutions((1, 2), (1, 1), (False, False))
    params = {
        "layer0": {"kernel": kernel, "bias": jnp.array([1.0])}, "share0": jnp.zeros(1),
        "layer1": {"kernel": jnp.array([[6.0, 0.0]]), "bias": jnp.array([0.0, 4.0])}, "share1": jnp.zeros(1),
    }  # fmt: skip
    found = network.apply({"params": params}, jnp.array([[1.0, 2], [-4, 0]]), ((half,), (half,)), train=False)
    np.testing.assert_allclose(found, [[0.6, 0.8]] * 2, rtol=1e-6)  # 1/2 -> (3, 4), of length 5
    params["layer0"]["bias"] = jnp.array([-9.0])  # -6 and -13: -9.5, times 0.2 is -1.9 -> (-11.4, 4)
    found = network.apply({"params": params}, jnp.array([[1.0, 2], [-4, 0]]), ((half,), (half,)), train=False)
    np.testing.assert_allclose(found, np.array([[-11.4, 4]] * 2) / np.hypot(11.4, 4), rtol=1e-6)


@pytest.mark.parametrize("dropped", [(True, False), (False, True), (False, False)])
def test_dropout_is_for_training_and_the_layers_that_drop(dropped):
    network, matrix = GraphConvolutions((6, 4), (1, 1), dropped), _edges(_matrices(1)[0])
    features = jnp.ones((5, 7))
    layers = ((matrix,), (matrix,))
    variables = network.init(jax.random.key(1), features, layers, train=False)
    outs = [
        network.apply(variables, features, layers, train=True, rngs={"dropout": jax.random.key(k)}) for k in range(2)
    ]
    assert (outs[0] != outs[1]).any() == any(dropped)
    assert (network.apply(variables, features, layers, train=False) == outs[0]).all() == (not any(dropped))


def test_layers_may_have_no_bias():
    network = GraphConvolutions((6,), (1,), (False,), bias=False)
    params = network.init(jax.random.key(0), jnp.ones((5, 7)), ((_edges(_matrices(1)[0]),),), train=False)["params"]
    assert params["layer0"].keys() == {"kernel"}
