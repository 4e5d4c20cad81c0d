"""The training step and the evaluation step: pure functions, jitted over a mesh.

`make_train_step` and `make_eval_step` say what is computed; `jit_train_step` and `jit_eval_step` say where.
`compile_step` and `begin_stage` are what the training loop calls, once per stage.
"""

from __future__ import annotations

import contextlib
import logging
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
from kgv_jax.optim.stages import Stage
from kgv_jax.parallel import distributed
from kgv_jax.parallel.compilation import compiler_options, parameter_counts, step_cost
from kgv_jax.parallel.mesh import batch_sharding, replicated
from kgv_jax.run import wise_ft
from kgv_jax.run.build import Run
from kgv_jax.run.state import State, run_key
from kgv_jax.util.errors import UserError, nearest

_log = logging.getLogger(__name__)

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
    """Returns `step(state, batch, graph_arrays) -> (state, metrics)`, not yet jitted.

    Args:
      classifier, objective, optimizer: what is trained, for what, and how.
      accumulate: number of micro-batches. Gradients of weighted sums are added, and divided once by the weight of the
        whole batch, so the step equals that of the full batch. Batch norm is the exception: its statistics are those
        of a micro-batch.
      ema_decay: of the moving average of the parameters; 0 keeps none.
      frozen: patterns of parameters that are held constant. Their gradients are not computed. An encoder that is
        frozen as a whole runs as it does in evaluation.
      terms: names of the objective's terms that count; all if empty.
      fixed_statistics: batch norm normalises with its running statistics in training too.
    """
    coefficients = _coefficients(objective, terms)

    def loss_fn(
        params: Any, batch_stats: Any, batch: Batch, totals: Metrics, graph_arrays: GraphArrays, key: Array
    ) -> tuple:
        # Hold constant what is frozen.
        held = matching(params, frozen)
        encoder = jax.tree.leaves(held["classifier"].get("encoder", {}))  # one without parameters is not frozen
        params = jax.tree.map(lambda leaf, hold: jax.lax.stop_gradient(leaf) if hold else leaf, params, held)

        # Image side: encoder, projection, decoder.
        outputs, updated = classifier.apply(
            {"params": params["classifier"], "batch_stats": batch_stats},
            batch["image"],
            train=not (fixed_statistics or (encoder and all(encoder))),
            mutable=["batch_stats"],
            rngs={"drop_path": key, "dropout": jax.random.fold_in(key, 1)},
        )

        # Terms: one value and one weight per image, then the one division by the weight of the whole batch.
        def weighted(batch: Batch) -> Metrics:
            weights = objective.weights(batch, graph_arrays)
            values = objective.values(params["knowledge"], outputs, batch, graph_arrays, key)
            return {name: weights[name] * values[name] for name in coefficients}

        with _in_float32():
            values = _mixed(weighted, batch)
        means = {name: jnp.sum(values[name]) / totals[name] for name in values}
        hits = (outputs.logits.argmax(-1) == batch["label"]) * batch["labelled"]
        means["accuracy"] = hits.sum() / totals["ce"]
        # Penalties on the objective's own parameters. Every micro-batch counts its share.
        with _in_float32():
            penalty = objective.penalty(params["knowledge"], graph_arrays) / accumulate
        loss = sum(coefficients[name] * means[name] for name in values) + penalty
        return loss, (updated.get("batch_stats", batch_stats), means | {"loss": loss})

    def step(state: State, batch: Batch, graph_arrays: GraphArrays) -> tuple[State, Metrics]:
        # Weights depend on the batch alone, so the totals are known before any micro-batch is seen.
        weights = _mixed(lambda batch: objective.weights(batch, graph_arrays), batch)
        totals = {name: jnp.maximum(weight.sum(), 1.0) for name, weight in weights.items()}

        # Gradients, of the whole batch or added up over micro-batches.
        gradient = jax.grad(loss_fn, has_aux=True)
        key = jax.random.fold_in(run_key(state.seed), state.step)
        if accumulate == 1:
            grads, (batch_stats, metrics) = gradient(state.params, state.batch_stats, batch, totals, graph_arrays, key)
        else:
            grads, batch_stats, metrics = _accumulate(gradient, state, batch, totals, graph_arrays, key, accumulate)

        # Update; the optimiser sees the parameters, for decoupled weight decay.
        updates, opt_state = optimizer.update(grads, state.opt_state, state.params)
        params = optax.apply_updates(state.params, updates)
        ema = optax.incremental_update(params, state.ema, 1 - ema_decay) if ema_decay else state.ema
        metrics["gradient_norm"] = optax.tree.norm(grads)
        return State(state.step + 1, state.seed, params, batch_stats, opt_state, ema, state.anchor), metrics

    return step


def _in_float32() -> contextlib.AbstractContextManager[Any]:
    """Multiplies float32 as it is, for scores and losses; by default an accelerator rounds the factors.

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
    """Returns the terms `[B]` of a batch; for mixed images (mixup, cutmix), the weighted sum of both sources' terms.

    Every term is linear in the target, so mixing the terms is mixing the targets, and objectives need no code for it.
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
    """Returns gradients, running statistics and metrics of a batch that is taken in `parts` micro-batches."""

    def split(x: Array) -> Array:
        # Strided, so that every device cuts its own rows and none moves.
        return jnp.swapaxes(x.reshape(x.shape[0] // parts, parts, *x.shape[1:]), 0, 1)

    def body(carry: tuple, part: tuple[Batch, Array]) -> tuple[tuple, None]:
        (grads, batch_stats, metrics), (micro, index) = carry, part
        own_key = jax.random.fold_in(key, index)
        more, (batch_stats, values) = gradient(state.params, batch_stats, micro, totals, graph_arrays, own_key)
        return (jax.tree.map(jnp.add, grads, more), batch_stats, jax.tree.map(jnp.add, metrics, values)), None

    # The carry begins with zeros, whose shapes are those of one micro-batch's gradients and metrics.
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
    """Returns `evaluate(state, images, graph_arrays) -> (logits [B, C], graph_logits [B, C] or None)`.

    Evaluates the moving average of the parameters where there is one.
    """

    def evaluate(state: State, images: Array, graph_arrays: GraphArrays) -> tuple[Array, Array | None]:
        params = state.ema or state.params
        variables = {"params": params["classifier"], "batch_stats": state.batch_stats}
        outputs = classifier.apply(variables, images, train=False)
        with _in_float32():
            return outputs.logits, objective.graph_logits(params["knowledge"], outputs, graph_arrays)

    return evaluate


def jit_train_step(step: Callable, mesh: Mesh, shardings: State) -> Callable:
    """Jits a training step over the mesh; the new state is written over the memory of the old one."""
    return jax.jit(
        step,
        in_shardings=(shardings, batch_sharding(mesh), None),  # graph arrays lie where they were put
        out_shardings=(shardings, replicated(mesh)),
        donate_argnums=0,
        compiler_options=compiler_options(mesh),
    )


def copied_bytes(compiled: jax.stages.Compiled, state: State) -> int:
    """Returns how many bytes of the state, on each device, a compiled step copies instead of writing over them."""
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


def compile_step(run: Run, stage: Stage, state: State, batch: Any) -> Callable:
    """Compiles the training step of a stage, and logs what it costs before it runs."""
    config = run.config
    step = jit_train_step(
        make_train_step(
            run.classifier,
            run.objective,
            run.optimizer,
            accumulate=config.train.accumulate,
            ema_decay=config.optim.ema_decay,
            frozen=stage.frozen,
            terms=stage.terms,
            fixed_statistics=config.model.statistics == "fixed",
        ),
        run.mesh,
        run.shardings,
    )
    lowered = step.lower(state, batch, run.graph_arrays)
    compiled = lowered.compile()
    if copied := copied_bytes(compiled, state):
        _log.warning("The step copies %.3g MB of the state that it should write over.", copied / 1e6)
    total, trained = parameter_counts(state.params, matching(state.params, stage.frozen))
    if distributed.is_leader():
        _log.info(
            "%s, steps %d to %d: %.3g M parameters, %.3g M trained; %s.",
            stage.name.capitalize(), stage.start, stage.stop, total / 1e6, trained / 1e6, step_cost(lowered, compiled),
        )  # fmt: skip
    return compiled


def begin_stage(run: Run, stage: Stage, step: int, state: State) -> State:
    """Returns the state with which a stage begins, at its first step; a run resumed within the stage keeps its own.

    The objective may change its parameters (a graph network predicts the classifier, for example). Where fine-tuning
    begins, the anchor of WiSE-FT moves to the parameters as they are then.
    """
    moves_anchor = bool(step and state.anchor)
    changes = stage.name in run.objective.begins
    if step != stage.start or not (moves_anchor or changes):
        return state

    def begun(state: State, graph_arrays: GraphArrays) -> State:
        key = jax.random.fold_in(run_key(state.seed), stage.start)
        if changes:
            params = run.objective.begin(stage.name, state.params, graph_arrays, key)
            ema = run.objective.begin(stage.name, state.ema, graph_arrays, key) if state.ema else state.ema
            state = state._replace(params=params, ema=ema)
        return wise_ft.anchored(state) if moves_anchor else state

    return jax.jit(begun, out_shardings=run.shardings, donate_argnums=0)(state, run.graph_arrays)
