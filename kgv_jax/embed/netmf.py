"""NetMF (Qiu et al., WSDM 2018): what DeepWalk converges to, computed instead of walked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kgv_jax.embed.file import NodeVectors
from kgv_jax.util.errors import UserError

MAX_NODES = 5_000


def netmf(
    nodes: Sequence[str], edges: np.ndarray, *, dim: int, window: int = 10, negatives: float = 1.0
) -> NodeVectors:
    """Returns the factors of DeepWalk's matrix in its exact form, the paper's for small windows.

        P = D^-1 A,   M = vol(G) / (b T) (sum_{r=1..T} P^r) D^-1,   log max(M, 1) = U S V',   vectors = U sqrt(S)

    `A` counts the edges between two nodes, in both directions and under all relations, which have no other part in a
    walk. `T` is the window, `b` the number of negatives; the `dim` largest singular values stay. The matrix is
    symmetric, so singular vectors are eigenvectors; the largest entry of each is positive. Nodes without an edge are
    not covered.

    Args:
      nodes: `N` names.
      edges: `[E, 2]` node indices.
      dim: dimensions per node, at most `N`.

    Raises:
      UserError: `dim` is more than there are nodes, or the graph is too large for an `N x N` matrix.
    """
    if len(nodes) > MAX_NODES:
        raise UserError(
            f"The exact form factorises a {len(nodes)} x {len(nodes)} matrix; expected at most {MAX_NODES} nodes. "
            "Train a model (--model=transe), or take a part of the graph."
        )
    linked = np.unique(edges)
    if not 0 < dim <= len(linked):
        raise UserError(
            f"{dim} dimensions per node, and the graph has {len(linked)} nodes with an edge; expected at most as many "
            f"dimensions: --dim={len(linked)}."
        )
    matrix = deepwalk_matrix(adjacency(np.searchsorted(linked, edges), len(linked)), window, negatives)
    values, vectors = np.linalg.eigh(np.log(np.maximum(matrix, 1)))
    largest = np.argsort(-np.abs(values), kind="stable")[:dim]
    vectors = vectors[:, largest]
    signs = np.sign(vectors[np.argmax(np.abs(vectors), 0), np.arange(dim)])
    found = np.zeros((len(nodes), dim), np.float32)
    found[linked] = vectors * signs * np.sqrt(np.abs(values[largest]))
    covered = np.isin(np.arange(len(nodes)), linked)
    return NodeVectors(tuple(nodes), found, covered)


def adjacency(edges: np.ndarray, num_nodes: int) -> np.ndarray:
    """Returns the number of edges between every two nodes `[N, N]`, whichever way they point."""
    counts = np.zeros((num_nodes, num_nodes))
    np.add.at(counts, (edges[:, 0], edges[:, 1]), 1)
    return counts + counts.T


def deepwalk_matrix(adjacency: np.ndarray, window: int, negatives: float) -> np.ndarray:
    """Returns `M` `[N, N]`: how much more often two nodes meet within the window of a walk than by chance, over `b`."""
    degrees = adjacency.sum(1)
    step = adjacency / degrees[:, None]
    power, total = np.eye(len(degrees)), np.zeros_like(step)
    for _ in range(window):
        power = power @ step
        total += power
    matrix = degrees.sum() / (negatives * window) * total / degrees
    return (matrix + matrix.T) / 2  # it is symmetric but for rounding
