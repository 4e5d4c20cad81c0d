"""What a run trained, by name: records in its folder with which other runs and evaluations can use it.

`trained.json` names what the rows of the parameters stand for: classes, nodes, relations, facts. Evaluation with an
extended graph finds them there (`zero_shot/extended_graph.py`). `embeddings.safetensors` holds the trained nodes
and relations; with `config.kg.vectors=FOLDER` another run begins with them (`embed/sources.py`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh

from kgv_jax.config.schema import Config, digest
from kgv_jax.embed.file import RUN_FILE, Embeddings, write_embeddings
from kgv_jax.experiment.build import Experiment
from kgv_jax.experiment.class_roles import Trained
from kgv_jax.kg.names import local_name
from kgv_jax.methods.graph_arrays import GraphArrays
from kgv_jax.methods.objective import Objective
from kgv_jax.parallel import distributed
from kgv_jax.parallel.mesh import replicated
from kgv_jax.run.workdir import Workdir
from kgv_jax.util.errors import UserError

_RECORD = "trained.json"


def describe_trained(experiment: Experiment, graph_arrays: GraphArrays) -> Trained:
    """Returns what the rows of a run's parameters stand for."""
    mask, nodes = experiment.mask, experiment.graph.nodes
    facts = [(mask.relations[j], nodes[k]) for j, k in np.asarray(graph_arrays.facts).tolist()]
    hidden = tuple(nodes[node] for node in mask.ignored_nodes)
    return Trained(experiment.dataset.classes, experiment.roles, nodes, hidden, mask.relations, tuple(facts))


def write_trained(workdir: Workdir, trained: Trained) -> None:
    """Writes `trained.json`, by the leading process."""
    if distributed.is_leader():
        workdir.write_records(_RECORD, [dataclasses.asdict(trained)])


def read_trained(workdir: Workdir) -> Trained:
    """Reads what `write_trained` wrote.

    Raises:
      UserError: the folder has no such file.
    """
    records = workdir.read_records(_RECORD)
    if not records:
        raise UserError(
            f"{workdir.path} has no {_RECORD}: its run is of an earlier version, or never began. Evaluate it with its "
            f"own graph first, which writes that file: python -m kgv_jax.main --mode=eval --workdir={workdir.path}."
        )
    fields = {name: tuple(values) for name, values in records[0].items()}
    return Trained(**fields | {"facts": tuple(map(tuple, fields["facts"]))})


def write_trained_nodes(
    config: Config,
    workdir: Workdir,
    experiment: Experiment,
    objective: Objective,
    params: Mapping[str, Any],
    mesh: Mesh,
) -> None:
    """Writes `embeddings.safetensors`, nodes and relations by their full names; nothing for methods without nodes."""
    # Every process takes part: a node table that is split over their devices is gathered here.
    tables = jax.device_get(jax.jit(objective.node_tables, out_shardings=replicated(mesh))(params["knowledge"]))
    if not tables or not distributed.is_leader():
        return
    full = {local_name(name): name for name in experiment.graph.relations}
    relations = tuple(full.get(name, name) for name in experiment.mask.relations)
    embeddings = Embeddings(experiment.graph.nodes, relations, tables)
    notes = {"method": config.method, "seed": config.seed, "config_digest": digest(config)}
    write_embeddings(workdir.path / RUN_FILE, embeddings, notes)
