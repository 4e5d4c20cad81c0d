"""Compilation of a step: the options that XLA gets, and what the compiled step costs."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh

_GB = 1e9
# On a CPU, XLA gives reductions, products and convolutions to YNNPACK by default. With YNNPACK's convolutions a step
# keeps 1.6 of two cores busy, with XLA's own 1.9 for as much work: a step of a convolutional network then takes 8 to
# 24 % less time (`python -m benchmarks.compiler`). So the list leaves convolutions out.
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


class StepCost(NamedTuple):
    """What one training step costs.

    Attributes:
      flops: of the whole step over all devices; None where the backend does not count them.
      argument_bytes: on each device, parameters, optimiser state and batch.
      temporary_bytes: on each device.
    """

    flops: float | None
    argument_bytes: int
    temporary_bytes: int

    def __str__(self) -> str:
        work = "" if self.flops is None else f"{self.flops / _GB:.3g} GFLOP per step; "
        return (
            f"{work}on each device {self.argument_bytes / _GB:.3g} GB of parameters, "
            f"optimiser and batch, {self.temporary_bytes / _GB:.3g} GB of temporaries"
        )


def step_cost(lowered: jax.stages.Lowered, compiled: jax.stages.Compiled) -> StepCost:
    """Returns the cost of a compiled step.

    FLOPs are those of the program as written, since library calls hide some of them after compilation. Memory is that
    of the program as compiled.
    """
    analysis = lowered.cost_analysis() or {}  # none for a GPU
    memory = compiled.memory_analysis()
    return StepCost(
        analysis.get("flops"),
        int(memory.argument_size_in_bytes),
        int(memory.temp_size_in_bytes),
    )


def parameter_counts(params: Any, frozen: Any) -> tuple[int, int]:
    """Returns how many parameters there are, and how many of them are trained."""
    sizes = jax.tree.leaves(jax.tree.map(lambda leaf: int(np.prod(leaf.shape)), params))
    trained = [size for size, hold in zip(sizes, jax.tree.leaves(frozen), strict=True) if not hold]
    return sum(sizes), sum(trained)
