"""What one training step costs, told before the first one runs."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import numpy as np

_GB = 1e9


class StepCost(NamedTuple):
    """`flops` of the whole step over all devices, or None where the backend does not count them; bytes on each device:
    what it is given, and its temporaries."""

    flops: float | None
    argument_bytes: int
    temporary_bytes: int

    def __str__(self) -> str:
        work = "" if self.flops is None else f"{self.flops / _GB:.3g} GFLOP a step; "
        return (
            f"{work}on each device {self.argument_bytes / _GB:.3g} GB of parameters, "
            f"optimiser and batch, {self.temporary_bytes / _GB:.3g} GB of temporaries"
        )


def step_cost(lowered: jax.stages.Lowered, compiled: jax.stages.Compiled) -> StepCost:
    """Returns the cost of a compiled step.

    FLOPs are those of the program as written: after compilation some are hidden in library calls.
    Memory is that of the program as compiled.
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
