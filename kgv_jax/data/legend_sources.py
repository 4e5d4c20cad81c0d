"""Sources of legends beside the renderer: several as one, and pictograms of real sign artwork."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence

from kgv_jax.data.extract import ExtractedLegends
from kgv_jax.data.renderer.stated import find_legend
from kgv_jax.data.sources import artwork
from kgv_jax.data.synthetic import LegendSource, Patch
from kgv_jax.kg import load_named_graph
from kgv_jax.kg.graph import Graph
from kgv_jax.kg.names import local_name

_DOMAIN = "vienna"  # of the artwork: the convention whose borders and grounds its graph states best


@dataclasses.dataclass(frozen=True)
class MergedLegends:
    """The patches of all sources together."""

    sources: Sequence[LegendSource]

    def patches(self, node_name: str) -> Sequence[Patch]:
        """See `LegendSource.patches`."""
        return tuple(patch for source in self.sources for patch in source.patches(node_name))


@dataclasses.dataclass(frozen=True)
class ArtworkLegends:
    """Pictograms of the sign artwork that `kgv prepare roadsigns` fetches: the same things by other artists.

    They are found by what the renderer calls them, so they serve any graph whose legends it knows.

    Attributes:
      labels: labels of the graph's nodes, tried where the renderer does not know a local name.
    """

    labels: Mapping[str, str]

    @classmethod
    def for_graph(cls, graph: Graph) -> ArtworkLegends:
        """Returns the source for a graph.

        Raises:
          UserError: the artwork is not prepared.
        """
        _cut_out()
        return cls(dict(zip(graph.nodes, graph.labels, strict=True)))

    def patches(self, node_name: str) -> Sequence[Patch]:
        """See `LegendSource.patches`."""
        name = find_legend(local_name(node_name), self.labels.get(node_name, ""))
        return _cut_out().get(name, ()) if name else ()


@functools.cache
def _cut_out() -> Mapping[str, tuple[Patch, ...]]:
    """Returns the renderer's name of a pictogram -> those of the artwork."""
    images = artwork.load(source=_DOMAIN, validation_fraction=0.0).train
    graph, _ = load_named_graph("artwork", class_type="Class")
    extracted = ExtractedLegends(graph, images)
    found: dict[str, tuple[Patch, ...]] = {}
    for node in graph.nodes_of_type("Legend"):
        name = find_legend(local_name(graph.nodes[node]), graph.labels[node])
        if name and (patches := tuple(extracted.patches(graph.nodes[node]))):
            found[name] = found.get(name, ()) + patches
    return found
