"""AdamW with warm-up, cosine and clipping; learning rates of their own for the encoder, its layers, and the graph."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import Array

from kgv_jax.config.schema import Optim, Transfer
from kgv_jax.optim.parameters import layer_rates, matching, path_of
from kgv_jax.optim.stages import Stage

_FROZEN = "frozen"
_SLOW = 0.1  # share of a stage's rate


def make_schedule(stages: Sequence[Stage], warmup_steps: int) -> optax.Schedule:
    """Returns for each stage a linear warm-up to its peak, then a cosine to zero; steps between stages do not count."""
    lengths = [stage.stop - stage.start for stage in stages]
    pieces = [
        optax.warmup_cosine_decay_schedule(0.0, stage.learning_rate, warmup_steps, length)
        for stage, length in zip(stages, lengths, strict=True)
    ]
    return optax.join_schedules(pieces, list(itertools.accumulate(lengths))[:-1])


def decays(params: Any) -> Any:
    """Returns True for every kernel: the arrays that decoupled weight decay shrinks."""

    def is_kernel(path: tuple, _: Any) -> bool:
        return jax.tree_util.keystr(path, simple=True, separator="/").endswith("kernel")

    return jax.tree_util.tree_map_with_path(is_kernel, params)


def make_optimizer(
    config: Optim, stages: Sequence[Stage], *, transfer: Transfer | None = None, layers: Sequence[str] = (".*",)
) -> optax.GradientTransformation:
    """Returns the optimiser of `{"classifier": ..., "knowledge": ...}` parameters.

    Gradients are clipped by their global norm over all parts, then each part has its AdamW: the encoder, what stands on
    it, and the graph side. What a stage freezes stays as it is meanwhile, its moments too: a parameter that a first
    stage freezes starts its schedule and its moments after it. What is frozen throughout has no moments.
    """
    transfer = transfer or Transfer()
    rates = {"encoder": transfer.encoder_rate, "classifier": 1.0, "knowledge": config.node_rate}
    clip = optax.clip_by_global_norm(config.clip_norm) if config.clip_norm else optax.identity()

    def adamw(room: str, active: Sequence[Stage]) -> optax.GradientTransformation:
        schedule = make_schedule(active, config.warmup_steps)
        part = optax.adamw(lambda step: rates[room] * schedule(step), weight_decay=config.weight_decay, mask=decays)
        if room == "encoder" and transfer.layer_decay < 1:
            part = optax.chain(part, _scale_by_layer(layers, transfer.layer_decay))
        if len(active) < len(stages):
            part = optax.transforms.conditionally_mask(part, lambda step: _within(active, step))
        return part

    def parts(params: Any) -> optax.GradientTransformation:
        labels = jax.tree_util.tree_map_with_path(_label, params, *(_shares(params, stage) for stage in stages))
        transforms = {_FROZEN: optax.set_to_zero()}
        # Sorted, because the order is that of the compiled program: every process, and the next start, has the same.
        for label in sorted(set(jax.tree.leaves(labels)) - {_FROZEN}):
            room, *shares = label.split()
            active = [
                dataclasses.replace(stage, learning_rate=float(share) * stage.learning_rate)
                for stage, share in zip(stages, shares, strict=True)
                if float(share)
            ]
            transforms[label] = adamw(room, active)
        return optax.partition(transforms, labels)

    # Which parts there are follows from the parameters, so the partition is made when they are seen.
    by_part = optax.GradientTransformation(
        lambda params: parts(params).init(params),
        lambda updates, state, params=None: parts(params).update(updates, state, params),
    )
    return optax.chain(clip, by_part)


def _shares(params: Any, stage: Stage) -> Any:
    """Returns of every parameter what share of a stage's rate is its own."""
    held, slow = matching(params, stage.frozen), matching(params, stage.slow)
    return jax.tree.map(lambda held, slow: 0.0 if held else _SLOW if slow else 1.0, held, slow)


def _label(keys: tuple, _: Any, *shares: float) -> str:
    """Returns `ROOM SHARE ...`: its room, its share of each stage's rate; all that tells its optimiser from others."""
    room = path_of(keys).partition("/")[0]
    room = room if room in ("encoder", "knowledge") else "classifier"
    return " ".join([room, *map(str, shares)]) if any(shares) else _FROZEN


def _within(stages: Sequence[Stage], step: Array) -> Array:
    return jnp.any(jnp.stack([(step >= stage.start) & (step < stage.stop) for stage in stages]))


def _scale_by_layer(layers: Sequence[str], decay: float) -> optax.GradientTransformation:
    def update(updates: Any, params: Any) -> Any:
        del params
        return jax.tree.map(lambda update, rate: rate * update, updates, layer_rates(updates, layers, decay))

    return optax.stateless(update)
