"""The common space: bounds of the variance, vector nodes, temperature."""

import jax
import jax.numpy as jnp
import numpy as np

from kgv_jax.scoring.space import GaussianSpace

_Z = jnp.ones((2, 8))


def _space(**options):
    space = GaussianSpace(5, 3, 8, **options)
    return space, space.init(jax.random.key(0), _Z)


def test_variance_starts_at_its_initial_value_and_stays_in_bounds():
    space, variables = _space(var_min=0.05, var_max=5.0, var_init=1.0)
    np.testing.assert_allclose(space.apply(variables, method="nodes").var, 1.0, rtol=1e-5)
    for extreme, bound in ((-50.0, 0.05), (50.0, 5.0)):
        variables["params"]["v"] = jnp.full((5, 8), extreme)
        np.testing.assert_allclose(space.apply(variables, method="nodes").var, bound, rtol=1e-5)


def test_vector_nodes_have_no_variance_to_train():
    space, variables = _space(vector_nodes=True, var_init=0.5)
    assert "v" not in variables["params"]
    np.testing.assert_allclose(space.apply(variables, method="nodes").var, 0.5)


def test_temperature_is_in_units_of_the_root_of_the_width():
    space, variables = _space(temperature=2.0, learn_temperature=False)
    assert "log_t" not in variables["params"]
    np.testing.assert_allclose(space.apply(variables, method="nodes").temperature, 2.0 * np.sqrt(8), rtol=1e-6)
    _, nodes = space.apply(variables, _Z)
    trained, variables = _space(temperature=2.0)
    np.testing.assert_allclose(trained.apply(variables, method="nodes").temperature, nodes.temperature, rtol=1e-6)


def test_both_forms_of_the_score_agree():
    fast, variables = _space(form="fast")
    oracle, _ = _space(form="oracle")
    np.testing.assert_allclose(fast.apply(variables, _Z)[0], oracle.apply(variables, _Z)[0], rtol=1e-4)
