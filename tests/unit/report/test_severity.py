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


# dog and cat meet at height 1; taxi meets them at 3.
COST = np.array([[0, 1, 3], [1, 0, 3], [3, 3, 0]])


def test_the_decision_by_hand():
    p = np.array([[0.35, 0.25, 0.4], [0.2, 0.2, 0.6], [0.25, 0.25, 0.5]])
    expected = [
        [0.25 + 3 * 0.4, 0.35 + 3 * 0.4, 3 * 0.6],  # 1.45, 1.55, 1.8: dog, though taxi is the most probable
        [0.2 + 3 * 0.6, 0.2 + 3 * 0.6, 3 * 0.4],  # 2, 2, 1.2: taxi
        [0.25 + 3 * 0.5, 0.25 + 3 * 0.5, 3 * 0.5],  # 1.75, 1.75, 1.5: taxi
    ]
    np.testing.assert_allclose(severity.expected_costs(np.log(p), COST), expected, rtol=1e-12)
    np.testing.assert_array_equal(severity.least_risk_classes(np.log(p), COST, 3), [[0, 1, 2], [2, 0, 1], [2, 0, 1]])


def test_rows_are_answers_where_costs_are_not_symmetric():
    cost = np.array([[0.0, 10.0], [1.0, 0.0]])  # answering 0 where 1 is right costs ten times the other mistake
    log_p = np.log([[0.8, 0.2]])
    np.testing.assert_allclose(severity.expected_costs(log_p, cost), [[2.0, 0.8]])
    assert severity.least_risk_classes(log_p, cost, 1) == 1


def test_log_probabilities_may_be_off_by_a_constant():
    log_p = np.log([[0.35, 0.25, 0.4]])
    np.testing.assert_allclose(
        severity.expected_costs(log_p - 7, COST), severity.expected_costs(log_p, COST), rtol=1e-12
    )


def test_of_equal_risks_the_more_probable_is_answered():
    cost = np.ones((4, 4)) - np.eye(4)
    cost[:2, :2] = 0  # classes 0 and 1 are one class
    log_p = np.log([[0.3, 0.4, 0.2, 0.1]])
    np.testing.assert_array_equal(severity.least_risk_classes(log_p, cost, 4), [[1, 0, 2, 3]])


def test_if_every_mistake_is_as_bad_it_is_the_most_probable_class():
    log_p = np.random.default_rng(0).normal(size=(50, 9)).astype(np.float32)
    cost = 3 * (1 - np.eye(9))
    np.testing.assert_array_equal(severity.least_risk_classes(log_p, cost, 9), severity.top_classes(log_p, 9))


@pytest.mark.parametrize("seed", range(3))
def test_on_a_tree_more_than_half_the_probability_decides(seed):
    """By the triangle inequality `R_k - R_m >= (2 p_m - 1) C_km`: the rule moves uncertain images alone."""
    rng = np.random.default_rng(seed)
    triples = [(f"n{child:02}", "broader", f"n{rng.integers(0, child):02}") for child in range(1, 30)]
    graph = Graph.from_triples(triples)
    leaves = sorted(set(range(30)) - {graph.node(parent) for _, _, parent in triples})
    heights = severity.lca_heights(severity.class_hierarchy(graph, leaves, ("broader",)))
    log_p = np.log(rng.dirichlet(np.full(len(leaves), 0.3), 400))
    best, answer = log_p.argmax(-1), severity.least_risk_classes(log_p, heights, 1)[:, 0]
    sure = np.exp(log_p.max(-1)) > 0.5
    np.testing.assert_array_equal(answer[sure], best[sure])
    assert (answer != best).any()
    costs, rows = severity.expected_costs(log_p, heights), np.arange(400)
    assert costs[rows, answer].mean() < costs[rows, best].mean()
    np.testing.assert_allclose(costs[rows, answer], costs.min(-1), rtol=1e-9)
