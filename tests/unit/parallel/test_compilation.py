"""Compiler options have their effect; FLOPs and memory of a compiled step are what they must be."""

import jax
import jax.numpy as jnp
import pytest
from jax import lax

from kgv_jax.parallel import compilation
from kgv_jax.parallel.compilation import StepCost, parameter_counts, step_cost
from kgv_jax.parallel.mesh import make_mesh


def _library_calls(options: dict[str, str]) -> int:
    def conv(x: jax.Array, kernel: jax.Array) -> jax.Array:
        return lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))

    shapes = (jax.ShapeDtypeStruct((64, 16, 16, 32), jnp.float32), jax.ShapeDtypeStruct((3, 3, 32, 32), jnp.float32))
    return jax.jit(conv, compiler_options=options).lower(*shapes).compile().as_text().count("__ynn_fusion")


def test_convolutions_are_not_given_to_the_library():
    options = compilation.compiler_options(make_mesh(-1, 1))
    assert _library_calls(options) == 0 < _library_calls({})


@pytest.mark.parametrize(
    "lost", [{"xla_cpu_no_such_option": "1"}, {"xla_cpu_experimental_ynn_fusion_type": "LIBRARY_FUSION_TYPE_LOST"}]
)
def test_an_option_that_jaxlib_has_lost_is_left_out(monkeypatch, lost):
    monkeypatch.setattr(compilation, "_CPU", lost)
    compilation._known.cache_clear()
    try:
        assert compilation.compiler_options(make_mesh(-1, 1)) == {}
    finally:
        compilation._known.cache_clear()


def test_a_matrix_product_costs_what_it_must():
    rows, inner, columns = 64, 128, 32
    a, b = jnp.ones((rows, inner)), jnp.ones((inner, columns))
    lowered = jax.jit(lambda a, b: a @ b).lower(a, b)
    cost = step_cost(lowered, lowered.compile())
    assert cost.flops == 2 * rows * inner * columns
    assert cost.argument_bytes == 4 * (rows * inner + inner * columns)
    assert "0.000524 GFLOP per step" in str(cost)


def test_a_backend_that_counts_no_work_is_not_quoted_on_it():
    assert str(StepCost(None, 10**9, 2 * 10**9)).startswith("on each device 1 GB of parameters")


def test_parameters_are_counted_by_what_is_trained():
    params = {"encoder": jnp.ones((3, 4)), "head": jnp.ones(5)}
    assert parameter_counts(params, {"encoder": True, "head": False}) == (17, 5)
