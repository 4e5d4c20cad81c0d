"""Adjacencies against matrices worked out by hand, and against SciPy's shortest paths."""

import numpy as np
import pytest
from scipy.sparse.csgraph import shortest_path

from kgv_jax.kg import adjacency


def dense(found, num_nodes):
    matrix = np.zeros((num_nodes, num_nodes))
    matrix[found.to, found.source] = found.weight
    return matrix


# 0 - 1 - 2, and 3 alone; an edge that is there twice, once each way.
EDGES = np.array([[0, 1], [1, 0], [1, 2]])


def test_symmetric_by_hand():
    half, sixth, third = 1 / 2, 1 / np.sqrt(6), 1 / 3
    expected = [[half, sixth, 0, 0], [sixth, third, sixth, 0], [0, sixth, half, 0], [0, 0, 0, 1]]
    np.testing.assert_allclose(dense(adjacency.symmetric(EDGES, 4), 4), expected, rtol=1e-6)


def test_rows_are_means_by_hand():
    third = 1 / 3
    expected = [[0.5, 0.5, 0, 0], [third, third, third, 0], [0, 0.5, 0.5, 0], [0, 0, 0, 1]]
    np.testing.assert_allclose(dense(adjacency.row_normalised(EDGES, 4), 4), expected, rtol=1e-6)


def test_by_distance_by_hand():
    # 0 and 1 below 2, 2 below 3; 0 below 3 too, so that the way over 2 is the longer one.
    edges = np.array([[0, 2], [1, 2], [2, 3], [0, 3]])
    descendants, ancestors = adjacency.by_distance(edges, 4, largest=2)
    np.testing.assert_array_equal(dense(ancestors[0], 4), np.eye(4))
    np.testing.assert_array_equal(dense(descendants[0], 4), np.eye(4))
    np.testing.assert_allclose(dense(ancestors[1], 4), [[0, 0, 0.5, 0.5], [0, 0, 1, 0], [0, 0, 0, 1], [0, 0, 0, 0]])
    np.testing.assert_allclose(dense(descendants[1], 4), [[0] * 4, [0] * 4, [0.5, 0.5, 0, 0], [0.5, 0, 0.5, 0]])
    assert dense(ancestors[2], 4)[1, 3] == 1 and dense(ancestors[2], 4).sum() == 1
    assert dense(descendants[2], 4)[3, 1] == 1 and dense(descendants[2], 4).sum() == 1


@pytest.mark.parametrize("largest", [1, 4])
def test_distances_are_shortest_paths(largest):
    rng = np.random.default_rng(0)
    pairs = np.sort(rng.integers(0, 40, (70, 2)), axis=1)
    edges = pairs[pairs[:, 0] < pairs[:, 1]]
    graph = np.zeros((40, 40))
    graph[edges[:, 0], edges[:, 1]] = 1
    distance = np.minimum(shortest_path(graph, unweighted=True), 1e9)
    _, ancestors = adjacency.by_distance(edges, 40, largest=largest)
    for group, found in enumerate(ancestors):
        reached = (distance >= group) & (distance < 1e9) if group == largest else distance == group
        np.testing.assert_array_equal(dense(found, 40) > 0, reached)
        np.testing.assert_allclose(dense(found, 40).sum(1), reached.any(1), atol=1e-6)
