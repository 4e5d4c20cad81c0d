"""The score: the fast form and the oracle, each against float64 numpy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from kgv_jax.scoring import gaussian


def _problem(dim, variance, offset, *, seed=0, images=6, relations=3, nodes=20):
    rng = np.random.default_rng(seed)
    mu = rng.normal(size=(nodes, dim)) + offset / np.sqrt(dim)
    z = rng.normal(size=(images, dim)) + offset / np.sqrt(dim)
    r = 0.3 * rng.normal(size=(relations, dim))
    if variance is None:
        var = rng.choice([0.05, 5.0], size=(nodes, dim))
    else:
        var = np.full((nodes, dim), variance)
    return z, r, mu, var


def _exact(z, r, mu, var):
    x = z[:, None, None] + r[None, :, None] - mu
    return -0.5 * (x**2 / var + np.log(var) + np.log(2 * np.pi)).sum(-1)


def test_exact_reference_is_scipy_normal_density():
    z, r, mu, var = _problem(5, None, 3.0, images=2, relations=2, nodes=3)
    by_scipy = stats.multivariate_normal(mu[2], np.diag(var[2])).logpdf(z[1] + r[0])
    np.testing.assert_allclose(_exact(z, r, mu, var)[1, 0, 2], by_scipy, rtol=1e-12)


@pytest.mark.parametrize("form", [gaussian.log_density_oracle, gaussian.log_density])
@pytest.mark.parametrize("dim", [64, 512])
@pytest.mark.parametrize("variance", [0.05, 5.0, None])
@pytest.mark.parametrize("offset", [0.0, 10.0])
def test_float32_equals_float64_to_one_in_ten_thousand(form, dim, variance, offset):
    problem = _problem(dim, variance, offset)
    found = jax.jit(form)(*(jnp.asarray(x, jnp.float32) for x in problem))
    np.testing.assert_allclose(found, _exact(*problem), rtol=1e-4)


@pytest.mark.parametrize("per_coordinate", [10.0, -10.0])
def test_a_common_offset_of_every_coordinate_costs_nothing(per_coordinate):
    z, r, mu, var = _problem(512, None, 0.0)
    z, mu = z + per_coordinate, mu + per_coordinate
    found = gaussian.log_density(*(jnp.asarray(x, jnp.float32) for x in (z, r, mu, var)))
    np.testing.assert_allclose(found, _exact(z, r, mu, var), rtol=1e-4)


def test_gradients_of_the_fast_form_are_those_of_the_oracle():
    problem = [jnp.asarray(x, jnp.float32) for x in _problem(64, None, 1.0)]
    weights = jnp.asarray(np.random.default_rng(2).normal(size=(6, 3, 20)), jnp.float32)
    fast, oracle = (
        jax.grad(lambda *p, form=form: jnp.sum(weights * form(*p)), (0, 1, 2, 3))(*problem)
        for form in (gaussian.log_density, gaussian.log_density_oracle)
    )
    for a, b in zip(fast, oracle, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-3, atol=2e-3 * float(jnp.abs(b).max()))


def test_kl_divergence_against_monte_carlo_and_zero_on_itself():
    rng = np.random.default_rng(0)
    mu_p, mu_q, var_p, var_q = rng.normal(size=3), rng.normal(size=3), np.array([0.5, 1, 2.0]), np.array([1, 2, 3.0])
    x = mu_p + np.sqrt(var_p) * rng.normal(size=(200_000, 3))
    log_ratio = stats.norm.logpdf(x, mu_p, np.sqrt(var_p)) - stats.norm.logpdf(x, mu_q, np.sqrt(var_q))
    np.testing.assert_allclose(gaussian.kl_divergence(mu_p, var_p, mu_q, var_q), log_ratio.sum(-1).mean(), atol=0.02)
    np.testing.assert_allclose(gaussian.kl_divergence(mu_p, var_p, mu_p, var_p), 0.0, atol=1e-6)
