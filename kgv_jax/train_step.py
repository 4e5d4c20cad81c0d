"""The training step and the evaluation step: pure functions, jitted over a mesh."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import Array
from jax.sharding import Mesh

from kgv_jax.methods.graph_arrays import GraphArrays
from kgv_jax.methods.objective import Batch, Objective
from kgv_jax.models.classifier import Classifier
from kgv_jax.optim.parameters import matching
from kgv_jax.parallel.compiler import compiler_options
from kgv_jax.parallel.mesh import batch_sharding, replicated
from kgv_jax.run.state import State, run_key
from kgv_jax.util.errors import UserError, nearest

Metrics = dict[str, Array]


def make_train_step(
    classifier: Classifier,
    objective: Objective,
    optimizer: optax.GradientTransformation,
    *,
    accumulate: int = 1,
    ema_decay: float = 0.0,
    frozen: Sequence[str] = (),
    terms: Sequence[str] = (),
    fixed_statistics: bool = False,
) -> Callable[[State, Batch, GraphArrays], tuple[State, Metrics]]:
    """Returns `step(state, batch, knowledge) -> (state, metrics)`, not yet jitted.

    Of the objective's terms only those named in `terms` count, all if none is. What matches a pattern of `frozen` is
    held constant, so that no gradient of it is computed. An encoder that is frozen as a whole, or whose statistics are
    fixed, runs as it does in evaluation.

    With `accumulate` micro-batches, gradients of weighted sums are added and divided once by the
    weight of the whole batch, so the step equals that of the full batch (but for batch norm, whose
    statistics are those of a micro-batch).
    """
    coefficients = _coefficients(objective, terms)

    def loss_fn(
        params: Any, batch_stats: Any, batch: Batch, totals: Metrics, graph_arrays: GraphArrays, key: Array
    ) -> tuple:
        held = matching(params, frozen)
        encoder = jax.tree.leaves(held["classifier"].get("encoder", {}))  # one without parameters is not frozen
        params = jax.tree.map(lambda leaf, hold: jax.lax.stop_gradient(leaf) if hold else leaf, params, held)
        outputs, updated = classifier.apply(
            {"params": params["classifier"], "batch_stats": batch_stats},
            batch["image"],
            train=not (fixed_statistics or (encoder and all(encoder))),
            mutable=["batch_stats"],
            rngs={"drop_path": key, "dropout": jax.random.fold_in(key, 1)},
        )

        def weighted(batch: Batch) -> Metrics:
            weights = objective.weights(batch, graph_arrays)
            values = objective.values(params["knowledge"], outputs, batch, graph_arrays, key)
            return {name: weights[name] * values[name] for name in coefficients}

        with _in_float32():
            values = _mixed(weighted, batch)
        means = {name: jnp.sum(values[name]) / totals[name] for name in values}
        hits = (outputs.logits.argmax(-1) == batch["label"]) * batch["labelled"]
        means["accuracy"] = hits.sum() / totals["ce"]
        with _in_float32():
            penalty = objective.penalty(params["knowledge"], graph_arrays) / accumulate
        loss = sum(coefficients[name] * means[name] for name in values) + penalty
        return loss, (updated.get("batch_stats", batch_stats), means | {"loss": loss})

    def step(state: State, batch: Batch, graph_arrays: GraphArrays) -> tuple[State, Metrics]:
        weights = _mixed(lambda batch: objective.weights(batch, graph_arrays), batch)
        totals = {name: jnp.maximum(weight.sum(), 1.0) for name, weight in weights.items()}
        gradient = jax.grad(loss_fn, has_aux=True)
        key = jax.random.fold_in(run_key(state.seed), state.step)
        if accumulate == 1:
            grads, (batch_stats, metrics) = gradient(state.params, state.batch_stats, batch, totals, graph_arrays, key)
        else:
            grads, batch_stats, metrics = _accumulate(gradient, state, batch, totals, graph_arrays, key, accumulate)
        updates, opt_state = optimizer.update(grads, state.opt_state, state.params)
        params = optax.apply_updates(state.params, updates)
        ema = optax.incremental_update(params, state.ema, 1 - ema_decay) if ema_decay else state.ema
        metrics["gradient_norm"] = optax.tree.norm(grads)
        return State(state.step + 1, state.seed, params, batch_stats, opt_state, ema, state.anchor), metrics

    return step


def _in_float32() -> contextlib.AbstractContextManager[Any]:
    """Scores and losses are products of float32 as they are; by default an accelerator rounds what it multiplies.

    Encoder and decoder keep the default. On an H100, TF32 moved sums of log-odds by 2e-4 of their size.
    """
    return jax.default_matmul_precision("highest")


def _coefficients(objective: Objective, terms: Sequence[str]) -> dict[str, float]:
    known = objective.coefficients()
    for term in terms:
        if term not in known:
            raise UserError(
                f"config.train.stages has terms={term}{nearest(term, known)}; method {objective.config.method!r} has "
                f"{', '.join(known)}."
            )
    return {name: known[name] for name in terms or known}


def _mixed(terms: Callable[[Batch], Metrics], batch: Batch) -> Metrics:
    """Returns the terms `[B]` of a batch; of mixed images (mixup, cutmix), those of both shares.

    Every term is linear in what an image is said to show, so mixing the terms mixes the targets.
    """
    own = terms(batch)
    if "own_share" not in batch:
        return own
    share = batch["own_share"]
    other = terms({**batch, "label": batch["partner_label"], "mask_ids": batch["partner_mask_ids"]})
    return {name: share * own[name] + (1 - share) * other[name] for name in own}


def _accumulate(
    gradient: Callable, state: State, batch: Batch, totals: Metrics, graph_arrays: GraphArrays, key: Array, parts: int
) -> tuple[Any, Any, Metrics]:
    def split(x: Array) -> Array:
        # Strided, so that every device cuts its own rows and none moves.
        return jnp.swapaxes(x.reshape(x.shape[0] // parts, parts, *x.shape[1:]), 0, 1)

    def body(carry: tuple, part: tuple[Batch, Array]) -> tuple[tuple, None]:
        (grads, batch_stats, metrics), (micro, index) = carry, part
        own_key = jax.random.fold_in(key, index)
        more, (batch_stats, values) = gradient(state.params, batch_stats, micro, totals, graph_arrays, own_key)
        return (jax.tree.map(jnp.add, grads, more), batch_stats, jax.tree.map(jnp.add, metrics, values)), None

    micros = jax.tree.map(split, dict(batch))
    first = jax.tree.map(lambda x: x[0], micros)
    shapes = jax.eval_shape(gradient, state.params, state.batch_stats, first, totals, graph_arrays, key)
    zeros = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)
    carry = (zeros[0], state.batch_stats, zeros[1][1])
    (grads, batch_stats, metrics), _ = jax.lax.scan(body, carry, (micros, jnp.arange(parts)))
    return grads, batch_stats, metrics


def make_eval_step(
    classifier: Classifier, objective: Objective
) -> Callable[[State, Array, GraphArrays], tuple[Array, Array | None]]:
    """Returns `evaluate(state, images, knowledge) -> (logits [B, C], knowledge scores [B, C] or None)`.

    Uses the moving average of the parameters where there is one.
    """

    def evaluate(state: State, images: Array, graph_arrays: GraphArrays) -> tuple[Array, Array | None]:
        params = state.ema or state.params
        variables = {"params": params["classifier"], "batch_stats": state.batch_stats}
        outputs = classifier.apply(variables, images, train=False)
        with _in_float32():
            return outputs.logits, objective.graph_logits(params["knowledge"], outputs, graph_arrays)

    return evaluate


def jit_train_step(step: Callable, mesh: Mesh, shardings: State) -> Callable:
    """Jits a training step over the mesh; the old state's memory is given to the new one."""
    return jax.jit(
        step,
        in_shardings=(shardings, batch_sharding(mesh), None),  # knowledge lies where it was put
        out_shardings=(shardings, replicated(mesh)),
        donate_argnums=0,
        compiler_options=compiler_options(mesh),
    )


def copied_bytes(compiled: jax.stages.Compiled, state: State) -> int:
    """Returns how many bytes of the state, on each device, a compiled step does not write over but copies."""
    given = sum(
        math.prod(leaf.sharding.shard_shape(leaf.shape)) * leaf.dtype.itemsize for leaf in jax.tree.leaves(state)
    )
    return max(0, given - int(compiled.memory_analysis().alias_size_in_bytes))


def jit_eval_step(evaluate: Callable, mesh: Mesh, shardings: State) -> Callable:
    """Jits an evaluation step over the mesh; every process gets all rows."""
    return jax.jit(
        evaluate,
        in_shardings=(shardings, batch_sharding(mesh), None),
        out_shardings=replicated(mesh),
        compiler_options=compiler_options(mesh),
    )
