"""Everything a run needs to go on, as one pytree."""

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
      seed: `[]` uint32, the run's. A number of the state and none of the program: all seeds share what is compiled.
      params: `{"classifier": ..., "knowledge": ...}` float32.
      batch_stats: running statistics of batch norm; empty with group norm.
      opt_state: the optimiser's moments.
      ema: moving average of `params`; empty without one.
      anchor: `{"params", "batch_stats"}` where fine-tuning began, for WiSE-FT; empty without it.
    """

    step: Array
    seed: Array
    params: Any
    batch_stats: Any
    opt_state: Any
    ema: Any
    anchor: Any


class Start(NamedTuple):
    """Arrays that replace random ones.

    Attributes:
      params: of the classifier, `{"encoder": ..., "decoder": ...}`.
      batch_stats: of the encoder.
      knowledge: of the objective, such as `{"mu": ...}`; what it does not have is left out.
    """

    params: Any
    batch_stats: Any
    graph_arrays: Any


def run_key(seed: Array) -> Array:
    """Returns the key that every random number of a run's programs comes from."""
    # The hardware generator compiles in a quarter of threefry's time.
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
    start: Start | None = None,
) -> State:
    """Returns the state before the first step; the encoder gets images of `image_shape` and `image_dtype`."""
    key = run_key(seed)
    images = jnp.zeros((1, *image_shape), image_dtype)
    variables = classifier.init(jax.random.fold_in(key, 0), images, train=False)
    start = start or Start({}, {}, {})
    graph_arrays = dict(objective.init(jax.random.fold_in(key, 1)))
    params = {
        "classifier": {**variables["params"], **start.params},
        "knowledge": graph_arrays | {name: rows for name, rows in start.graph_arrays.items() if name in graph_arrays},
    }
    batch_stats = {**variables.get("batch_stats", {}), **start.batch_stats}
    return State(
        step=jnp.zeros((), jnp.int32),
        seed=jnp.asarray(seed, jnp.uint32),
        params=params,
        batch_stats=batch_stats,
        opt_state=optimizer.init(params),
        ema=jax.tree.map(jnp.copy, params) if ema else {},
        anchor=jax.tree.map(jnp.copy, {"params": params, "batch_stats": batch_stats}) if anchored else {},
    )
