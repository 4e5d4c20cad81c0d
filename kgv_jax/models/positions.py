"""Position embeddings learned on one grid of patches, interpolated for another.

The interpolation is torch's, number by number, and not `jax.image.resize`'s, whose bicubic kernel has another parameter
(`a = -0.5` where torch has `-0.75`): published features depend on it.
"""

from __future__ import annotations

import numpy as np
from jax import Array
from jax import numpy as jnp


def bicubic_matrix(old: int, new: int, *, antialias: bool) -> np.ndarray:
    """Returns the `[new, old]` matrix of a bicubic resize along one axis, as torch computes it.

    `torch.nn.functional.interpolate(mode="bicubic", align_corners=False, antialias=antialias)`: Keys' kernel
    (IEEE Trans. ASSP 29(6), 1981, eq. 4) with `a = -0.75` and edges repeated, or, antialiased, with `a = -0.5`,
    widened when shrinking, and cut off at the edges.
    """
    scale = old / new
    centres = (np.arange(new) + 0.5) * scale - 0.5
    if not antialias:
        taps = np.floor(centres).astype(int)[:, None] + np.arange(-1, 3)
        weights = _keys(taps - centres[:, None], -0.75)
        matrix = np.zeros((new, old))
        np.add.at(matrix, (np.arange(new)[:, None], taps.clip(0, old - 1)), weights)
        return matrix.astype(np.float32)
    matrix = _keys((np.arange(old) - centres[:, None]) / max(scale, 1.0), -0.5)
    return (matrix / matrix.sum(1, keepdims=True)).astype(np.float32)


def _keys(x: np.ndarray, a: float) -> np.ndarray:
    x = np.abs(x)
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    return np.where(x <= 1, near, np.where(x < 2, far, 0.0))


def resize_grid(grid: Array, height: int, width: int, *, antialias: bool) -> Array:
    """Returns a `[G, G', D]` grid at `[height, width, D]`; the grid itself where it has that size already."""
    if grid.shape[:2] == (height, width):
        return grid
    rows = bicubic_matrix(grid.shape[0], height, antialias=antialias)
    columns = bicubic_matrix(grid.shape[1], width, antialias=antialias)
    return jnp.einsum("hi,wj,ijd->hwd", rows, columns, grid)
