"""What XLA is told when it compiles a step, beside the program."""

from __future__ import annotations

import functools

import jax
from jax.sharding import Mesh

# YNNPACK runs a convolution on one core, and hopes that another has something else to do; in a step, where one layer
# waits for the one before it, none has. XLA's own convolution uses all cores. Reductions and products stay with YNNPACK
# (XLA's default is all three): its reductions are faster than XLA's own. A step of a convolutional network takes 8 to
# 24 % less time on two cores: `python -m benchmarks.compiler`.
_CPU = {"xla_cpu_experimental_ynn_fusion_type": "LIBRARY_FUSION_TYPE_REDUCE,LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT"}


def compiler_options(mesh: Mesh) -> dict[str, str]:
    """Returns `compiler_options` of `jax.jit` for a step on the devices of a mesh; empty but on CPUs."""
    if mesh.devices.flat[0].platform != "cpu" or not _known():
        return {}
    return dict(_CPU)


@functools.cache
def _known() -> bool:
    """Whether this jaxlib has the options: they are experimental, and a compilation with an unknown one fails."""
    nothing = jax.jit(lambda: 0, compiler_options=_CPU).lower()
    try:
        nothing.compile()
    except jax.errors.JaxRuntimeError as error:
        if "compile option" not in str(error):
            raise
        return False
    return True
