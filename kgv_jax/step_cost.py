"""What one training step costs, told before the first one runs."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import numpy as np

_GB = 1e9


class StepCost(NamedTuple):
    """`flops` of the whole step over all devices; bytes on each device: what it is given, and its temporaries."""

    flops: float
    argument_bytes: int
    temporary_bytes: int

    def __str__(self) -> str:
        return (
            f"{self.flops / _GB:.3g} GFLOP a step; on each device {self.argument_bytes / _GB:.3g} GB of parameters, "
            f"optimiser and batch, {self.temporary_bytes / _GB:.3g} GB of temporaries"
        )


def step_cost(lowered: jax.stages.Lowered, compiled: jax.stages.Compiled) -> StepCost:
    """Returns the cost of a compiled step.

    FLOPs are those of the program as written: after compilation some are hidden in library calls.
    Memory is that of the program as compiled.
    """
    analysis = lowered.cost_analysis() or {}
    memory = compiled.memory_analysis()
    return StepCost(
        float(analysis.get("flops", float("nan"))),
        int(memory.argument_size_in_bytes),
        int(memory.temp_size_in_bytes),
    )


def parameter_counts(params: Any, frozen: Any) -> tuple[int, int]:
    """Returns how many parameters there are, and how many of them are trained."""
    sizes = jax.tree.leaves(jax.tree.map(lambda leaf: int(np.prod(leaf.shape)), params))
    trained = [size for size, hold in zip(sizes, jax.tree.leaves(frozen), strict=True) if not hold]
    return sum(sizes), sum(trained)
