"""The graph as arrays: the mask against the host's, evidence against the facts worked out by hand."""

import numpy as np

from kgv_jax.kg.graph import Graph
from kgv_jax.kg.mask import make_mask, pad_rows
from kgv_jax.methods.graph_arrays import GraphArrays, mask_of
from tests import tiny


def test_the_device_combines_rows_as_the_host_does():
    mask = tiny.mask_table()
    graph_arrays = tiny.graph_arrays(mask)
    rng = np.random.default_rng(0)
    rows = pad_rows([rng.choice(len(mask.table), size=rng.integers(0, 4), replace=False) for _ in range(200)], width=3)
    assert (rows == -1).all(1).any(), "images without a query node must be among them"
    found = mask_of(graph_arrays, rows)
    np.testing.assert_array_equal(found, mask.combine(rows))
    assert set(np.unique(found)) == {-1, 0, 1}


def test_evidence_is_a_mean_over_the_facts_of_each_relation():
    mask = tiny.mask_table()
    graph_arrays = tiny.graph_arrays(mask)
    np.testing.assert_array_equal(graph_arrays.evidence_class, [0, 0, 1, 2, 3])
    graph, names = mask.graph, mask.relations
    german = np.asarray(graph_arrays.evidence[0])
    assert german[names.index("hasColour"), graph.node("red")] == 1.0
    assert german[names.index("hasColour"), graph.node("yellow")] == 0.0
    assert np.asarray(graph_arrays.evidence[1])[names.index("hasColour"), graph.node("yellow")] == 1.0
    assert german[names.index("broader"), graph.node("priority")] == 0.5
    assert german[names.index("broader"), graph.node("sign")] == 0.5
    sums = np.asarray(graph_arrays.evidence).sum(-1)
    supervised = (sums != 0)[:, 1:]
    np.testing.assert_allclose(sums[:, 1:][supervised], 1.0, rtol=1e-6)


def test_facts_and_candidates_are_what_some_class_states():
    mask = tiny.mask_table()
    graph_arrays = tiny.graph_arrays(mask)
    stated = {(mask.relations[j], mask.graph.nodes[k]) for j, k in np.asarray(graph_arrays.facts)}
    expected = {(r, t) for _, r, t in tiny.TRIPLES if r != "variantOf"} | {("broader", "sign")}
    assert stated == expected | {("variantOf", "yield")}
    candidate = np.asarray(graph_arrays.candidate)
    np.testing.assert_array_equal(np.flatnonzero(candidate[0]), sorted(map(mask.graph.node, tiny.CLASSES)))
    assert not candidate[:, mask.graph.node("white")].any()


def test_a_graph_without_facts_or_parents_has_empty_arrays():
    graph = Graph.from_triples([], types={"a": "Class", "b": "Class", "c": "Class"})
    mask = make_mask(graph, query_nodes=[0, 1])
    graph_arrays = GraphArrays.from_mask(mask, class_nodes=[0, 1], class_rows=[[0], [1]], parents=np.zeros((0, 2)))
    assert graph_arrays.facts.shape == graph_arrays.parents.shape == (0, 2)
    np.testing.assert_array_equal(mask_of(graph_arrays, np.array([[0], [-1]])), [[[1, -1, -1]], [[0, 0, 0]]])


def test_held_out_classes_are_not_seen_and_their_own_facts_are_ignored():
    mask = tiny.mask_table()
    graph = mask.graph
    held = graph.node("parking")
    query_nodes = list(mask.query_rows)
    ignored_facts = [("hasShape", graph.node("square"))]
    mask = make_mask(
        graph, query_nodes=query_nodes, hierarchy=tiny.HIERARCHY, ignored_nodes=[held], ignored_facts=ignored_facts
    )
    graph_arrays = tiny.graph_arrays(mask)
    assert np.asarray(graph_arrays.seen).tolist() == [name != "parking" for name in tiny.CLASSES]
    assert tiny.graph_arrays(tiny.mask_table()).seen is None
    facts = {(mask.relations[j], graph.nodes[k]) for j, k in np.asarray(graph_arrays.facts).tolist()}
    assert ("hasColour", "blue") in facts and ("hasShape", "square") not in facts
    shape, own = mask.relations.index("hasShape"), tiny.CLASSES.index("parking")
    (row,) = np.flatnonzero(np.asarray(graph_arrays.evidence_class) == own)
    # What describes it still does, where its node is known from elsewhere.
    assert graph_arrays.evidence[row, shape, graph.node("square")] == 1 and not graph_arrays.evidence[row, 0].any()
    assert not graph_arrays.candidate[0, held] and graph_arrays.candidate[shape, graph.node("square")]
