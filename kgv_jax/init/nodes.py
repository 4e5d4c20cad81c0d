"""What the graph side of a run starts from: random nodes, or vectors of a source (`embed/sources.py`), found by name.

What a source makes itself (a model, random walks), it makes of the triples that the run sees, before the first step.
"""

from __future__ import annotations

import logging

import numpy as np

from kgv_jax.config.schema import Config
from kgv_jax.embed.file import find_nodes
from kgv_jax.embed.sources import find_embeddings
from kgv_jax.experiment.build import Experiment
from kgv_jax.kg.mask import INSTANCE_OF
from kgv_jax.kg.names import local_name
from kgv_jax.parallel import distributed
from kgv_jax.util.errors import UserError

_log = logging.getLogger(__name__)


def init_nodes(config: Config, experiment: Experiment) -> dict[str, np.ndarray]:
    """Returns `mu` `[N, D]` and `r` `[R, D]` that replace the random ones of a new run, as far as there are any.

    Means are centred and scaled to a deviation of 1 a coordinate, as random ones have: the temperature and the bounds
    of the variances are made for that. Nodes that the source does not cover stand where the covered ones average;
    `instanceOf`, which no graph states, does not move.

    Raises:
      UserError: no such source, a width other than `config.model.dim`, no node in common, or vectors all alike.
    """
    source = config.kg.vectors
    if not source:
        return {}
    embeddings = find_embeddings(
        source, experiment.graph, dim=config.model.dim, epochs=config.kg.vectors_epochs, seed=config.seed
    )
    nodes = find_nodes(embeddings, "nodes.mu", experiment.graph.nodes)
    width = nodes.vectors.shape[-1]
    if not nodes.covered.any():
        raise UserError(
            f"config.kg.vectors = {source!r} has none of the {len(nodes.nodes)} nodes of config.kg.path = "
            f"{config.kg.path!r}, such as {nodes.nodes[0]}; embed that graph."
        )
    if width != config.model.dim:
        raise UserError(
            f"The vectors of config.kg.vectors = {source!r} have {width} numbers; expected config.model.dim = "
            f"{config.model.dim}. Set --config.model.dim={width}, or embed with --dim={config.model.dim}."
        )
    if distributed.is_leader():
        counts = nodes.covered.sum(), len(nodes.nodes), 100 * nodes.coverage()
        _log.info("%d of %d nodes (%.1f %%) start from %s.", *counts, source)
    centre = nodes.vectors[nodes.covered].mean(0)
    deviation = float((nodes.vectors[nodes.covered] - centre).std())
    if not deviation > 1e-6:  # NaN too
        raise UserError(
            f"The vectors of config.kg.vectors = {source!r} are all alike (their deviation is {deviation:.2g}); a run "
            "cannot start from them. Name another source, or embed with other settings: kgv embed."
        )
    scale = 1 / deviation
    mu = np.where(nodes.covered[:, None], scale * (nodes.vectors - centre), 0.0)
    start = {"mu": mu.astype(np.float32)}
    if "relations.mu" in embeddings.arrays:
        r = np.zeros((len(experiment.mask.relations), width), np.float32)
        full = {local_name(name): name for name in experiment.graph.relations}
        for row, name in enumerate(experiment.mask.relations):
            if name != INSTANCE_OF and full[name] in embeddings.relations:
                r[row] = scale * embeddings.arrays["relations.mu"][embeddings.relations.index(full[name])]
        start["r"] = r
    return start
