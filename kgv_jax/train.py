"""The main job, in the order in which things happen: build, restore, loop, evaluate."""

from __future__ import annotations

import contextlib
import logging
from typing import Any

import jax

from kgv_jax.config.schema import Config
from kgv_jax.evaluate import evaluate_run
from kgv_jax.init.weights import Published, load_weights, make_initial_values
from kgv_jax.parallel import distributed
from kgv_jax.parallel import mesh as mesh_lib
from kgv_jax.run.build import Run, make_run, make_state
from kgv_jax.run.checkpoint import Checkpointer
from kgv_jax.run.cost import Stopwatch
from kgv_jax.run.metrics import open_metric_log
from kgv_jax.run.preemption import StopRequest
from kgv_jax.run.restore import recorded_epsilon, restore_run
from kgv_jax.run.state import State
from kgv_jax.run.trained import describe_trained, write_trained
from kgv_jax.run.workdir import Workdir
from kgv_jax.train_step import begin_stage, compile_step
from kgv_jax.zero_shot.extended_graph import restore_with_graph

_log = logging.getLogger(__name__)


def train_and_evaluate(config: Config, workdir: Workdir) -> list[dict[str, Any]]:
    """Trains a run, or goes on with one that has begun, and evaluates it. Returns the records of `results.json`."""
    stopwatch = Stopwatch()
    with contextlib.closing(Checkpointer(workdir.checkpoints, keep=config.train.keep_checkpoints)) as checkpointer:
        # ------------------------------------------------------------------------------------------------------------
        # Build: data, graph, mask, model, objective, and the layout of the state. No parameter is computed yet.
        # Published weights come first, because they decide the epsilon of the encoder's layer norms. A run that goes
        # on has read them before, and has noted that epsilon in its folder.
        # ------------------------------------------------------------------------------------------------------------
        resumes = checkpointer.latest_step() is not None
        published = None if resumes else load_weights(config, workdir)
        run = make_run(config, epsilon=published.epsilon if published else recorded_epsilon(workdir))
        for note in run.experiment.notes:
            _log.warning("%s", note)
        write_trained(workdir, describe_trained(run.experiment, run.graph_arrays))

        # ------------------------------------------------------------------------------------------------------------
        # Restore: the newest checkpoint, or initial values where there is none.
        # ------------------------------------------------------------------------------------------------------------
        state = restore_or_init(run, checkpointer, published)

        # ------------------------------------------------------------------------------------------------------------
        # Loop: next batch, step, metrics of the step before, save.
        # ------------------------------------------------------------------------------------------------------------
        state = fit(run, state, workdir, checkpointer, stopwatch)

    # ----------------------------------------------------------------------------------------------------------------
    # Evaluate: predictions of every test domain, the trained nodes, and last results.json, the mark of a finished run.
    # ----------------------------------------------------------------------------------------------------------------
    return evaluate_run(run, state, workdir)


def restore_or_init(run: Run, checkpointer: Checkpointer, published: Published | None = None) -> State:
    """Returns the state of the newest checkpoint, or the state before the first step.

    Args:
      run: the run.
      checkpointer: of the run's folder.
      published: weights that the encoder begins with; None for random ones.
    """
    step = checkpointer.latest_step()
    if step is None:
        return make_state(run, make_initial_values(run.config, run.experiment, published))
    _log.info("Resuming at step %d of %d.", step, run.config.train.steps)
    return checkpointer.restore(step, run.restorable())


def fit(
    run: Run, state: State, workdir: Workdir, checkpointer: Checkpointer, stopwatch: Stopwatch | None = None
) -> State:
    """Trains from the step of `state` to the last one; returns the state there.

    The loop runs under the transfer guard: a line that moves an array between host and device, or waits for the
    device, has to do so explicitly, or raises an error.

    Raises:
      UserError: the loss is not finite.
      SystemExit: the run was asked to stop (SIGTERM, SIGINT); its state is saved.
    """
    steps, start = run.config.train.steps, int(jax.device_get(state.step))
    if start >= steps:
        checkpointer.save(start, state)
        return state
    if distributed.is_leader() and (form := run.objective.form(run.graph_arrays)):
        _log.info("%s.", form)

    pipeline, stage = run.experiment.pipeline, None
    # A batch is a function of (seed, step), so a resumed run needs no more of the data than its step.
    batches = pipeline.iterate(start, steps, prefetch=run.config.train.prefetch)
    images_per_step = sum(stream.per_step for stream in pipeline.streams)
    with (
        StopRequest() as stop,
        open_metric_log(run.config, workdir, start=start, images_per_step=images_per_step) as log,
        contextlib.closing(batches),
        jax.transfer_guard("disallow"),
    ):
        for step, batch in batches:
            # The next batch, onto the devices.
            arrays = mesh_lib.put_batch(batch, run.mesh)

            # A new stage: the objective may change its parameters, and the stage's step is compiled.
            if stage is None or step >= stage.stop:
                stage = next(stage for stage in run.stages if step < stage.stop)
                state = begin_stage(run, stage, step, state)
                train_step = compile_step(run, stage, state, arrays)

            # The step. It writes over the memory of the old state.
            state, metrics = train_step(state, arrays, run.graph_arrays)
            done = step + 1
            if stopwatch is not None:
                stopwatch.stepped(done)

            # Metrics of the step before: the device has this step to work on while they are read.
            log.add(done, metrics)

            # Save. The loss is checked first, so that no state after a loss that is not finite is kept.
            if done % run.config.train.checkpoint_every_steps == 0 or done == steps or stop.signal:
                log.flush()
                with jax.transfer_guard("allow"):
                    checkpointer.save(done, state)
            if stop.signal and done < steps:
                raise SystemExit(
                    f"Stopped by {stop.signal.name} after step {done}; saved. The same command goes on from there."
                )
    if stopwatch is not None and distributed.is_leader():
        stopwatch.write(workdir, step=steps, images_per_step=images_per_step)
    return state


def evaluate_only(config: Config, workdir: Workdir) -> list[dict[str, Any]]:
    """Evaluates the newest checkpoint of a run."""
    run, state = restore_run(config, workdir)
    write_trained(workdir, describe_trained(run.experiment, run.graph_arrays))
    return evaluate_run(run, state, workdir)


def evaluate_with_graph(config: Config, workdir: Workdir, path: str) -> list[dict[str, Any]]:
    """Evaluates the newest checkpoint of a run with the graph `path`, into a folder of its own below the run's."""
    run, state, folder = restore_with_graph(config, workdir, path)
    return evaluate_run(run, state, folder)
