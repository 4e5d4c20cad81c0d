"""Names -> nodes, and the neighbours of a node."""

import dataclasses

import numpy as np
import pytest

from kgv_jax.kg.graph import Graph
from kgv_jax.kg.names import local_name
from kgv_jax.util.errors import UserError

S, L, V = "https://e.org/sign#", "https://e.org/legend#", "https://e.org/vocab/"


@pytest.fixture
def graph():
    return Graph.from_triples(
        [
            (S + "yield", V + "hasShape", S + "triangle"),
            (S + "deer", V + "hasShape", S + "triangle"),
            (S + "deer", V + "hasLegend", L + "deer"),
            (S + "deer", V + "hasLegend", L + "deer"),
            (S + "deer", V + "hasShape", S + "diamond"),
        ],
        labels={S + "yield": "Give way", L + "deer": "leaping deer"},
        types={S + "yield": "Class", S + "deer": "Class"},
        nodes=[S + "alone"],
    )


def test_from_triples_sorts_and_drops_repeats(graph):
    assert list(graph.nodes) == sorted(graph.nodes) and len(graph.triples) == 4
    np.testing.assert_array_equal(graph.triples, np.unique(graph.triples, axis=0))
    assert graph.triples.dtype == np.int32
    assert graph == Graph.from_triples(
        reversed(graph.named_triples()),
        nodes=graph.nodes,
        labels=dict(zip(graph.nodes, graph.labels, strict=True)),
        types=dict(zip(graph.nodes, graph.types, strict=True)),
    )
    assert graph == graph.replace_triples(graph.named_triples())
    assert graph != graph.replace_triples(graph.named_triples()[1:])
    renamed = [(head, relation.replace("hasShape", "hasForm"), tail) for head, relation, tail in graph.named_triples()]
    assert graph != graph.replace_triples(renamed)
    assert len({graph, graph.replace_triples(graph.named_triples())}) == 1


def test_it_cannot_be_changed(graph):
    with pytest.raises(dataclasses.FrozenInstanceError):
        graph.nodes = ()
    with pytest.raises(ValueError, match="read-only"):
        graph.triples[0, 0] = 1


def test_names_of_nodes(graph):
    triangle = graph.nodes.index(S + "triangle")
    for name in (S + "triangle", "triangle", "sign:triangle", "Triangle", triangle):
        assert graph.node(name) == triangle
    for name in ("Give way", "give_way", "GIVE-WAY", "yield"):
        assert graph.node(name) == graph.nodes.index(S + "yield")
    assert graph.node("legend:deer") == graph.nodes.index(L + "deer")
    with pytest.raises(UserError, match=r"'deer' may mean 2 nodes.*legend#deer.*sign#deer"):
        graph.node("deer")
    with pytest.raises(UserError, match=r"no node 'triangel', did you mean 'triangle'"):
        graph.node("triangel")
    with pytest.raises(UserError, match="'hasShape' is a relation"):
        graph.node("hasShape")


def test_names_of_relations(graph):
    for name in (V + "hasShape", "hasShape", "hasshape", 1):
        assert graph.relation(name) == 1
    with pytest.raises(UserError, match=r"no relation 'hasShap', did you mean 'hasShape'"):
        graph.relation("hasShap")
    both = Graph.from_triples([("a", "x:p", "b"), ("a", "y:p", "b")])
    with pytest.raises(UserError, match="may mean 2 relations"):
        both.relation("p")


def test_neighbours(graph):
    deer, diamond, triangle = (graph.node(name) for name in ("sign:deer", "diamond", "triangle"))
    assert graph.tails("sign:deer", "hasShape") == (diamond, triangle)
    assert graph.tails(triangle, "hasShape") == ()
    assert graph.heads("hasShape", "triangle") == (deer, graph.node("yield"))
    assert graph.objects("hasLegend").tolist() == [graph.node("legend:deer")]
    assert graph.nodes_of_type("Class") == (deer, graph.node("yield"))
    assert len(graph.outgoing(graph.node("alone"))) == len(graph.incoming(graph.node("alone"))) == 0


@pytest.mark.parametrize(
    ("name", "local"),
    [
        ("https://e.org/sign#yield.de", "yield.de"),
        ("https://e.org/sign/yield/", "yield"),
        ("sign:yield", "yield"),
        ("urn:sign:yield", "yield"),
        ("AC/DC", "AC/DC"),
        ("Speed limit: 30", "Speed limit: 30"),
        ("yield", "yield"),
    ],
)
def test_local_names(name, local):
    assert local_name(name) == local
