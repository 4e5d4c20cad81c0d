"""NetMF against walks that are counted one by one, and by hand on a path of three nodes."""

import itertools

import numpy as np
import pytest

from kgv_jax.embed.netmf import adjacency, deepwalk_matrix, netmf
from kgv_jax.util.errors import UserError

PATH = np.array([[0, 1], [1, 2]])


def test_the_matrix_of_a_path_by_hand():
    # Degrees 1, 2, 1, volume 4. One step: P = [[0, 1, 0], [1/2, 0, 1/2], [0, 1, 0]]; M = 4 P D^-1.
    one = [[0, 2, 0], [2, 0, 2], [0, 2, 0]]
    np.testing.assert_allclose(deepwalk_matrix(adjacency(PATH, 3), 1, 1.0), one)
    # Two steps: P^2 = [[1/2, 0, 1/2], [0, 1, 0], [1/2, 0, 1/2]]; M = 2 (P + P^2) D^-1.
    two = [[1, 1, 1], [1, 1, 1], [1, 1, 1]]
    np.testing.assert_allclose(deepwalk_matrix(adjacency(PATH, 3), 2, 1.0), two)
    np.testing.assert_allclose(deepwalk_matrix(adjacency(PATH, 3), 1, 4.0), np.array(one) / 4)


def test_the_matrix_counts_meetings_in_walks():
    """p(i, j within the window) / (p(i) p(j)), over all walks, started where walks spend their time."""
    edges = np.array([[0, 1], [1, 2], [2, 0], [2, 3], [3, 0], [0, 1]])  # one edge twice
    counts = adjacency(edges, 4)
    share = counts.sum(1) / counts.sum()
    step, meetings = counts / counts.sum(1, keepdims=True), np.zeros((4, 4))
    for walk in itertools.product(range(4), repeat=4):
        chance = share[walk[0]] * np.prod([step[a, b] for a, b in itertools.pairwise(walk)])
        for later in walk[1:]:
            meetings[walk[0], later] += chance / 3
    np.testing.assert_allclose(deepwalk_matrix(counts, 3, 1.0), meetings / np.outer(share, share), rtol=1e-10)


def test_the_factors_give_the_matrix_back():
    draw = np.random.default_rng(0)
    ring = np.stack([np.arange(9), np.roll(np.arange(9), 1)], 1)
    edges = np.concatenate([ring, draw.integers(9, size=(9, 2))])
    found = netmf([str(i) for i in range(9)], edges, dim=9, window=3)
    matrix = np.log(np.maximum(deepwalk_matrix(adjacency(edges, 9), 3, 1.0), 1))
    left, values, _ = np.linalg.svd(matrix)
    np.testing.assert_allclose(np.linalg.norm(found.vectors, axis=0) ** 2, values, atol=1e-4)
    # The same up to signs, as the paper has it.
    np.testing.assert_allclose(np.abs(found.vectors[:, 0]), np.abs(left[:, 0] * values[0] ** 0.5), rtol=1e-4)
    assert found.coverage() == 1 and found.vectors.dtype == np.float32


def test_a_node_without_an_edge_is_not_covered():
    found = netmf(["a", "alone", "b", "c"], np.array([[0, 2], [2, 3], [0, 3]]), dim=2, window=2)
    assert found.missing() == ["alone"] and found.coverage() == 0.75
    assert not found.vectors[1].any() and found.vectors[[0, 2, 3]].any(1).all()


def test_what_cannot_be_done_is_refused():
    with pytest.raises(UserError, match="--dim=3"):
        netmf(["a", "b", "c"], PATH, dim=4)
    with pytest.raises(UserError, match="at most 5000 nodes"):
        netmf(["a"] * 5001, PATH, dim=2)
