"""Ancestors, descendants, depths and cycles, against networkx."""

import networkx
import numpy as np
import pytest

from kgv_jax.kg import closure
from kgv_jax.kg.graph import Graph
from kgv_jax.util.errors import UserError


def random_graph(rng, *, acyclic):
    count = int(rng.integers(2, 15))
    triples = []
    for _ in range(int(rng.integers(1, 3 * count))):
        low, high = sorted(rng.choice(count, 2, replace=False).tolist())
        if not acyclic and rng.random() < 0.2:
            low, high = high, low
        triples.append((f"n{high:02}", f"r{rng.integers(2)}", f"n{low:02}"))
    graph = Graph.from_triples(triples)
    return graph, networkx.DiGraph([(h, t) for h, _, t in graph.triples.tolist()])


def test_against_networkx():
    rng = np.random.default_rng(0)
    for _ in range(100):
        graph, reference = random_graph(rng, acyclic=True)
        relations = range(len(graph.relations))
        above = closure.ancestors(graph, relations)
        below = closure.descendants(above)
        depths = closure.depths(graph, relations)
        assert closure.find_cycles(graph, relations) == []
        for node in reference:
            assert above[node] == networkx.descendants(reference, node)
            assert below[node] == networkx.ancestors(reference, node)
            # Longest way up: the edges point up.
            part = reference.subgraph({node} | networkx.descendants(reference, node))
            assert depths[node] == networkx.dag_longest_path_length(part)


def test_cycles_are_found_exactly_where_there_are_some():
    rng = np.random.default_rng(1)
    seen = 0
    for _ in range(200):
        graph, reference = random_graph(rng, acyclic=False)
        relations = tuple(range(len(graph.relations)))
        cycles = closure.find_cycles(graph, relations)
        knots = [part for part in networkx.strongly_connected_components(reference) if len(part) > 1]
        assert all(any(part >= set(c) for part in knots) for c in cycles)
        assert all(any(part >= set(c) for c in cycles) for part in knots)
        for cycle in cycles:
            assert all(reference.has_edge(a, b) for a, b in zip(cycle, cycle[1:] + cycle[:1], strict=True))
        if cycles:
            seen += 1
            with pytest.raises(UserError, match=" -> "):
                closure.ancestors(graph, relations)
    assert 20 < seen < 200


def test_a_cycle_is_named():
    graph = Graph.from_triples([("x:a", "x:up", "x:b"), ("x:b", "x:over", "x:c"), ("x:c", "x:up", "x:a")])
    for read in (closure.ancestors, closure.check_acyclic):
        with pytest.raises(UserError, match=r"hierarchy \(over, up\) has a cycle: a -> b -> c -> a\. Take out"):
            read(graph, closure.present(graph, ("up", "over")))
    closure.check_acyclic(graph, closure.present(graph, ("up",)))
    assert closure.ancestors(graph, closure.present(graph, ("up",)))[0] == {1}


def test_relations_that_are_absent_add_nothing():
    graph = Graph.from_triples([("a", "https://e.org/v#up", "b")])
    assert closure.present(graph, ("UP", "over")) == (0,)
    assert closure.present(graph, ("over",)) == ()
    assert closure.ancestors(graph, ()) == (frozenset(), frozenset())


def test_a_hierarchy_of_the_size_of_wordnet():
    rng = np.random.default_rng(2)
    size = 80_000
    tails = (np.arange(1, size) * rng.random(size - 1)).astype(int)
    graph = Graph.from_triples((f"n{h:06}", "up", f"n{t:06}") for h, t in enumerate(tails.tolist(), start=1))
    above = closure.ancestors(graph, (0,))
    below = closure.descendants(above)
    depths = closure.depths(graph, (0,))
    assert len(below[0]) == size - 1
    np.testing.assert_array_equal(depths, [len(nodes) for nodes in above])
