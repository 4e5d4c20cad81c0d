"""Batch norm gets the mean and the variance of a domain's images."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kgv_jax.data.types import ImageArray
from kgv_jax.models.layers import make_norm
from kgv_jax.parallel.mesh import make_mesh, replicated
from kgv_jax.run.domain_statistics import make_domain_statistics
from kgv_jax.run.state import State
from kgv_jax.util.errors import UserError


class _Norms(nn.Module):
    """Two norms one after another, so that the second sees what the first makes of the images."""

    norm: str

    @nn.compact
    def __call__(self, images, train):
        x = make_norm(self.norm, train=train, groups=1)(name="first")(images.astype(jnp.float32))
        return make_norm(self.norm, train=train, groups=1)(name="second")(3 * x + 2)


def _images(count, seed=0):
    rng = np.random.default_rng(seed)
    values = (rng.normal(100, (10, 20, 30), (count, 4, 4, 3)) + np.array([20, 0, -30])).clip(0, 255).astype(np.uint8)
    names = np.array([str(k) for k in range(count)])
    return ImageArray(values, np.zeros(count, np.int32), names, names, np.zeros((count, 0), np.int32))


def _adapted(norm, images, batch_size):
    mesh = make_mesh(-1, 1)
    module = _Norms(norm)
    variables = module.init(jax.random.key(0), jnp.zeros((2, 4, 4, 3)), train=True)
    params, statistics = variables["params"], variables.get("batch_stats", {})
    state = State(jnp.zeros((), jnp.int32), jnp.zeros((), jnp.uint32), {"classifier": params}, statistics, {}, {}, {})
    state = jax.device_put(state, replicated(mesh))
    shardings = jax.tree.map(lambda leaf: leaf.sharding, state)
    return make_domain_statistics(module, mesh, shardings)(state, images, batch_size)


@pytest.mark.parametrize("batch_size", [8, 24])
def test_statistics_are_those_of_the_images(batch_size):
    images = _images(24)
    found = _adapted("batch", images, batch_size).batch_stats
    pixels = images.values.reshape(-1, 3).astype(np.float64)
    np.testing.assert_allclose(found["first"]["mean"], pixels.mean(0), rtol=1e-4)
    np.testing.assert_allclose(found["first"]["var"], pixels.var(0), rtol=2e-3)
    # After the first norm every channel has mean 0 and variance 1 within its batch.
    np.testing.assert_allclose(found["second"]["mean"], 2, atol=1e-3)
    np.testing.assert_allclose(found["second"]["var"], 9, rtol=2e-3)


def test_a_batch_that_is_not_full_is_filled_up():
    few = _images(5)
    found = _adapted("batch", few, 40).batch_stats  # each of them eight times
    pixels = few.values.reshape(-1, 3).astype(np.float64)
    np.testing.assert_allclose(found["first"]["mean"], pixels.mean(0), rtol=1e-4)


def test_an_encoder_without_batch_norm_is_refused():
    with pytest.raises(UserError, match=r"evaluate\.statistics is 'domain', and the encoder has no batch norm"):
        _adapted("group", _images(8), 8)
