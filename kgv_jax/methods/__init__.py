"""The methods: one file each, with its objective, its settings and its presets.

A module here states `METHODS`, and `SETTINGS` where it brings a section of the config along; `config/methods.py` says
how. A new method is a new file; the trainer and the schema have no line for it.
"""

from __future__ import annotations

from jax.sharding import Mesh

from kgv_jax.config.methods import METHODS, SETTINGS, Method, Section
from kgv_jax.config.schema import Config
from kgv_jax.methods.graph_arrays import GraphArrays
from kgv_jax.methods.objective import Objective

__all__ = ["METHODS", "SETTINGS", "Method", "Objective", "Section", "make_objective"]


def make_objective(config: Config, graph_arrays: GraphArrays, mesh: Mesh | None = None) -> Objective:
    """Returns the objective of the config's method; `mesh` of more than one device splits what it computes itself."""
    mesh = None if mesh is None or mesh.size == 1 else mesh
    return METHODS[config.method].objective(config, graph_arrays, mesh)
