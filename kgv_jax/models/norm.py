"""Normalisation layers of convolutional networks."""

from __future__ import annotations

import functools
from collections.abc import Callable

import flax.linen as nn
from jax.typing import DTypeLike


def make_norm(
    kind: str, *, train: bool, groups: int = 8, epsilon: float = 1e-5, dtype: DTypeLike | None = None
) -> Callable[..., nn.Module]:
    """Returns a factory of normalisation layers: "group" (independent of the batch) or "batch".

    Statistics are at least float32 whatever `dtype` is; None keeps the input's.
    """
    if kind == "batch":
        return functools.partial(
            nn.BatchNorm, use_running_average=not train, momentum=0.9, epsilon=epsilon, dtype=dtype
        )
    return functools.partial(nn.GroupNorm, num_groups=groups, epsilon=epsilon, dtype=dtype)
