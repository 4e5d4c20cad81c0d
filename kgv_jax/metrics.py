"""Numbers computed from scores; plain numpy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def element_recall(scores: np.ndarray, nodes: np.ndarray, candidates: Sequence[int]) -> float:
    """Returns the share of element pictures whose own node scores highest among the candidates.

    Args:
      scores: `[n, N]` scores of the pictures under `instanceOf`.
      nodes: `[n]` node that each picture shows; one of the candidates.
      candidates: nodes to choose from.

    Raises:
      ValueError: if there is no picture.
    """
    if not len(nodes):
        raise ValueError("element_recall of no pictures; expected one at least")
    chosen = np.asarray(candidates)[scores[:, list(candidates)].argmax(-1)]
    return float(np.mean(chosen == nodes))
