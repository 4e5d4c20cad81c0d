"""From a preset's objective to its class."""

from __future__ import annotations

from jax.sharding import Mesh

from kgv_jax.config.schema import Config
from kgv_jax.methods.attribute_bce import AttributeBce
from kgv_jax.methods.ce import CrossEntropy
from kgv_jax.methods.contrastive import Contrastive
from kgv_jax.methods.graph_arrays import GraphArrays
from kgv_jax.methods.graph_classifier import GraphClassifier
from kgv_jax.methods.hierarchy import Hierarchy
from kgv_jax.methods.infuse import Infuse
from kgv_jax.methods.kgv import Kgv
from kgv_jax.methods.label_embedding import LabelEmbedding
from kgv_jax.methods.objective import Objective
from kgv_jax.methods.presets import PRESETS

OBJECTIVES: dict[str, type[Objective]] = {
    "ce": CrossEntropy,
    "attribute_bce": AttributeBce,
    "contrastive": Contrastive,
    "graph_classifier": GraphClassifier,
    "hierarchy": Hierarchy,
    "infuse": Infuse,
    "kgv": Kgv,
    "label_embedding": LabelEmbedding,
}


def make_objective(config: Config, graph_arrays: GraphArrays, mesh: Mesh | None = None) -> Objective:
    """Returns the objective of the config's method; `mesh` of more than one device splits what it computes itself."""
    mesh = None if mesh is None or mesh.size == 1 else mesh
    return OBJECTIVES[PRESETS[config.method].objective](config, graph_arrays, mesh)
