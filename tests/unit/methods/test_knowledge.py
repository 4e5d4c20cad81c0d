"""The graph as arrays: the mask against its numpy twin, evidence against the facts worked out by hand."""

import numpy as np

from kgv_jax.kg.graph import Graph
from kgv_jax.kg.mask import make_mask_table, pad_rows
from kgv_jax.methods.knowledge import make_knowledge, mask_of
from tests import tiny


def test_mask_of_equals_the_tables_own_combination():
    mask = tiny.mask_table()
    knowledge = tiny.knowledge(mask)
    rng = np.random.default_rng(0)
    rows = pad_rows([rng.choice(len(mask.table), size=rng.integers(0, 4), replace=False) for _ in range(200)], width=3)
    assert (rows == -1).all(1).any(), "pictures without a head must be among them"
    found = mask_of(knowledge, rows)
    np.testing.assert_array_equal(found, mask.combine(rows))
    assert set(np.unique(found)) == {-1, 0, 1}


def test_evidence_is_a_mean_over_the_facts_of_each_relation():
    mask = tiny.mask_table()
    knowledge = tiny.knowledge(mask)
    np.testing.assert_array_equal(knowledge.evidence_class, [0, 0, 1, 2, 3])
    graph, names = mask.graph, mask.relations
    german = np.asarray(knowledge.evidence[0])
    assert german[names.index("hasColour"), graph.node("red")] == 1.0
    assert german[names.index("hasColour"), graph.node("yellow")] == 0.0
    assert np.asarray(knowledge.evidence[1])[names.index("hasColour"), graph.node("yellow")] == 1.0
    assert german[names.index("broader"), graph.node("priority")] == 0.5
    assert german[names.index("broader"), graph.node("sign")] == 0.5
    sums = np.asarray(knowledge.evidence).sum(-1)
    speaks = (sums != 0)[:, 1:]
    np.testing.assert_allclose(sums[:, 1:][speaks], 1.0, rtol=1e-6)


def test_facts_and_candidates_are_what_some_class_states():
    mask = tiny.mask_table()
    knowledge = tiny.knowledge(mask)
    stated = {(mask.relations[j], mask.graph.nodes[k]) for j, k in np.asarray(knowledge.facts)}
    expected = {(r, t) for _, r, t in tiny.TRIPLES if r != "variantOf"} | {("broader", "sign")}
    assert stated == expected | {("variantOf", "yield")}
    candidate = np.asarray(knowledge.candidate)
    np.testing.assert_array_equal(np.flatnonzero(candidate[0]), sorted(map(mask.graph.node, tiny.CLASSES)))
    assert not candidate[:, mask.graph.node("white")].any()


def test_a_graph_without_facts_or_parents_has_empty_arrays():
    graph = Graph.from_triples([], types={"a": "Class", "b": "Class", "c": "Class"})
    mask = make_mask_table(graph, heads=[0, 1])
    knowledge = make_knowledge(mask, class_nodes=[0, 1], class_rows=[[0], [1]], parents=np.zeros((0, 2)))
    assert knowledge.facts.shape == knowledge.parents.shape == (0, 2)
    np.testing.assert_array_equal(mask_of(knowledge, np.array([[0], [-1]])), [[[1, -1, -1]], [[0, 0, 0]]])


def test_held_out_classes_are_not_seen_and_their_own_facts_not_asked():
    mask = tiny.mask_table()
    graph = mask.graph
    held = graph.node("parking")
    heads = list(mask.head_rows)
    unasked = [("hasShape", graph.node("square"))]
    mask = make_mask_table(graph, heads=heads, hierarchy=tiny.HIERARCHY, ignored=[held], unasked=unasked)
    knowledge = tiny.knowledge(mask)
    assert np.asarray(knowledge.seen).tolist() == [name != "parking" for name in tiny.CLASSES]
    assert tiny.knowledge(tiny.mask_table()).seen is None
    facts = {(mask.relations[j], graph.nodes[k]) for j, k in np.asarray(knowledge.facts).tolist()}
    assert ("hasColour", "blue") in facts and ("hasShape", "square") not in facts
    shape, own = mask.relations.index("hasShape"), tiny.CLASSES.index("parking")
    (row,) = np.flatnonzero(np.asarray(knowledge.evidence_class) == own)
    # What describes it still does, where its node is known from elsewhere.
    assert knowledge.evidence[row, shape, graph.node("square")] == 1 and not knowledge.evidence[row, 0].any()
    assert not knowledge.candidate[0, held] and knowledge.candidate[shape, graph.node("square")]
