"""Class directions that are far apart, and a decoder of which nothing is trained."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

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


def test_logits_are_cosines_and_no_gradient_moves_the_directions():
    decoder, z = EquiangularDecoder(3, temperature=0.5), jnp.array([[3.0, 0, 4, 0], [0, 2, 0, 0]])
    params = decoder.init(jax.random.key(0), z)
    unit = np.asarray(z) / np.linalg.norm(z, axis=1, keepdims=True)
    expected = unit @ params["params"]["directions"].T / 0.5
    np.testing.assert_allclose(decoder.apply(params, z), expected, rtol=1e-5, atol=1e-6)
    gradient = jax.grad(lambda p: decoder.apply(p, z)[0, 0])(params)
    assert not np.any(gradient["params"]["directions"])
