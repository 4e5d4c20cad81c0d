"""Class directions that are far apart, and a decoder of which nothing is trained."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kgv_jax.losses import cross_entropy
from kgv_jax.models.equiangular import EquiangularDecoder, near_equiangular


@pytest.mark.parametrize(("count", "dim"), [(5, 8), (8, 8), (40, 8), (4097, 8)])
def test_directions_are_apart(count, dim):
    directions = np.asarray(jax.jit(near_equiangular, static_argnums=(1, 2))(jax.random.key(0), count, dim))
    assert directions.shape == (count, dim)
    np.testing.assert_allclose(np.linalg.norm(directions, axis=1), 1, atol=1e-5)
    largest = np.abs(directions @ directions.T - np.eye(count)).max()
    if count <= dim:
        assert largest < 1e-5
    elif count == 40:
        welch = np.sqrt((count - dim) / (dim * (count - 1)))  # no forty directions are nearer to equal angles
        assert welch < largest < 0.75  # random ones reach 0.9


@pytest.mark.parametrize(("count", "dim", "cosine"), [(3, 2, 1 / 2), (6, 3, 5**-0.5)])
def test_lines_at_equal_angles_are_found(count, dim, cosine):
    """Three lines of the plane at 60 degrees, and the six diagonals of the icosahedron: no others are as far apart."""
    directions = np.asarray(near_equiangular(jax.random.key(1), count, dim))
    cosines = np.abs(directions @ directions.T)[~np.eye(count, dtype=bool)]
    np.testing.assert_allclose(cosines, cosine, atol=0.01)


def test_the_loss_by_hand():
    decoder = EquiangularDecoder(2, temperature=0.5)
    params = {"params": {"directions": jnp.array([[1.0, 0.0], [0.0, 1.0]])}}
    logits = decoder.apply(params, jnp.array([[3.0, 4.0]]))  # cosines 0.6 and 0.8 over 0.5
    np.testing.assert_allclose(logits, [[1.2, 1.6]], rtol=1e-6)
    np.testing.assert_allclose(cross_entropy(logits, jnp.array([0])), [np.log(1 + np.exp(0.4))], rtol=1e-6)


def test_logits_are_cosines_and_no_gradient_moves_the_directions():
    decoder, z = EquiangularDecoder(3, temperature=0.5), jnp.array([[3.0, 0, 4, 0], [0, 2, 0, 0]])
    params = decoder.init(jax.random.key(0), z)
    unit = np.asarray(z) / np.linalg.norm(z, axis=1, keepdims=True)
    expected = unit @ params["params"]["directions"].T / 0.5
    np.testing.assert_allclose(decoder.apply(params, z), expected, rtol=1e-5, atol=1e-6)
    gradient = jax.grad(lambda p: decoder.apply(p, z)[0, 0])(params)
    assert not np.any(gradient["params"]["directions"])
