"""A trained model under another graph, without training: `--mode=eval --kg.path=NEW`.

The parameters of what was trained are found by name, wherever the new graph puts it. What a graph adds has no trained
parameters: new nodes are ignored in every row of the mask, and keep, as new rows of a decoder do, the values with which
a run of this seed begins. A new class is then recognised by what is trained: its facts (`kgv.density_head`).
"""

from __future__ import annotations

import dataclasses
import hashlib
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
from kgv_jax.methods.graph_arrays import GraphArrays
from kgv_jax.methods.objective import CLASSES, FACTS, NODES, RELATIONS, Objective
from kgv_jax.run.workdir import Workdir
from kgv_jax.util.errors import UserError

_RECORD = "trained.json"


def note_trained(experiment: Experiment, graph_arrays: GraphArrays) -> Trained:
    """Returns what the rows of a run's parameters stand for."""
    mask, nodes = experiment.mask, experiment.graph.nodes
    facts = [(mask.relations[j], nodes[k]) for j, k in np.asarray(graph_arrays.facts).tolist()]
    hidden = tuple(nodes[node] for node in mask.ignored_nodes)
    return Trained(experiment.dataset.classes, experiment.roles, nodes, hidden, mask.relations, tuple(facts))


def write_trained(workdir: Workdir, trained: Trained) -> None:
    """Notes in the run's folder what it trains."""
    workdir.write_records(_RECORD, [dataclasses.asdict(trained)])


def read_trained(workdir: Workdir) -> Trained:
    """Reads what `write_trained` wrote."""
    records = workdir.read_records(_RECORD)
    if not records:
        raise UserError(
            f"{workdir.path} has no {_RECORD}: its run is of an earlier version, or never began. Evaluate it with its "
            f"own graph first, which writes that file: python -m kgv_jax.main --mode=eval --workdir={workdir.path}."
        )
    fields = {name: tuple(values) for name, values in records[0].items()}
    return Trained(**fields | {"facts": tuple(map(tuple, fields["facts"]))})


def config_for(config: Config, path: str) -> Config:
    """Returns the config of a run for an evaluation with the graph `path`: nothing is drawn from it to train on."""
    if config.kg.permute_classes or config.kg.random_facts:
        raise UserError(
            f"--kg.path={path}: method {config.method!r} was trained on facts that mean nothing, so no graph can tell "
            "it of a new class. Evaluate a method that was trained on the graph as it is."
        )
    # A new class has no trained Gaussian of its own: its facts speak.
    head = "lift" if config.kgv.density_head == "instance" else config.kgv.density_head
    return dataclasses.replace(
        config,
        kg=dataclasses.replace(config.kg, path=path),
        kgv=dataclasses.replace(config.kgv, density_head=head),
        synthetic=dataclasses.replace(config.synthetic, elements=False, compositions=False, labelled=False),
    )


def folder_for(workdir: Workdir, path: str) -> Workdir:
    """Returns the folder for what the graph `path` gives, below the run's own: nothing of the run is written over."""
    file = pathlib.Path(path)
    content = file.read_bytes() if file.is_file() else path.encode()
    return Workdir(workdir.path / "graphs" / f"{file.stem}-{hashlib.sha256(content).hexdigest()[:8]}")


def check_graph(experiment: Experiment, objective: Objective, trained: Trained) -> None:
    """Raises a UserError where the new graph cannot be used.

    That is if it lacks a node that was trained, if a new class states nothing that was trained, or if the method has no
    head that reads the graph.
    """
    path, method = objective.config.kg.path, objective.config.method
    if type(objective).graph_logits is Objective.graph_logits:
        raise UserError(
            f"--kg.path={path}: method {method!r} has no head that reads the graph, so it cannot know a new class. "
            "Evaluate a run of kgv, or of another method with a density head."
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
            f"trained. State facts about nodes that the run knows, by its relations ({relations})."
        )


def _states(experiment: Experiment, label: int) -> bool:
    """Returns whether a class, or a variant of it, states a fact in the mask."""
    start, relation, _ = experiment.mask.positive
    return any((relation[start[row] : start[row + 1]] > 0).any() for row in experiment.class_rows[label])


def adapt(params: Any, fresh: Any, axes: Mapping[str, tuple[str | None, ...]], trained: Trained, now: Trained) -> Any:
    """Returns trained parameters in the shapes of a run under the new graph.

    Args:
      params: `{"classifier": ..., "knowledge": ...}` as trained.
      fresh: the same under the new graph, as a run begins.
      axes: parameter path -> what its axes count; parameters that are not named stay as they are.
      trained: what the rows of `params` stand for.
      now: what the rows of `fresh` stand for.
    """
    places = {kind: _places(getattr(trained, kind), getattr(now, kind)) for kind in (CLASSES, NODES, RELATIONS, FACTS)}

    def adapted(path: tuple, new: jax.Array, old: jax.Array) -> jax.Array:
        for axis, kind in enumerate(axes.get(jax.tree_util.keystr(path, simple=True, separator="/"), ())):
            if kind is not None:
                place = places[kind]
                shape = [-1 if other == axis else 1 for other in range(new.ndim)]
                taken = jnp.take(old, np.maximum(place, 0), axis)
                old = jnp.where((place >= 0).reshape(shape), taken, new)
        return old

    return jax.tree_util.tree_map_with_path(adapted, fresh, params)


def _places(old: tuple, new: tuple) -> np.ndarray:
    """Returns where each of the new names is among the old ones, -1 for none."""
    place = {name: index for index, name in enumerate(old)}
    return np.array([place.get(name, -1) for name in new], np.int32)


def added(trained: Trained, now: Trained) -> str:
    """Returns a line on what the new graph adds."""
    counts = {kind: len({*getattr(now, kind)} - {*getattr(trained, kind)}) for kind in (CLASSES, NODES)}
    names = [name for name, role in zip(now.classes, now.roles, strict=True) if role != SEEN]
    names = [name for name in names if name not in trained.classes]
    reported = f": {', '.join(names)}" if names else "; the data set has images of none that is new"
    return f"The graph adds {counts[NODES]} nodes and {counts[CLASSES]} classes{reported}"
