"""Compiler options: known to this jaxlib, and with the effect that they are there for."""

import jax
import jax.numpy as jnp
import pytest
from jax import lax

from kgv_jax.parallel import compiler
from kgv_jax.parallel.mesh import make_mesh


def _library_calls(options: dict[str, str]) -> int:
    def conv(x: jax.Array, kernel: jax.Array) -> jax.Array:
        return lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))

    shapes = (jax.ShapeDtypeStruct((64, 16, 16, 32), jnp.float32), jax.ShapeDtypeStruct((3, 3, 32, 32), jnp.float32))
    return jax.jit(conv, compiler_options=options).lower(*shapes).compile().as_text().count("__ynn_fusion")


def test_convolutions_are_not_given_to_the_library():
    options = compiler.compiler_options(make_mesh(-1, 1))
    assert _library_calls(options) == 0 < _library_calls({})


@pytest.mark.parametrize(
    "lost", [{"xla_cpu_no_such_option": "1"}, {"xla_cpu_experimental_ynn_fusion_type": "LIBRARY_FUSION_TYPE_LOST"}]
)
def test_an_option_that_jaxlib_has_lost_is_left_out(monkeypatch, lost):
    monkeypatch.setattr(compiler, "_CPU", lost)
    compiler._known.cache_clear()
    try:
        assert compiler.compiler_options(make_mesh(-1, 1)) == {}
    finally:
        compiler._known.cache_clear()
