"""Severity of mistakes on a tree and on a hierarchy that is none, by hand and against networkx."""

import networkx
import numpy as np
import pytest

from kgv_jax.kg.graph import Graph
from kgv_jax.report import severity
from kgv_jax.util.errors import UserError

# thing - animal - dog, cat      A class `horse` straight below the root, a variant below `dog`,
#       - vehicle - car - taxi   and `car` is a class with the class `taxi` below it.
TREE = [
    ("animal", "broader", "thing"),
    ("vehicle", "broader", "thing"),
    ("dog", "broader", "animal"),
    ("cat", "broader", "animal"),
    ("car", "broader", "vehicle"),
    ("taxi", "broader", "car"),
    ("horse", "broader", "thing"),
    ("dog.de", "variantOf", "dog"),
    ("dog", "eats", "cat"),
]
CLASSES = ["dog", "cat", "car", "taxi", "horse"]


def hierarchy(triples, classes, relations=("broader", "variantOf", "subClassOf")):
    graph = Graph.from_triples(triples)
    return graph, severity.class_hierarchy(graph, [graph.node(name) for name in classes], relations)


def named(graph, found):
    return {graph.nodes[node]: int(height) for node, height in zip(found.node, found.height, strict=True)}


def test_heights_by_hand():
    graph, found = hierarchy(TREE, CLASSES)
    # The variant below dog does not lift it.
    assert named(graph, found) == {
        "dog": 0, "cat": 0, "taxi": 0, "horse": 0, "car": 1, "animal": 1, "vehicle": 2, "thing": 3,
    }  # fmt: skip
    expected = [
        [0, 1, 3, 3, 3],
        [1, 0, 3, 3, 3],
        [3, 3, 0, 1, 3],
        [3, 3, 1, 0, 3],
        [3, 3, 3, 3, 0],
    ]
    np.testing.assert_array_equal(severity.lca_heights(found), expected)


def test_the_lowest_of_several_common_ancestors():
    # a and b meet at `low` (height 1) and at `high` (height 2, over c's parent `mid`).
    triples = [("a", "broader", "low"), ("b", "broader", "low"), ("a", "broader", "high"), ("b", "broader", "high")]
    triples += [("c", "broader", "mid"), ("mid", "broader", "high")]
    graph, found = hierarchy(triples, ["a", "b", "c"])
    assert named(graph, found)["high"] == 2
    np.testing.assert_array_equal(severity.lca_heights(found), [[0, 1, 2], [1, 0, 2], [2, 2, 0]])


def test_without_a_common_ancestor_one_is_thought_of_above_all():
    _, found = hierarchy([("a", "broader", "x"), ("b", "broader", "x"), ("c", "broader", "y")], ["a", "b", "c"])
    np.testing.assert_array_equal(severity.lca_heights(found), [[0, 1, 2], [1, 0, 2], [2, 2, 0]])


def test_without_any_hierarchy_every_mistake_is_as_bad():
    _, found = hierarchy([("a", "eats", "b")], ["a", "b"])
    np.testing.assert_array_equal(severity.lca_heights(found), [[0, 1], [1, 0]])


def test_against_networkx_on_random_trees():
    rng = np.random.default_rng(0)
    for _ in range(5):
        parent = [rng.integers(0, node) for node in range(1, 40)]
        triples = [(f"n{child:02}", "broader", f"n{above:02}") for child, above in enumerate(parent, 1)]
        tree = networkx.DiGraph([(above, child) for child, _, above in triples])
        leaves = sorted(node for node in tree if tree.out_degree(node) == 0)
        _, found = hierarchy(triples, leaves)
        heights = severity.lca_heights(found)
        pairs = [(a, b) for i, a in enumerate(leaves) for b in leaves[i + 1 :]]
        for (a, b), lowest in networkx.all_pairs_lowest_common_ancestor(tree, pairs):
            below = tree.subgraph({lowest} | networkx.descendants(tree, lowest))
            expected = networkx.dag_longest_path_length(below)
            assert heights[leaves.index(a), leaves.index(b)] == expected


def test_severity_and_distance_by_hand():
    _, found = hierarchy(TREE, CLASSES)
    heights = severity.lca_heights(found)
    log_p = np.log([[0.6, 0.2, 0.1, 0.05, 0.05], [0.6, 0.2, 0.1, 0.05, 0.05], [0.1, 0.2, 0.3, 0.35, 0.05]])
    label = np.array([0, 1, 1])  # a hit, cat for dog, taxi for cat
    chosen = severity.top_classes(log_p, 2)
    np.testing.assert_array_equal(chosen, [[0, 1], [0, 1], [3, 2]])
    distance = severity.distances(heights, chosen, label)
    np.testing.assert_array_equal(distance, [[0, 1], [1, 0], [3, 3]])
    assert severity.mistake_severity(distance[:, 0]) == 2  # (1 + 3) / 2: the hit does not count
    assert distance[:, :2].mean() == pytest.approx(8 / 6)
    assert np.isnan(severity.mistake_severity(distance[:1, 0]))


def test_the_nearest_right_class_counts():
    _, found = hierarchy(TREE, CLASSES)
    also = np.array([[3, -1], [-1, -1]])
    distance = severity.distances(severity.lca_heights(found), np.array([[2], [2]]), np.array([0, 0]), also)
    np.testing.assert_array_equal(distance, [[1], [3]])


def test_branches_begin_below_the_trunk():
    graph, found = hierarchy([*TREE, ("thing", "broader", "entity")], CLASSES)
    by_name = {graph.nodes[node]: members.tolist() for node, members in severity.branches(found).items()}
    assert by_name == {
        "animal": [True, True, False, False, False],
        "vehicle": [False, False, True, True, False],
        "horse": [False, False, False, False, True],
    }


def test_a_class_of_two_branches():
    triples = [("a", "broader", "x"), ("a", "broader", "y"), ("b", "broader", "y"), ("y", "broader", "z")]
    graph, found = hierarchy(triples, ["a", "b"])
    assert {graph.nodes[node]: members.tolist() for node, members in severity.branches(found).items()} == {
        "x": [True, False],
        "b": [False, True],
    }


def test_a_cycle_is_named():
    with pytest.raises(UserError, match="has a cycle: a -> b -> a"):
        hierarchy([("a", "broader", "b"), ("b", "broader", "a")], ["a"])
