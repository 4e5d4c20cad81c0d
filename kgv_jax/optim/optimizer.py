"""AdamW with warm-up, cosine and clipping, and separate learning rates for the encoder, its layers and the graph."""

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
_SLOW = 0.1  # share of a stage's rate that `slow` parameters get


def make_schedule(stages: Sequence[Stage], warmup_steps: int) -> optax.Schedule:
    """Returns the schedule of some stages: each a linear warm-up to its peak and a cosine to zero.

    Its steps are those of the stages alone, one after the other; steps of other stages between them do not count.
    """
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

    Gradients are clipped by their global norm over all parts. Then each part has its own AdamW: the encoder, the layers
    on top of it, and the graph side. A stage that freezes a parameter leaves its value and its moments as they are: a
    parameter that the first stage freezes begins its schedule and its moments in the second. A parameter that every
    stage freezes has no moments, and costs no memory for them.

    Args:
      config: learning rate, warm-up, decay and clipping.
      stages: what is trained from which step to which.
      transfer: rates of the encoder and of its layers.
      layers: patterns of the encoder's layers, input first (`EncoderSpec.layers`).
    """
    transfer = transfer or Transfer()
    rates = {"encoder": transfer.encoder_rate, "classifier": 1.0, "knowledge": config.node_rate}
    clip = optax.clip_by_global_norm(config.clip_norm) if config.clip_norm else optax.identity()

    def adamw(part: str, active: Sequence[Stage]) -> optax.GradientTransformation:
        schedule = make_schedule(active, config.warmup_steps)
        update = optax.adamw(lambda step: rates[part] * schedule(step), weight_decay=config.weight_decay, mask=decays)
        if part == "encoder" and transfer.layer_decay < 1:
            update = optax.chain(update, _scale_by_layer(layers, transfer.layer_decay))
        # Outside its active stages the update is zero and the schedule's own count of steps stands still.
        if len(active) < len(stages):
            update = optax.transforms.conditionally_mask(update, lambda step: _within(active, step))
        return update

    def parts(params: Any) -> optax.GradientTransformation:
        labels = jax.tree_util.tree_map_with_path(_label, params, *(_shares(params, stage) for stage in stages))
        transforms = {_FROZEN: optax.set_to_zero()}
        # Sorted, because this order enters the compiled program: every process and every later start need the same.
        for label in sorted(set(jax.tree.leaves(labels)) - {_FROZEN}):
            part, *shares = label.split()
            active = [
                dataclasses.replace(stage, learning_rate=float(share) * stage.learning_rate)
                for stage, share in zip(stages, shares, strict=True)
                if float(share)
            ]
            transforms[label] = adamw(part, active)
        return optax.partition(transforms, labels)

    # The parts depend on the parameters, which are known in `init` and `update` alone.
    by_part = optax.GradientTransformation(
        lambda params: parts(params).init(params),
        lambda updates, state, params=None: parts(params).update(updates, state, params),
    )
    return optax.chain(clip, by_part)


def _shares(params: Any, stage: Stage) -> Any:
    """Returns for every parameter its share of a stage's rate: 0 frozen, 0.1 slow, else 1."""
    held, slow = matching(params, stage.frozen), matching(params, stage.slow)
    return jax.tree.map(lambda held, slow: 0.0 if held else _SLOW if slow else 1.0, held, slow)


def _label(keys: tuple, _: Any, *shares: float) -> str:
    """Returns `PART SHARE ...`, the share of each stage's rate: parameters with one label have one optimiser."""
    part = path_of(keys).partition("/")[0]
    part = part if part in ("encoder", "knowledge") else "classifier"
    return " ".join([part, *map(str, shares)]) if any(shares) else _FROZEN


def _within(stages: Sequence[Stage], step: Array) -> Array:
    return jnp.any(jnp.stack([(step >= stage.start) & (step < stage.stop) for stage in stages]))


def _scale_by_layer(layers: Sequence[str], decay: float) -> optax.GradientTransformation:
    def update(updates: Any, _params: Any) -> Any:
        return jax.tree.map(lambda update, rate: rate * update, updates, layer_rates(updates, layers, decay))

    return optax.stateless(update)
