"""The state of training, as one pytree: all that a run needs to go on."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import Array

from kgv_jax.methods.objective import Objective
from kgv_jax.models.classifier import Classifier


class State(NamedTuple):
    """The resumable state. Batches and random keys are functions of `seed` and `step`, so they are not in it.

    Attributes:
      step: `[]` int32, optimiser steps taken.
      seed: `[]` uint32, the run's. It is part of the state and not of the program, so all seeds share what is compiled.
      params: `{"classifier": ..., "knowledge": ...}` float32; "knowledge" holds the parameters of the objective.
      batch_stats: running statistics of batch norm; empty with group norm.
      opt_state: the optimiser's moments.
      ema: moving average of `params`; empty without one.
      anchor: `{"params", "batch_stats"}` where fine-tuning began, for WiSE-FT (`wise_ft.py`); empty without it.
    """

    step: Array
    seed: Array
    params: Any
    batch_stats: Any
    opt_state: Any
    ema: Any
    anchor: Any


class InitialValues(NamedTuple):
    """Arrays that take the place of random ones in a new run.

    Attributes:
      params: of the classifier, `{"encoder": ..., "decoder": ...}`.
      batch_stats: running statistics, `{"encoder": ...}`.
      knowledge: parameters of the objective, such as `{"mu": ...}`; names that it does not have are left out.
    """

    params: Any
    batch_stats: Any
    knowledge: Any


def run_key(seed: Array) -> Array:
    """Returns the key that every random number of a run's programs comes from."""
    # "rbg", the hardware's generator, compiles in a quarter of threefry's time.
    return jax.random.key(seed, impl="rbg")


def init_state(
    seed: Array,
    *,
    classifier: Classifier,
    objective: Objective,
    optimizer: optax.GradientTransformation,
    image_shape: tuple[int, ...],
    image_dtype: Any = jnp.uint8,
    ema: bool,
    anchored: bool = False,
    values: InitialValues | None = None,
) -> State:
    """Returns the state before the first step.

    Args:
      seed: the run's.
      classifier, objective, optimizer: what the state is for.
      image_shape, image_dtype: of the images that the encoder gets, without the batch.
      ema: whether a moving average of the parameters is kept.
      anchored: whether the state keeps where fine-tuning begins, for WiSE-FT.
      values: arrays that take the place of random ones.
    """
    key = run_key(seed)
    images = jnp.zeros((1, *image_shape), image_dtype)
    variables = classifier.init(jax.random.fold_in(key, 0), images, train=False)
    values = values or InitialValues({}, {}, {})
    knowledge = dict(objective.init(jax.random.fold_in(key, 1)))
    params = {
        "classifier": {**variables["params"], **values.params},
        "knowledge": knowledge | {name: rows for name, rows in values.knowledge.items() if name in knowledge},
    }
    batch_stats = {**variables.get("batch_stats", {}), **values.batch_stats}
    return State(
        step=jnp.zeros((), jnp.int32),
        seed=jnp.asarray(seed, jnp.uint32),
        params=params,
        batch_stats=batch_stats,
        opt_state=optimizer.init(params),
        ema=jax.tree.map(jnp.copy, params) if ema else {},
        anchor=jax.tree.map(jnp.copy, {"params": params, "batch_stats": batch_stats}) if anchored else {},
    )
