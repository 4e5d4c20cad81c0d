"""FLOPs and memory of a compiled step, against what a matrix product must cost."""

import jax
import jax.numpy as jnp

from kgv_jax.parallel.step_cost import StepCost, parameter_counts, step_cost


def test_a_matrix_product_costs_what_it_must():
    rows, inner, columns = 64, 128, 32
    a, b = jnp.ones((rows, inner)), jnp.ones((inner, columns))
    lowered = jax.jit(lambda a, b: a @ b).lower(a, b)
    cost = step_cost(lowered, lowered.compile())
    assert cost.flops == 2 * rows * inner * columns
    assert cost.argument_bytes == 4 * (rows * inner + inner * columns)
    assert "0.000524 GFLOP a step" in str(cost)


def test_a_backend_that_counts_no_work_is_not_quoted_on_it():
    assert str(StepCost(None, 10**9, 2 * 10**9)).startswith("on each device 1 GB of parameters")


def test_parameters_are_counted_by_what_is_trained():
    params = {"encoder": jnp.ones((3, 4)), "head": jnp.ones(5)}
    assert parameter_counts(params, {"encoder": True, "head": False}) == (17, 5)
