"""Decisions of least risk, by hand and against what is known of them on trees."""

import numpy as np
import pytest

from kgv_jax.kg.graph import Graph
from kgv_jax.report import risk, severity

# dog and cat meet at height 1; taxi meets them at 3.
COST = np.array([[0, 1, 3], [1, 0, 3], [3, 3, 0]])


def test_the_decision_by_hand():
    p = np.array([[0.35, 0.25, 0.4], [0.2, 0.2, 0.6], [0.25, 0.25, 0.5]])
    expected = [
        [0.25 + 3 * 0.4, 0.35 + 3 * 0.4, 3 * 0.6],  # 1.45, 1.55, 1.8: dog, though taxi is the most probable
        [0.2 + 3 * 0.6, 0.2 + 3 * 0.6, 3 * 0.4],  # 2, 2, 1.2: taxi
        [0.25 + 3 * 0.5, 0.25 + 3 * 0.5, 3 * 0.5],  # 1.75, 1.75, 1.5: taxi
    ]
    np.testing.assert_allclose(risk.expected_costs(np.log(p), COST), expected, rtol=1e-12)
    np.testing.assert_array_equal(risk.least_risk_classes(np.log(p), COST, 3), [[0, 1, 2], [2, 0, 1], [2, 0, 1]])


def test_rows_are_answers_where_costs_are_not_symmetric():
    cost = np.array([[0.0, 10.0], [1.0, 0.0]])  # answering 0 where 1 is right costs ten times the other mistake
    log_p = np.log([[0.8, 0.2]])
    np.testing.assert_allclose(risk.expected_costs(log_p, cost), [[2.0, 0.8]])
    assert risk.least_risk_classes(log_p, cost, 1) == 1


def test_log_probabilities_may_be_off_by_a_constant():
    log_p = np.log([[0.35, 0.25, 0.4]])
    np.testing.assert_allclose(risk.expected_costs(log_p - 7, COST), risk.expected_costs(log_p, COST), rtol=1e-12)


def test_of_equal_risks_the_more_probable_is_answered():
    cost = np.ones((4, 4)) - np.eye(4)
    cost[:2, :2] = 0  # classes 0 and 1 are one class
    log_p = np.log([[0.3, 0.4, 0.2, 0.1]])
    np.testing.assert_array_equal(risk.least_risk_classes(log_p, cost, 4), [[1, 0, 2, 3]])


def test_if_every_mistake_is_as_bad_it_is_the_most_probable_class():
    log_p = np.random.default_rng(0).normal(size=(50, 9)).astype(np.float32)
    cost = 3 * (1 - np.eye(9))
    np.testing.assert_array_equal(risk.least_risk_classes(log_p, cost, 9), severity.top_classes(log_p, 9))


@pytest.mark.parametrize("seed", range(3))
def test_on_a_tree_more_than_half_the_probability_decides(seed):
    """By the triangle inequality `R_k - R_m >= (2 p_m - 1) C_km`: the rule moves uncertain images alone."""
    rng = np.random.default_rng(seed)
    triples = [(f"n{child:02}", "broader", f"n{rng.integers(0, child):02}") for child in range(1, 30)]
    graph = Graph.from_triples(triples)
    leaves = sorted(set(range(30)) - {graph.node(parent) for _, _, parent in triples})
    heights = severity.lca_heights(severity.class_hierarchy(graph, leaves, ("broader",)))
    log_p = np.log(rng.dirichlet(np.full(len(leaves), 0.3), 400))
    best, answer = log_p.argmax(-1), risk.least_risk_classes(log_p, heights, 1)[:, 0]
    sure = np.exp(log_p.max(-1)) > 0.5
    np.testing.assert_array_equal(answer[sure], best[sure])
    assert (answer != best).any()
    costs, rows = risk.expected_costs(log_p, heights), np.arange(400)
    assert costs[rows, answer].mean() < costs[rows, best].mean()
    np.testing.assert_allclose(costs[rows, answer], costs.min(-1), rtol=1e-9)
