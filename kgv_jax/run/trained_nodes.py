"""What a run learnt of the graph, left in its folder as a file of embeddings that another run can start from.

`config.kg.vectors=FOLDER` of the other run reads it (`embed/sources.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
from jax.sharding import Mesh

from kgv_jax.config.schema import Config, digest
from kgv_jax.embed.file import RUN_FILE, Embeddings, write_embeddings
from kgv_jax.experiment.build import Experiment
from kgv_jax.kg.names import local_name
from kgv_jax.methods.objective import Objective
from kgv_jax.parallel import distributed
from kgv_jax.parallel.mesh import replicated
from kgv_jax.run.workdir import Workdir


def write_trained_nodes(
    config: Config,
    workdir: Workdir,
    experiment: Experiment,
    objective: Objective,
    params: Mapping[str, Any],
    mesh: Mesh,
) -> None:
    """Writes `embeddings.safetensors`, nodes and relations by their full names; nothing for methods without nodes."""
    # By every process: a node table that is split over them is gathered here.
    tables = jax.device_get(jax.jit(objective.node_tables, out_shardings=replicated(mesh))(params["knowledge"]))
    if not tables or not distributed.is_leader():
        return
    full = {local_name(name): name for name in experiment.graph.relations}
    relations = tuple(full.get(name, name) for name in experiment.mask.relations)
    embeddings = Embeddings(experiment.graph.nodes, relations, tables)
    notes = {"method": config.method, "seed": config.seed, "config_digest": digest(config)}
    write_embeddings(workdir.path / RUN_FILE, embeddings, notes)
