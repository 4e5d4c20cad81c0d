"""The main job, in the order in which things happen."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import logging
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.sharding import Mesh

from kgv_jax import train_step as step_lib
from kgv_jax.config.schema import Config
from kgv_jax.data.types import VALIDATION
from kgv_jax.evaluate import evaluate_domains
from kgv_jax.experiment import build as experiment_lib
from kgv_jax.experiment.build import Experiment
from kgv_jax.experiment.class_roles import Trained
from kgv_jax.init.weights import load_weights, make_start, recorded_epsilon
from kgv_jax.methods.graph_arrays import GraphArrays, make_graph_arrays
from kgv_jax.methods.objective import Objective
from kgv_jax.methods.registry import make_objective
from kgv_jax.models import registry
from kgv_jax.models.classifier import DECODER_AXES, Classifier
from kgv_jax.models.infuse import make_infuse
from kgv_jax.models.pretrained.published import Published
from kgv_jax.models.spec import EncoderOptions
from kgv_jax.optim.optimizer import make_optimizer
from kgv_jax.optim.parameters import matching
from kgv_jax.optim.stages import Stage, plan_stages
from kgv_jax.parallel import distributed
from kgv_jax.parallel import mesh as mesh_lib
from kgv_jax.parallel.step_cost import parameter_counts, step_cost
from kgv_jax.run import wise_ft
from kgv_jax.run.checkpoint import Checkpointer
from kgv_jax.run.preemption import StopRequest
from kgv_jax.run.state import Start, State, init_state, run_key
from kgv_jax.run.trained_nodes import write_trained_nodes
from kgv_jax.run.workdir import Workdir
from kgv_jax.util.errors import UserError
from kgv_jax.util.progress import Progress
from kgv_jax.util.writers import MetricWriter
from kgv_jax.zero_shot import extended_graph

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Run:
    """What training and evaluation share: the model, its objective, the mesh, and a state's layout."""

    config: Config
    experiment: Experiment
    mesh: Mesh
    classifier: Classifier
    objective: Objective
    graph_arrays: GraphArrays
    abstract_state: State
    shardings: State

    @property
    def seed(self) -> np.uint32:
        """The run's seed as programs take it."""
        return np.uint32(self.config.seed)

    @property
    def optimizer(self) -> Any:
        """The optimiser of the config."""
        layers = registry.get(self.config.model.encoder).layers
        return make_optimizer(self.config.optim, self.stages, transfer=self.config.transfer, layers=layers)

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages of training."""
        return plan_stages(self.config)

    def restorable(self) -> State:
        """Returns the abstract state with the sharding of every array, for the checkpointer."""
        return jax.tree.map(
            lambda leaf, sharding: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding),
            self.abstract_state,
            self.shardings,
        )


def make_run(config: Config, *, epsilon: float | None = None, trained: Trained | None = None) -> Run:
    """Builds everything but the numbers of the state: shapes before memory.

    `epsilon` is what the weights to start from ask for, if not the family's own; `trained` what was trained, where the
    graph was another one.
    """
    mesh = mesh_lib.make_mesh(config.mesh.data, config.mesh.model)
    experiment = experiment_lib.build(
        config, process_index=jax.process_index(), process_count=jax.process_count(), trained=trained
    )
    for stream in experiment.pipeline.streams:
        mesh_lib.check_divisible(f"The number of {stream.name!r} images a step", stream.per_step, mesh)
    graph_arrays = make_graph_arrays(
        experiment.mask,
        class_nodes=experiment.class_nodes,
        class_rows=experiment.class_rows,
        parents=experiment.parents,
        shards=mesh.shape["model"],
    )
    graph_arrays = jax.device_put(graph_arrays, mesh_lib.graph_array_shardings(mesh, graph_arrays))
    classifier = make_classifier(config, num_classes=len(experiment.dataset.classes), epsilon=epsilon)
    objective = make_objective(config, graph_arrays, mesh)
    run = Run(config, experiment, mesh, classifier, objective, graph_arrays, None, None)
    abstract = jax.eval_shape(lambda: _initial_state(run, run.seed))
    return dataclasses.replace(run, abstract_state=abstract, shardings=mesh_lib.state_shardings(mesh, abstract))


def make_classifier(config: Config, *, num_classes: int, epsilon: float | None = None) -> Classifier:
    """Returns the classifier of a config."""
    model = config.model
    encoder = registry.get(model.encoder)
    side = model.input_px or config.data.size_px
    if side % encoder.multiple_px:
        below = max(side // encoder.multiple_px, 1) * encoder.multiple_px
        raise UserError(
            f"config.model.encoder = {model.encoder!r} reads images whose sides are multiples of "
            f"{encoder.multiple_px} px; they would be {side} px. Set --config.model.input_px={below} or "
            f"{below + encoder.multiple_px}."
        )
    options = EncoderOptions(
        norm=model.norm,
        dtype=jnp.dtype(model.dtype),
        remat=model.remat,
        drop_path=model.drop_path,
        epsilon=epsilon,
    )
    return Classifier(
        encoder.make(options),
        num_classes=num_classes,
        dim=model.dim,
        decoder=model.decoder,
        infuse=make_infuse(config.infuse, width=model.dim),
        mean=encoder.mean,
        std=encoder.std,
        input_px=model.input_px,
    )


def _initial_state(run: Run, seed: Array | np.uint32, start: Start | None = None) -> State:
    return init_state(
        seed,
        classifier=run.classifier,
        objective=run.objective,
        optimizer=run.optimizer,
        ema=run.config.optim.ema_decay > 0,
        anchored=wise_ft.is_enabled(run.config.transfer),
        image_shape=run.experiment.image_shape,
        image_dtype=run.experiment.image_dtype,
        start=start,
    )


def make_state(run: Run, start: Start | None = None) -> State:
    """Returns the state before the first step, made where it will live."""
    init = jax.jit(lambda seed, start: _initial_state(run, seed, start), out_shardings=run.shardings)
    return init(run.seed, start)


def train_and_evaluate(config: Config, workdir: Workdir) -> list[dict[str, Any]]:
    """Trains, or goes on training, and evaluates. Returns the records of `results.json`."""
    checkpointer = Checkpointer(workdir.checkpoints, keep=config.train.keep_checkpoints)
    try:
        published = None if checkpointer.latest_step() is not None else load_weights(config, workdir)
        run = make_run(config, epsilon=published.epsilon if published else recorded_epsilon(workdir))
        for note in run.experiment.notes:
            _log.warning("%s", note)
        _note_trained(run, workdir)
        state = fit(run, workdir, checkpointer, published)
    finally:
        checkpointer.close()
    return report(run, state, workdir)


def _note_trained(run: Run, workdir: Workdir) -> None:
    if distributed.is_leader():
        extended_graph.write_trained(workdir, extended_graph.note_trained(run.experiment, run.graph_arrays))


def evaluate_only(config: Config, workdir: Workdir) -> list[dict[str, Any]]:
    """Evaluates the newest checkpoint of a run."""
    run, state = restore_run(config, workdir)
    _note_trained(run, workdir)
    return report(run, state, workdir)


def restore_run(config: Config, workdir: Workdir) -> tuple[Run, State]:
    """Returns a run that has begun, and its newest checkpoint."""
    run = make_run(config, epsilon=recorded_epsilon(workdir))
    return run, _newest(run, workdir, lambda checkpointer, step: checkpointer.restore(step, run.restorable()))


def _newest(run: Run, workdir: Workdir, restore: Callable[[Checkpointer, int], State]) -> State:
    """Returns the newest state of a run, as `restore` reads it."""
    checkpointer = Checkpointer(workdir.checkpoints, keep=run.config.train.keep_checkpoints)
    try:
        step = checkpointer.latest_step()
        if step is None:
            raise UserError(
                f"{workdir.checkpoints} holds no checkpoint. Train first: python -m kgv_jax.main --config=FILE "
                f"--workdir={workdir.path}."
            )
        if step < run.config.train.steps:
            _log.warning(
                "The newest checkpoint is step %d of %d: training has not ended.", step, run.config.train.steps
            )
        return restore(checkpointer, step)
    finally:
        checkpointer.close()


def evaluate_with_graph(config: Config, workdir: Workdir, path: str) -> list[dict[str, Any]]:
    """Evaluates the newest checkpoint of a run with another graph, into a folder of its own below the run's."""
    trained, config = extended_graph.read_trained(workdir), extended_graph.config_for(config, path)
    run = make_run(config, epsilon=recorded_epsilon(workdir), trained=trained)
    extended_graph.check_graph(run.experiment, run.objective, trained)
    now = extended_graph.note_trained(run.experiment, run.graph_arrays)
    if distributed.is_leader():
        for note in (*run.experiment.notes, extended_graph.added(trained, now)):
            _log.warning("%s", note)
    target = extended_graph.folder_for(workdir, path)
    target.claim(config)
    if distributed.is_leader():
        _log.info("Predictions and results go to %s.", target.path)
    fresh = make_state(run)
    axes = {f"knowledge/{name}": kinds for name, kinds in run.objective.axes().items()}
    axes |= {f"classifier/decoder/{name}": kinds for name, kinds in DECODER_AXES.items()}

    def restore(checkpointer: Checkpointer, step: int) -> State:
        like = run.restorable()
        saved = checkpointer.restore(step, checkpointer.saved_shapes(step, like))
        adapt = functools.partial(extended_graph.adapt, axes=axes, trained=trained, now=now)
        anchor = saved.anchor and {**saved.anchor, "params": adapt(saved.anchor["params"], fresh.params)}
        state = fresh._replace(
            step=saved.step,
            params=adapt(saved.params, fresh.params),
            batch_stats=saved.batch_stats,
            ema=adapt(saved.ema, fresh.params) if saved.ema else saved.ema,
            anchor=anchor,
        )
        return jax.device_put(state, run.shardings)

    return report(run, _newest(run, workdir, restore), target)


def fit(run: Run, workdir: Workdir, checkpointer: Checkpointer, published: Published | None = None) -> State:
    """The loop: take the next batch, step, write the step before's metrics, save.

    Nothing in it may wait for the device, or move an array, without saying so: the transfer guard is on.
    """
    config = run.config
    start = checkpointer.latest_step()
    if start is None:
        start = 0
        state = make_state(run, make_start(config, run.experiment, published))
    else:
        _log.info("Resuming at step %d of %d.", start, config.train.steps)
        state = checkpointer.restore(start, run.restorable())
    if start >= config.train.steps:
        checkpointer.save(start, state)
        return state

    if distributed.is_leader() and (form := run.objective.form(run.graph_arrays)):
        _log.info("%s.", form)
    per_step = sum(stream.per_step for stream in run.experiment.pipeline.streams)
    batches = run.experiment.pipeline.iterate(start, config.train.steps, prefetch=config.train.prefetch)
    with (
        StopRequest() as stop,
        MetricWriter(workdir.path, resumed_step=start) as writer,
        Progress(config.train.steps, images_per_step=per_step, start_step=start) as progress,
        contextlib.closing(batches),
        jax.transfer_guard("disallow"),
    ):
        stage: Stage | None = None
        before: tuple[int, Any] | None = None
        for index, batch in batches:
            arrays = mesh_lib.put_batch(batch, run.mesh)
            if stage is None or index >= stage.stop:
                stage = next(stage for stage in run.stages if index < stage.stop)
                state = _begin(run, stage, index, state)
                step_fn = compile_step(run, stage, state, arrays)
            state, metrics = step_fn(state, arrays, run.graph_arrays)
            done = index + 1
            if before is not None:
                # One step late, so that the device never waits for Python.
                _report_metrics(config, writer, progress, *before)
            before = (done, metrics)
            if done % config.train.checkpoint_every_steps == 0 or done == config.train.steps or stop.signal:
                # Told first: a state whose loss is not finite is never saved.
                _report_metrics(config, writer, progress, *before, save=True)
                before = None
                with jax.transfer_guard("allow"):
                    checkpointer.save(done, state)
            if stop.signal and done < config.train.steps:
                raise SystemExit(
                    f"Stopped by {stop.signal.name} after step {done}; saved. The same command goes on from there."
                )
    return state


def _begin(run: Run, stage: Stage, index: int, state: State) -> State:
    """Lets the objective change its parameters, and drops the anchor of WiSE-FT where a probe has ended."""
    anchors = bool(index and state.anchor)
    changes = stage.name in run.objective.begins
    if index != stage.start or not (anchors or changes):  # resumed within the stage, or nothing to do
        return state

    def begun(state: State, graph_arrays: GraphArrays) -> State:
        key = jax.random.fold_in(run_key(state.seed), stage.start)
        if changes:
            params = run.objective.begin(stage.name, state.params, graph_arrays, key)
            ema = run.objective.begin(stage.name, state.ema, graph_arrays, key) if state.ema else state.ema
            state = state._replace(params=params, ema=ema)
        return wise_ft.anchored(state) if anchors else state

    return jax.jit(begun, out_shardings=run.shardings, donate_argnums=0)(state, run.graph_arrays)


def compile_step(run: Run, stage: Stage, state: State, arrays: Any) -> Callable:
    """Compiles the step of a stage, and tells its cost before it runs."""
    config = run.config
    step_fn = step_lib.jit_train_step(
        step_lib.make_train_step(
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
    lowered = step_fn.lower(state, arrays, run.graph_arrays)
    compiled = lowered.compile()
    if copied := step_lib.copied_bytes(compiled, state):
        _log.warning("The step copies %.3g MB of the state that it was given to write over.", copied / 1e6)
    total, trained = parameter_counts(state.params, matching(state.params, stage.frozen))
    if distributed.is_leader():
        _log.info(
            "%s, steps %d to %d: %.3g M parameters, %.3g M trained; %s.",
            stage.name.capitalize(), stage.start, stage.stop, total / 1e6, trained / 1e6, step_cost(lowered, compiled),
        )  # fmt: skip
    return compiled


class _OnDevice(NamedTuple):
    """A number on a device, fetched when it is read. `float` of an array is a transfer that the guard forbids."""

    value: Array

    def __float__(self) -> float:
        return float(jax.device_get(self.value))


def _report_metrics(
    config: Config, writer: MetricWriter, progress: Progress, step: int, metrics: Any, *, save: bool = False
) -> None:
    """Shows the progress, writes the metrics of every `log_every_steps`-th step and the last, checks the loss."""
    leader = distributed.is_leader()
    if leader:
        progress.update(step, _OnDevice(metrics["loss"]))
    write = step % config.train.log_every_steps == 0 or step == config.train.steps
    if not (write or save):
        return
    values = {name: float(value) for name, value in jax.device_get(metrics).items()}
    if leader and write:
        writer.write(step, values)
    if not np.isfinite(values["loss"]):
        raise UserError(
            f"The loss is {values['loss']} at step {step}. Lower config.optim.learning_rate or set "
            "config.optim.clip_norm; no state after a loss that is not finite was saved."
        )


def report(run: Run, state: State, workdir: Workdir) -> list[dict[str, Any]]:
    """Evaluates every domain; writes predictions, nodes, the curve of WiSE-FT, `validation.json`, `results.json`."""
    evaluate = step_lib.jit_eval_step(step_lib.make_eval_step(run.classifier, run.objective), run.mesh, run.shardings)

    def records_of(state: State, workdir: Workdir | None) -> list[dict[str, Any]]:
        return evaluate_domains(
            evaluate,
            state,
            run.graph_arrays,
            run.experiment.domains,
            config=run.config,
            classes=run.experiment.dataset.classes,
            roles=run.experiment.roles,
            workdir=workdir,
            mesh=run.mesh,
        )

    if wise_ft.is_enabled(run.config.transfer):
        average = jax.jit(wise_ft.average, out_shardings=run.shardings)
        curve = wise_ft.curve(run.config.transfer, lambda alpha: records_of(average(state, alpha), None))
        if distributed.is_leader():
            workdir.write_records("wise_ft.json", curve)
        state = average(state, run.config.transfer.alpha)
    records = records_of(state, workdir)
    write_trained_nodes(run.config, workdir, run.experiment, run.objective, state.ema or state.params, run.mesh)
    if distributed.is_leader():
        workdir.write_records("validation.json", [r for r in records if r["domain"] == VALIDATION])
        # Last, because it is the mark of a finished run.
        workdir.write_records("results.json", [r for r in records if r["domain"] != VALIDATION])
    return workdir.read_results() or []
