"""Training on triples: every epoch in one compiled program, so that no step waits for Python."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import Array

from kgv_jax.embed.losses import Loss
from kgv_jax.embed.model import Model, Tables


class Settings(NamedTuple):
    """How long and how fast to train: the learning rate falls linearly to `last_rate` of its start."""

    dim: int = 64
    epochs: int = 60
    batch: int = 256
    learning_rate: float = 0.01
    last_rate: float = 0.0


class Trained(NamedTuple):
    """The parameters after the last epoch, and the mean loss of every epoch `[epochs]`."""

    parameters: Tables
    loss: Array


@functools.partial(jax.jit, static_argnames=("model", "loss", "num_nodes", "num_relations", "settings"))
def fit(
    triples: Array, key: Array, *, model: Model, loss: Loss, num_nodes: int, num_relations: int, settings: Settings
) -> Trained:
    """Trains `model` from scratch on `triples` `[M, 3]` with Adam; every epoch has an order of its own."""
    steps = -(-len(triples) // settings.batch)
    rate = optax.linear_schedule(
        settings.learning_rate, settings.last_rate * settings.learning_rate, settings.epochs * steps
    )
    optimizer = optax.adam(rate)
    init_key, order_key = jax.random.split(key)

    def batch_loss(parameters: Tables, batch: Array, weight: Array, step_key: Array) -> Array:
        values = loss(model, model.tables(parameters), batch, step_key)
        return jnp.sum(weight * values) / jnp.sum(weight)

    def step(state: Any, inputs: tuple[Array, Array, Array]) -> tuple[Any, Array]:
        parameters, moments = state
        value, gradient = jax.value_and_grad(batch_loss)(parameters, *inputs)
        updates, moments = optimizer.update(gradient, moments)
        return (optax.apply_updates(parameters, updates), moments), value

    def epoch(state: Any, epoch_key: Array) -> tuple[Any, Array]:
        keys = jax.random.split(epoch_key, steps + 1)
        state, values = jax.lax.scan(step, state, (*batches(triples, keys[0], settings.batch), keys[1:]))
        return state, jnp.mean(values)

    parameters = model.init(init_key, num_nodes, num_relations, settings.dim)
    state = parameters, optimizer.init(parameters)
    (parameters, _), losses = jax.lax.scan(epoch, state, jax.random.split(order_key, settings.epochs))
    return Trained(parameters, losses)


def batches(triples: Array, key: Array, batch: int) -> tuple[Array, Array]:
    """Returns every triple once, in random order, `[S, B, 3]`, and weights `[S, B]`: 0 for what fills the last one."""
    steps = -(-len(triples) // batch)
    order = jnp.resize(jax.random.permutation(key, len(triples)), steps * batch)
    weight = (jnp.arange(steps * batch) < len(triples)).astype(jnp.float32)
    return triples[order].reshape(steps, batch, 3), weight.reshape(steps, batch)
