"""Vectors of nodes, wherever they come from."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class NodeVectors(NamedTuple):
    """What a source knows of the nodes that were asked for.

    Attributes:
      nodes: their names, `N`.
      vectors: `[N, D]` float32, zeros for nodes that the source does not cover.
      covered: `[N]` bool.
    """

    nodes: tuple[str, ...]
    vectors: np.ndarray
    covered: np.ndarray

    def coverage(self) -> float:
        """Returns the share of nodes that the source covers."""
        return float(np.mean(self.covered))

    def missing(self) -> list[str]:
        """Returns the names of the nodes that it does not cover."""
        return [name for name, is_there in zip(self.nodes, self.covered, strict=True) if not is_there]
