"""AdamW with warm-up, cosine and clipping; learning rates of their own for the encoder, its layers, and the graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import optax

from kgv_jax.config_schema import Optim, Transfer
from kgv_jax.optim.parameters import layer_rates, matching, path_of
from kgv_jax.optim.stages import plan_stages


def make_schedule(config: Optim, steps: int, *, peak: float | None = None) -> optax.Schedule:
    """Returns a linear warm-up to the peak, then a cosine to zero at `steps`."""
    if not steps:
        return optax.constant_schedule(0.0)
    peak = config.learning_rate if peak is None else peak
    return optax.warmup_cosine_decay_schedule(0.0, peak, config.warmup_steps, steps)


def decays(params: Any) -> Any:
    """Returns True for every kernel: the arrays that decoupled weight decay shrinks."""

    def is_kernel(path: tuple, _: Any) -> bool:
        return jax.tree_util.keystr(path, simple=True, separator="/").endswith("kernel")

    return jax.tree_util.tree_map_with_path(is_kernel, params)


def make_optimizer(
    config: Optim, steps: int, *, transfer: Transfer | None = None, layers: Sequence[str] = (".*",)
) -> optax.GradientTransformation:
    """Returns the optimiser of `{"classifier": ..., "knowledge": ...}` parameters.

    Gradients are clipped by their global norm over all parts, then each part has its AdamW: the encoder, what
    stands on it, and the graph side. What is frozen throughout has no moments. An encoder that is frozen
    in a first stage starts its schedule and its moments after it.
    """
    transfer = transfer or Transfer()
    probe = min(transfer.probe_steps, steps)
    main = make_schedule(config, steps - probe)
    both = main
    if probe:
        both = optax.join_schedules([make_schedule(config, probe, peak=transfer.probe_learning_rate), main], [probe])

    def adamw(schedule: optax.Schedule, rate: float) -> optax.GradientTransformation:
        return optax.adamw(lambda step: rate * schedule(step), weight_decay=config.weight_decay, mask=decays)

    encoder = adamw(main, transfer.encoder_rate)
    if transfer.layer_decay < 1:
        encoder = optax.chain(encoder, _scale_by_layer(layers, transfer.layer_decay))
    if probe:
        encoder = optax.transforms.conditionally_mask(encoder, lambda step: step >= probe)
    parts = {
        "encoder": encoder,
        "classifier": adamw(both, 1.0),
        "knowledge": adamw(both, config.node_rate),
        "frozen": optax.set_to_zero(),
    }
    throughout = plan_stages(transfer, max(steps, 1))[-1].frozen

    def part(params: Any) -> Any:
        def name(keys: tuple, frozen: bool) -> str:
            room = path_of(keys).partition("/")[0]
            return "frozen" if frozen else room if room in ("encoder", "knowledge") else "classifier"

        return jax.tree_util.tree_map_with_path(name, matching(params, throughout))

    clip = optax.clip_by_global_norm(config.clip_norm) if config.clip_norm else optax.identity()
    return optax.chain(clip, optax.partition(parts, part))


def _scale_by_layer(layers: Sequence[str], decay: float) -> optax.GradientTransformation:
    def update(updates: Any, params: Any) -> Any:
        del params
        return jax.tree.map(lambda update, rate: rate * update, updates, layer_rates(updates, layers, decay))

    return optax.stateless(update)
