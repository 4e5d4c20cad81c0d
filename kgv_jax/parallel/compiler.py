"""What XLA is told when it compiles a step, beside the program."""

from __future__ import annotations

import functools

import jax
from jax.sharding import Mesh

# By default XLA gives reductions, products and convolutions to YNNPACK. With its convolutions a step keeps 1.6 of two
# cores busy, with XLA's own 1.9 for as much work: it takes 8 to 24 % less time (`python -m benchmarks.compiler`,
# convolutional networks). So convolutions are left out of what it gets.
_CPU = {"xla_cpu_experimental_ynn_fusion_type": "LIBRARY_FUSION_TYPE_REDUCE,LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT"}


def compiler_options(mesh: Mesh) -> dict[str, str]:
    """Returns `compiler_options` of `jax.jit` for a step on the devices of a mesh; empty but on CPUs."""
    if mesh.devices.flat[0].platform != "cpu" or not _known():
        return {}
    return dict(_CPU)


@functools.cache
def _known() -> bool:
    """Whether this jaxlib has the options: they are experimental, and an unknown name or value fails a compilation."""
    nothing = jax.jit(lambda: 0, compiler_options=_CPU).lower()
    try:
        nothing.compile()
    except jax.errors.JaxRuntimeError as error:
        if "option" not in str(error):
            raise
        return False
    return True
