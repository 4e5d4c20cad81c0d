"""One graph of two: the first one's names stay, the second one's facts come to them."""

import pytest

from kgv_jax.kg.graph import Graph
from kgv_jax.kg.merge import SAME_AS, merge
from kgv_jax.util.errors import UserError

S, X = "https://example.org/signs#", "https://example.org/others#"


@pytest.fixture
def signs():
    return Graph.from_triples(
        [(S + "yield", S + "broader", S + "priority")],
        types={S + "yield": "Class", S + "priority": "Category"},
        labels={S + "yield": "Yield"},
        attributes={S + "yield": {"note": "first"}},
    )


@pytest.fixture
def others():
    return Graph.from_triples(
        [(X + "giveway", X + "shape", X + "triangle"), (X + "giveway", X + "kind", X + "order")],
        types={X + "giveway": "Sign", X + "triangle": "Shape", X + "order": "Kind"},
        labels={X + "giveway": "Give way", X + "triangle": "triangle!"},
        attributes={X + "giveway": {"note": "second", "code": "205"}},
    )


def test_by_a_table(signs, others):
    merged = merge(signs, others, names={"giveway": "yield", "kind": "broader", "order": "priority"})
    assert set(merged.named_triples()) == {
        (S + "yield", S + "broader", S + "priority"),
        (S + "yield", X + "shape", X + "triangle"),
    }
    node = merged.node(S + "yield")
    assert (merged.types[node], merged.labels[node]) == ("Class", "Yield")
    assert merged.attributes[node] == {"note": "first", "code": "205"}
    triangle = merged.node(X + "triangle")
    assert (merged.types[triangle], merged.labels[triangle]) == ("Shape", "triangle!")
    assert len(merged.nodes) == 3


@pytest.mark.parametrize("side", ["signs", "others", "reversed", "chain"])
def test_by_same_as(signs, others, side):
    links = {
        "signs": [(S + "yield", SAME_AS, X + "giveway")],
        "others": [(X + "giveway", SAME_AS, S + "yield")],
        "reversed": [(S + "yield", SAME_AS, X + "giveway")],
        "chain": [(X + "giveway", SAME_AS, "urn:x:1"), (S + "yield", SAME_AS, "urn:x:1")],
    }[side]
    if side == "signs":
        signs = signs.replace_triples([*signs.named_triples(), *links])
    else:
        others = others.replace_triples([*others.named_triples(), *links])
    merged = merge(signs, others)
    assert merged == merge(signs, others, names={"giveway": "yield"})
    assert len(merged.nodes) == 4 and len(merged.triples) == 3
    assert (S + "yield", X + "shape", X + "triangle") in merged.named_triples()
    assert not [name for name in merged.relations if name == SAME_AS]


def test_same_names_meet_by_themselves(signs):
    more = Graph.from_triples([(S + "yield", S + "shape", S + "triangle")], labels={S + "priority": "priority sign"})
    merged = merge(signs, more)
    assert len(merged.nodes) == 3 and len(merged.triples) == 2
    assert merged.labels[merged.node(S + "priority")] == "priority sign"


def test_the_arguments_stay_as_they_are(signs, others):
    before = signs.digest(), others.digest()
    merge(signs, others, names={"giveway": "yield"})
    assert (signs.digest(), others.digest()) == before


def test_a_triple_within_one_node_is_left_out(signs, others):
    merged = merge(signs, others, names={"giveway": "yield", "order": "yield"})
    assert set(merged.named_triples()) == {
        (S + "yield", S + "broader", S + "priority"),
        (S + "yield", X + "shape", X + "triangle"),
    }


def test_two_nodes_of_the_first_graph_stay_two(signs, others):
    links = [(X + "giveway", SAME_AS, S + "yield"), (X + "giveway", SAME_AS, S + "priority")]
    with pytest.raises(UserError, match=r"#priority and .*#yield are two names of the first graph.*#giveway"):
        merge(signs, others.replace_triples([*others.named_triples(), *links]))


def test_graphs_that_do_not_meet(signs, others):
    with pytest.raises(UserError, match="of 2 and 3 nodes have no node in common; say which names"):
        merge(signs, others)


@pytest.mark.parametrize(
    "names, message",
    [
        ({"givway": "yield"}, r"mapping 'givway' -> 'yield': The graph has no node 'givway', did you mean 'giveway'"),
        ({"giveway": "yeild"}, r"mapping 'giveway' -> 'yeild': The graph has no node 'yeild', did you mean 'yield'"),
    ],
)
def test_unknown_names(signs, others, names, message):
    with pytest.raises(UserError, match=message):
        merge(signs, others, names=names)
