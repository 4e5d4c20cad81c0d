"""The scenes of a run's training photographs, for compositions to stand in (`data/scenes.py`)."""

from __future__ import annotations

import numpy as np

from kgv_jax.data import synthetic
from kgv_jax.data.scenes import Scene, find_scene, framed
from kgv_jax.data.synthetic import LegendSource
from kgv_jax.data.types import ImageSet
from kgv_jax.kg.graph import Graph
from kgv_jax.kg.names import local_name
from kgv_jax.util.errors import UserError

_MOST = 3000  # photographs that are tried: more scenes than views of a run can stand in add nothing
_BLOCK = 256


def find_scenes(
    images: ImageSet,
    graph: Graph,
    class_nodes: np.ndarray,
    *,
    source: str,
    legends: LegendSource,
    margin: float,
    seed: int,
) -> tuple[Scene, ...]:
    """Returns a scene of each training photograph that the graph's drawing of its class explains.

    Args:
      images: labelled photographs `[n, S, S, 3]`: those that the run trains on, and no others.
      graph: which states how the classes look.
      class_nodes: `[C]` node of each label.
      source: style of the photographs.
      legends: where pictograms come from.
      margin: what a photograph shows around its sign, as a share of the sign's longer side.
      seed: of the choice among many photographs, and of the drawings.

    Raises:
      UserError: no photograph has a scene.
    """
    side = images.shape[0]
    drawings = _drawings(graph, class_nodes, images.labels, source, legends, margin, side, seed)
    rows = np.flatnonzero(np.isin(images.labels, [*drawings]))
    if len(rows) > _MOST:
        rows = np.sort(np.random.default_rng(seed).permutation(rows)[:_MOST])
    found = []
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK]
        # The centre of a photograph, as it is evaluated: position -1 of no stream.
        for pixels, label in zip(images.read(block, block), images.labels[block].tolist(), strict=True):
            if (scene := find_scene(pixels, drawings[label])) is not None:
                found.append(scene)
    if not found:
        raise UserError(
            f"None of the {len(images)} training images of {source!r} looks like the sign that the graph states for its"
            " class, so compositions have no photographs to stand in; expected images cut to their sign, of classes"
            " with hasShape and colours. Set config.synthetic.scenes=drawn."
        )
    return tuple(found)


def _drawings(
    graph: Graph,
    class_nodes: np.ndarray,
    labels: np.ndarray,
    source: str,
    legends: LegendSource,
    margin: float,
    side: int,
    seed: int,
) -> dict[int, np.ndarray]:
    """Returns label -> the sign of its class in the source's style, uint8 [side, side, 4], as photographs show it."""
    of_name = {graph.nodes[int(class_nodes[label])]: label for label in np.unique(labels).tolist() if label >= 0}
    known = {local_name(graph.nodes[node]) for node in graph.nodes_of_type("Style")}
    styles = (source,) if source in known else None
    drawings = {}
    for name, label in of_name.items():
        images = synthetic.composition_images(graph, [name], legends=legends, styles=styles, per_variant=1, seed=seed)
        if images:
            drawings[label] = framed(images[0].load(2 * side), side, margin=margin)
    return drawings
