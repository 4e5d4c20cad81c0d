"""AdamW with warm-up, cosine, clipping, and a learning rate of its own for the graph side."""

from __future__ import annotations

from typing import Any

import jax
import optax

from kgv_jax.config_schema import Optim


def make_schedule(config: Optim, steps: int) -> optax.Schedule:
    """Returns a linear warm-up to the peak, then a cosine to zero at `steps`."""
    return optax.warmup_cosine_decay_schedule(0.0, config.learning_rate, config.warmup_steps, steps)


def decays(params: Any) -> Any:
    """Returns True for every kernel: the arrays that decoupled weight decay shrinks."""

    def is_kernel(path: tuple, _: Any) -> bool:
        return jax.tree_util.keystr(path, simple=True, separator="/").endswith("kernel")

    return jax.tree_util.tree_map_with_path(is_kernel, params)


def make_optimizer(config: Optim, steps: int) -> optax.GradientTransformation:
    """Returns the optimiser of `{"classifier": ..., "knowledge": ...}` parameters.

    Gradients are clipped by their global norm over both parts, then each part has its AdamW.
    """

    def adamw(rate: float) -> optax.GradientTransformation:
        schedule = make_schedule(config, steps)
        return optax.adamw(lambda step: rate * schedule(step), weight_decay=config.weight_decay, mask=decays)

    def part(params: Any) -> dict[str, str]:
        return {name: name for name in params}

    clip = optax.clip_by_global_norm(config.clip_norm) if config.clip_norm else optax.identity()
    return optax.chain(clip, optax.partition({"classifier": adamw(1.0), "knowledge": adamw(config.node_rate)}, part))
