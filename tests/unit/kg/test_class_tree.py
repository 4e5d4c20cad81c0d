"""The tree of the classes, worked out by hand."""

import networkx
import numpy as np
import pytest

from kgv_jax.kg.class_tree import make_class_tree, tree_distances
from kgv_jax.util.errors import UserError

# Classes 0, 1 below 10; 2 below 11 and 12; 10, 11, 12 below 20. 12 gathers 2 and 3, so 2 keeps 11.
PARENTS = np.array([[0, 10], [1, 10], [2, 12], [2, 11], [3, 12], [10, 20], [11, 20], [12, 20], [7, 0]])
CLASSES = np.arange(4)


def test_the_tree_by_hand():
    tree = make_class_tree(PARENTS, CLASSES)
    rows = {tuple(np.flatnonzero(own)): height for own, height in zip(tree.members, tree.height, strict=True)}
    assert rows == {(0,): 0, (1,): 0, (0, 1): 1, (2,): 1, (3,): 1, (0, 1, 2, 3): 2}
    assert tree.path.shape == (4, 3) and len({int(root) for root in tree.path[:, -1]}) == 1
    assert tree.path[0, 1] == tree.path[1, 1] != tree.path[2, 1] != tree.path[3, 1]
    np.testing.assert_array_equal(2 * tree_distances(tree), [[0, 1, 2, 2], [1, 0, 2, 2], [2, 2, 0, 2], [2, 2, 2, 0]])


def test_distances_are_heights_of_networkx_lowest_common_ancestors():
    rng = np.random.default_rng(0)
    parents = np.array([(child, rng.integers(0, child)) for child in range(1, 40)])
    tree = networkx.DiGraph([(above, child) for child, above in parents.tolist()])
    leaves = sorted(node for node in tree if tree.out_degree(node) == 0)
    found = tree_distances(make_class_tree(parents, np.array(leaves)))
    height = {n: networkx.dag_longest_path_length(tree.subgraph({n} | networkx.descendants(tree, n))) for n in tree}
    pairs = [(a, b) for i, a in enumerate(leaves) for b in leaves[i + 1 :]]
    for (a, b), lowest in networkx.all_pairs_lowest_common_ancestor(tree, pairs):
        expected = height[lowest] / height[0]
        np.testing.assert_allclose(found[leaves.index(a), leaves.index(b)], expected, rtol=1e-6)


def test_several_roots_get_one():
    forest = make_class_tree(np.array([[0, 10], [1, 10], [2, 11], [3, 11]]), CLASSES)
    assert forest.members[forest.path[:, -1]].all() and forest.height.max() == 2


def test_a_class_may_lie_above_another():
    nested = make_class_tree(np.array([[0, 1], [1, 20], [2, 20]]), np.arange(3))
    np.testing.assert_array_equal(nested.height[nested.path[0]], [0, 1, 2])
    assert tree_distances(nested)[0, 1] == 0.5
    # It has a leaf of its own below the node that gathers it and what lies below it.
    gathered = [[np.flatnonzero(nested.members[node]).tolist() for node in way] for way in nested.path]
    assert gathered == [[[0], [0, 1], [0, 1, 2]], [[1], [0, 1], [0, 1, 2]], [[2], [0, 1, 2], [0, 1, 2]]]
    np.testing.assert_array_equal(nested.height[nested.path[1]], [0, 1, 2])


def test_a_class_may_be_the_root():
    tree = make_class_tree(np.array([[1, 0], [2, 0]]), np.arange(3))
    gathered = [[np.flatnonzero(tree.members[node]).tolist() for node in way] for way in tree.path]
    assert gathered == [[[0], [0, 1, 2]], [[1], [0, 1, 2]], [[2], [0, 1, 2]]]
    np.testing.assert_array_equal(tree_distances(tree), 1 - np.eye(3))


def test_a_flat_graph_is_refused():
    with pytest.raises(UserError, match=r"No class has a node above it .*config\.kg\.hierarchy"):
        make_class_tree(np.zeros((0, 2), int), CLASSES)
