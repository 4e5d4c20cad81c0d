"""Bicubic resizing of position embeddings: torch's matrices, and grids that are not square."""

import jax.numpy as jnp
import numpy as np
import pytest

from kgv_jax.models.positions import bicubic_matrix, resize_grid

# Of torch.nn.functional.interpolate(mode="bicubic", align_corners=False), applied to unit vectors.
_TORCH = {
    (4, 3, False): [
        [0.856482, 0.16088, -0.017361, 0.0],
        [-0.09375, 0.59375, 0.59375, -0.09375],
        [0.0, -0.017361, 0.16088, 0.856482],
    ],
    (3, 5, False): [
        [1.096, -0.096, 0.0],
        [0.612, 0.46, -0.072],
        [0.0, 1.0, 0.0],
        [-0.072, 0.46, 0.612],
        [0.0, -0.096, 1.096],
    ],
    (5, 3, True): [
        [0.584615, 0.446154, 0.0, -0.030769, 0.0],
        [-0.037209, 0.246512, 0.581395, 0.246512, -0.037209],
        [0.0, -0.030769, 0.0, 0.446154, 0.584615],
    ],
    (3, 4, True): [
        [1.052239, -0.052239, 0.0],
        [0.373246, 0.696913, -0.070159],
        [-0.070159, 0.696913, 0.373246],
        [0.0, -0.052239, 1.052239],
    ],
}


@pytest.mark.parametrize(("old", "new", "antialias"), _TORCH)
def test_the_matrix_is_torchs(old, new, antialias):
    np.testing.assert_allclose(bicubic_matrix(old, new, antialias=antialias), _TORCH[old, new, antialias], atol=2e-6)


@pytest.mark.parametrize("antialias", [True, False])
def test_a_constant_stays(antialias):
    for old in (1, 2, 7, 37):
        for new in (1, 3, 16, 40):
            np.testing.assert_allclose(bicubic_matrix(old, new, antialias=antialias).sum(1), 1.0, atol=1e-6)


def test_the_same_size_is_the_identity():
    grid = jnp.arange(18.0).reshape(3, 3, 2)
    assert resize_grid(grid, 3, 3, antialias=False) is grid
    np.testing.assert_array_equal(bicubic_matrix(3, 3, antialias=False), np.eye(3))


def test_rows_are_rows_and_columns_columns():
    rows = jnp.broadcast_to(jnp.arange(4.0)[:, None, None], (4, 4, 1))
    resized = resize_grid(rows, 3, 6, antialias=False)
    assert resized.shape == (3, 6, 1)
    np.testing.assert_allclose(resized, jnp.broadcast_to(resized[:, :1], resized.shape), atol=1e-6)
    np.testing.assert_allclose(resized[:, 0, 0], bicubic_matrix(4, 3, antialias=False) @ np.arange(4.0), atol=1e-6)
