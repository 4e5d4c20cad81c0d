"""Several sources of legends as one: a synthetic sign may take its pictogram from any artist."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from kgv_jax.data.synthetic import LegendSource, Patch


@dataclasses.dataclass(frozen=True)
class MergedLegends:
    """The patches of all sources together."""

    sources: Sequence[LegendSource]

    def patches(self, node_name: str) -> Sequence[Patch]:
        """See `LegendSource.patches`."""
        return tuple(patch for source in self.sources for patch in source.patches(node_name))
