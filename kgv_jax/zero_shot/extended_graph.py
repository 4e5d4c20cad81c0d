"""Evaluation with an extended graph: `--mode=eval --kg.path=NEW` recognises classes that the graph adds, untrained.

The trained parameters are found by name, wherever the new graph puts their rows. What the graph adds has no trained
parameters: new nodes are ignored in every row of the mask, and new rows (of nodes, or of a decoder) keep the initial
values of a run of this seed. A new class is recognised by the trained facts that it states (`kgv.density_head`).
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import logging
import pathlib
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kgv_jax.config.schema import Config
from kgv_jax.data.types import SEEN
from kgv_jax.experiment.build import Experiment
from kgv_jax.experiment.class_roles import Trained
from kgv_jax.kg.names import local_name
from kgv_jax.methods.objective import CLASSES, FACTS, NODES, RELATIONS, Objective
from kgv_jax.models.classifier import DECODER_AXES
from kgv_jax.parallel import distributed
from kgv_jax.run.build import Run, make_run, make_state
from kgv_jax.run.checkpoint import Checkpointer
from kgv_jax.run.restore import recorded_epsilon, restore_newest
from kgv_jax.run.state import State
from kgv_jax.run.trained import describe_trained, read_trained
from kgv_jax.run.workdir import Workdir
from kgv_jax.util.errors import UserError

_log = logging.getLogger(__name__)


def restore_with_graph(config: Config, workdir: Workdir, path: str) -> tuple[Run, State, Workdir]:
    """Returns a trained run under the graph `path`, its newest state, and the folder for its results.

    Args:
      config: of the run.
      workdir: its folder; nothing in it is written over.
      path: the new graph.

    Raises:
      UserError: the run or the graph cannot be used for this; see `config_for` and `check_graph`.
    """
    # Build the run under the new graph, and check that it can use what was trained.
    trained, config = read_trained(workdir), config_for(config, path)
    run = make_run(config, epsilon=recorded_epsilon(workdir), trained=trained)
    check_graph(run.experiment, run.objective, trained)
    now = describe_trained(run.experiment, run.graph_arrays)

    # Say what the graph adds, and claim a folder for it.
    folder = folder_for(workdir, path)
    if distributed.is_leader():
        for note in (*run.experiment.notes, added(trained, now)):
            _log.warning("%s", note)
    folder.claim(config)
    if distributed.is_leader():
        _log.info("Predictions and results go to %s.", folder.path)

    # Restore the checkpoint in its own shapes, and put every trained row where the new graph has it.
    fresh = make_state(run)
    axes = {f"knowledge/{name}": kinds for name, kinds in run.objective.axes().items()}
    axes |= {f"classifier/decoder/{name}": kinds for name, kinds in DECODER_AXES.items()}
    adapt_params = functools.partial(adapt, fresh=fresh.params, axes=axes, trained=trained, now=now)

    def restore(checkpointer: Checkpointer, step: int) -> State:
        saved = checkpointer.restore(step, checkpointer.saved_shapes(step, run.restorable()))
        state = fresh._replace(
            step=saved.step,
            params=adapt_params(saved.params),
            batch_stats=saved.batch_stats,
            ema=adapt_params(saved.ema) if saved.ema else saved.ema,
            anchor=saved.anchor and {**saved.anchor, "params": adapt_params(saved.anchor["params"])},
        )
        return jax.device_put(state, run.shardings)

    return run, restore_newest(run, workdir, restore), folder


def config_for(config: Config, path: str) -> Config:
    """Returns the config of a run for an evaluation with the graph `path`: no images are rendered from it."""
    if config.kg.permute_classes or config.kg.random_facts:
        raise UserError(
            f"--kg.path={path}: method {config.method!r} was trained on facts that mean nothing, so no graph can "
            "describe a new class to it. Evaluate a method that was trained on the graph as it is."
        )
    # A new class has no trained Gaussian of its own, so it is scored by its facts.
    head = "lift" if config.kgv.density_head == "instance" else config.kgv.density_head
    return dataclasses.replace(
        config,
        kg=dataclasses.replace(config.kg, path=path),
        kgv=dataclasses.replace(config.kgv, density_head=head),
        synthetic=dataclasses.replace(config.synthetic, elements=False, compositions=False, labelled=False),
    )


def folder_for(workdir: Workdir, path: str) -> Workdir:
    """Returns the folder for results under the graph `path`, below the run's own; another content, another folder."""
    file = pathlib.Path(path)
    content = file.read_bytes() if file.is_file() else path.encode()
    return Workdir(workdir.path / "graphs" / f"{file.stem}-{hashlib.sha256(content).hexdigest()[:8]}")


def check_graph(experiment: Experiment, objective: Objective, trained: Trained) -> None:
    """Checks that a new graph can be used with what was trained.

    Raises:
      UserError: the graph lacks a trained node, a new class states no trained fact, or the method has no prediction
        head that reads the graph.
    """
    path, method = objective.config.kg.path, objective.config.method
    if type(objective).graph_logits is Objective.graph_logits:
        raise UserError(
            f"--kg.path={path}: method {method!r} has no prediction head that reads the graph, so it cannot recognise "
            "a new class. Evaluate a run of kgv, or of another method with a density head."
        )
    present = {*experiment.graph.nodes}
    if missing := [name for name in trained.nodes if name not in present]:
        raise UserError(
            f"--kg.path={path} lacks {len(missing)} of the {len(trained.nodes)} nodes that the run was trained with, "
            f"the first is {missing[0]}. Add classes and facts to the graph of the run, and take none away."
        )
    for label, name in enumerate(experiment.dataset.classes):
        if name in trained.classes or _states(experiment, label):
            continue
        graph, node = experiment.graph, int(experiment.class_nodes[label])
        stated = [f"{local_name(graph.relations[r])} {local_name(graph.nodes[t])}" for _, r, t in graph.outgoing(node)]
        relations = ", ".join(experiment.mask.relations[1:]) or "none"
        raise UserError(
            f"--kg.path={path}: the new class {name!r} states {', '.join(stated) or 'nothing'}, and nothing of it was "
            f"trained. State facts about nodes that the run was trained with, by its relations ({relations})."
        )


def _states(experiment: Experiment, label: int) -> bool:
    """Returns whether a class, or a variant of it, states a fact in the mask."""
    start, relation, _ = experiment.mask.positive
    return any((relation[start[row] : start[row + 1]] > 0).any() for row in experiment.class_rows[label])


def adapt(params: Any, fresh: Any, axes: Mapping[str, tuple[str | None, ...]], trained: Trained, now: Trained) -> Any:
    """Returns trained parameters in the shapes of a run under the new graph.

    Args:
      params: `{"classifier": ..., "knowledge": ...}` as trained.
      fresh: the same under the new graph, before training.
      axes: parameter path -> what each of its axes counts; parameters that are not named stay as they are.
      trained: what the rows of `params` stand for.
      now: what the rows of `fresh` stand for.
    """
    kinds = (CLASSES, NODES, RELATIONS, FACTS)
    positions = {kind: _positions(getattr(trained, kind), getattr(now, kind)) for kind in kinds}

    def adapted(path: tuple, new: jax.Array, old: jax.Array) -> jax.Array:
        for axis, kind in enumerate(axes.get(jax.tree_util.keystr(path, simple=True, separator="/"), ())):
            if kind is not None:
                position = positions[kind]
                shape = [-1 if other == axis else 1 for other in range(new.ndim)]
                taken = jnp.take(old, np.maximum(position, 0), axis)
                old = jnp.where((position >= 0).reshape(shape), taken, new)
        return old

    return jax.tree_util.tree_map_with_path(adapted, fresh, params)


def _positions(old: tuple, new: tuple) -> np.ndarray:
    """Returns the position of each of the new names among the old ones, -1 for none."""
    position = {name: index for index, name in enumerate(old)}
    return np.array([position.get(name, -1) for name in new], np.int32)


def added(trained: Trained, now: Trained) -> str:
    """Returns a sentence on what the new graph adds, and which of its classes can be evaluated."""
    counts = {kind: len({*getattr(now, kind)} - {*getattr(trained, kind)}) for kind in (CLASSES, NODES)}
    names = [name for name, role in zip(now.classes, now.roles, strict=True) if role != SEEN]
    names = [name for name in names if name not in trained.classes]
    which = f": {', '.join(names)}" if names else "; the data set has images of none that is new"
    return f"The graph adds {counts[NODES]} nodes and {counts[CLASSES]} classes{which}"
