"""The one device mesh (axes `data` and `model`), and where arrays live on it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from kgv_jax.util.errors import UserError

# Path of an array -> how it is split; the first match wins. The table of nodes is split over `model`; all else is
# small, and every device holds all of it.
PARAMETER_RULES: tuple[tuple[str, PartitionSpec], ...] = (
    (r"knowledge/(mu|v)$", PartitionSpec("model", None)),
    (r".*", PartitionSpec()),
)
GRAPH_ARRAY_RULES: tuple[tuple[str, PartitionSpec], ...] = (
    (r"tiles/(where|valid|start|stop|column)$", PartitionSpec("model")),
    (r".*", PartitionSpec()),
)


def make_mesh(data: int, model: int, *, devices: Sequence[jax.Device] | None = None) -> Mesh:
    """Returns a mesh over the devices, all if None; `data` = -1 takes what `model` leaves."""
    devices = jax.devices() if devices is None else devices
    count = len(devices)
    if count % model or (data != -1 and data * model != count):
        raise UserError(
            f"config.mesh asks for data = {data} x model = {model} devices; this run has {count}. "
            "Set --config.mesh.data=-1 and a --config.mesh.model that divides the devices."
        )
    # Auto: the compiler propagates shardings; Explicit axes would put them into every type.
    axis_types = (AxisType.Auto,) * 2
    return jax.make_mesh((count // model, model), ("data", "model"), axis_types=axis_types, devices=devices)


def replicated(mesh: Mesh) -> NamedSharding:
    """Returns the sharding of arrays that every device holds whole."""
    return NamedSharding(mesh, PartitionSpec())


def batch_sharding(mesh: Mesh) -> NamedSharding:
    """Returns the sharding of a batch: its first axis over both axes of the mesh.

    Split over `data` alone, devices along `model` would compute the same encoder again.
    """
    return NamedSharding(mesh, PartitionSpec(("data", "model")))


def state_shardings(mesh: Mesh, state: Any) -> Any:
    """Returns a sharding for every leaf of an (abstract) state, by `PARAMETER_RULES`."""
    return _by_rules(mesh, state, PARAMETER_RULES)


def graph_array_shardings(mesh: Mesh, graph_arrays: Any) -> Any:
    """Returns a sharding for every array of the mask and the graph, by `GRAPH_ARRAY_RULES`."""
    return _by_rules(mesh, graph_arrays, GRAPH_ARRAY_RULES)


def _by_rules(mesh: Mesh, tree: Any, rules: tuple[tuple[str, PartitionSpec], ...]) -> Any:
    """Returns a sharding for every leaf, by the first rule on its path; whole where the mesh does not divide it."""

    def sharding(path: tuple, leaf: Any) -> NamedSharding:
        name = jax.tree_util.keystr(path, simple=True, separator="/")
        spec = next(spec for pattern, spec in rules if re.search(pattern, name))
        fits = len(spec) <= leaf.ndim and all(
            axis is None or size % mesh.shape[axis] == 0 for axis, size in zip(spec, leaf.shape, strict=False)
        )
        return NamedSharding(mesh, spec if fits else PartitionSpec())

    return jax.tree_util.tree_map_with_path(sharding, tree)


def check_divisible(name: str, size: int, mesh: Mesh) -> None:
    """Raises UserError unless a batch axis of `size` can be split over the mesh."""
    if size % mesh.size:
        raise UserError(
            f"{name} is {size}, not divisible by the {mesh.size} devices of the run. "
            f"Use {size // mesh.size * mesh.size or mesh.size} or {(size // mesh.size + 1) * mesh.size}."
        )


def put_batch(batch: Mapping[str, np.ndarray], mesh: Mesh) -> dict[str, jax.Array]:
    """Returns global arrays made of every process's own rows of a batch."""
    sharding = batch_sharding(mesh)
    return {key: jax.make_array_from_process_local_data(sharding, value) for key, value in batch.items()}
