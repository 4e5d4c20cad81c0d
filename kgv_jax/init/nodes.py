"""Initial nodes: random, or the vectors of a source (`embed/sources.py`), matched by name.

A source that computes its vectors (an embedding model, random walks) reads the triples that the run sees, no others,
before the first step.
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
    """Returns initial `mu` `[N, D]` and `r` `[R, D]`, those of them that the source has.

    Means are centred, and scaled to a standard deviation of 1 per dimension, which random ones have: the temperature
    and the bounds of the variances are made for that. Nodes that the source does not cover get the mean of the covered
    ones. `instanceOf` is in no graph, so its translation is 0.

    Raises:
      UserError: no such source, other dimensions than `config.model.dim`, no node in common, or vectors all alike.
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
            f"The vectors of config.kg.vectors = {source!r} have {width} dimensions; expected config.model.dim = "
            f"{config.model.dim}. Set --config.model.dim={width}, or embed with --dim={config.model.dim}."
        )
    if distributed.is_leader():
        counts = nodes.covered.sum(), len(nodes.nodes), 100 * nodes.coverage()
        _log.info("%d of %d nodes (%.1f %%) begin with vectors of %s.", *counts, source)

    # Means, centred and scaled.
    centre = nodes.vectors[nodes.covered].mean(0)
    std = float((nodes.vectors[nodes.covered] - centre).std())
    if not std > 1e-6:  # NaN too
        raise UserError(
            f"The vectors of config.kg.vectors = {source!r} are all alike (their standard deviation is {std:.2g}); a "
            "run cannot begin with them. Name another source, or embed with other settings: kgv embed."
        )
    scale = 1 / std
    mu = np.where(nodes.covered[:, None], scale * (nodes.vectors - centre), 0.0)
    found = {"mu": mu.astype(np.float32)}

    # Translations of relations, scaled as the means are, so that `h + r = t` holds as it did.
    if "relations.mu" in embeddings.arrays:
        r = np.zeros((len(experiment.mask.relations), width), np.float32)
        full = {local_name(name): name for name in experiment.graph.relations}
        for row, name in enumerate(experiment.mask.relations):
            if name != INSTANCE_OF and full[name] in embeddings.relations:
                r[row] = scale * embeddings.arrays["relations.mu"][embeddings.relations.index(full[name])]
        found["r"] = r
    return found
