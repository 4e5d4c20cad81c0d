"""Several sources of legends as one: a synthetic sign may take its pictogram from any hand."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from kgv_jax.data.synthetic import LegendSource, Patch


@dataclasses.dataclass(frozen=True)
class MergedLegends:
    """The patches of all sources; with `fallback`, of the first source that knows the node.

    Attributes:
      sources: where to look, in this order.
      fallback: whether a later source only fills the gaps of the earlier ones.
    """

    sources: Sequence[LegendSource]
    fallback: bool = False

    def patches(self, node_name: str) -> Sequence[Patch]:
        """See `LegendSource.patches`."""
        found = [source.patches(node_name) for source in self.sources]
        if self.fallback:
            return next((patches for patches in found if patches), ())
        return tuple(patch for patches in found for patch in patches)
