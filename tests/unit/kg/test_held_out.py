"""Classes chosen along a tree, and what training then never shows, by hand."""

import collections
import functools
import itertools

import numpy as np
import pytest

from kgv_jax.kg.class_tree import make_class_tree
from kgv_jax.kg.graph import Graph
from kgv_jax.kg.held_out import choose_classes, find_ignored, tree_order
from kgv_jax.kg.mask import make_mask
from tests import tiny


def _tree(sizes):
    """A root, a branch for each size, and so many classes below it."""
    branch = [f"b{k}" for k, size in enumerate(sizes) for _ in range(size)]
    names = [f"{own}-{k}" for k, own in enumerate(branch)]
    count = len(names)
    below = [[k, count + int(own[1:])] for k, own in enumerate(branch)]
    above = [[count + k, count + len(sizes)] for k in range(len(sizes))]
    return names, make_class_tree(np.array(below + above), np.arange(count))


@pytest.mark.parametrize("seed", range(4))
def test_every_branch_gives_its_share(seed):
    names, tree = _tree((20, 12, 8))
    order = tree_order(names, tree, seed)
    assert sorted(order) == sorted(names)
    chosen = choose_classes(order, 10, seed)
    assert len(set(chosen)) == 10
    shares = collections.Counter(name.partition("-")[0] for name in chosen)
    assert [shares[branch] for branch in ("b0", "b1", "b2")] == [5, 3, 2]


def test_branches_stay_together_and_the_seed_orders_them():
    names, tree = _tree((3, 4))
    orders = {seed: tree_order(names, tree, seed) for seed in range(8)}
    for order in orders.values():
        branches = [name.partition("-")[0] for name in order]
        assert sum(a != b for a, b in itertools.pairwise(branches)) == 1
    assert len({tuple(order) for order in orders.values()}) > 4
    assert orders[3] == tree_order(names, tree, 3)


def test_without_a_tree_the_seed_alone_orders():
    names = [f"c{k}" for k in range(12)]
    first = tree_order(names, None, 0)
    assert sorted(first) == sorted(names) and first != names and first != tree_order(names, None, 1)
    assert tree_order(names[:5], None, 0) == [name for name in first if name in names[:5]]


def test_all_classes_are_chosen_where_the_count_is_all():
    assert sorted(choose_classes(list("abcde"), 5, 0)) == list("abcde")


def _mask(**options):
    graph = tiny.graph()
    query_nodes = [graph.node(name) for name, kind in tiny.TYPES.items() if kind != "Category"]
    return make_mask(graph, query_nodes=query_nodes, hierarchy=tiny.HIERARCHY, **options)


def test_what_only_held_out_classes_state():
    mask = _mask()
    graph = mask.graph
    ignored = find_ignored(mask, [graph.node("parking")])
    # Its shape and its colour are elements of their own; no other class has them. `sign` is above others too.
    assert [graph.nodes[node] for node in ignored.nodes] == ["parking"]
    assert ignored.facts == (("hasColour", graph.node("blue")), ("hasShape", graph.node("square")))


def test_what_nothing_else_shows_is_ignored():
    graph = tiny.graph()
    query_nodes = [graph.node(name) for name in tiny.CLASSES]
    mask = make_mask(graph, query_nodes=query_nodes, hierarchy=tiny.HIERARCHY)
    ignored = find_ignored(mask, [graph.node("no_entry")])
    assert [graph.nodes[node] for node in ignored.nodes] == ["circle", "no_entry", "prohibition"]
    assert ignored.facts == ()


def test_a_more_special_fact_is_still_shown():
    triples = """
        seen hasPart darkred | darkred broader red | held hasPart red | seen2 hasPart blue
    """
    graph = Graph.from_triples(tuple(part.split()) for part in triples.split("|"))
    query_nodes = [graph.node(name) for name in ("seen", "held", "seen2")]
    make = functools.partial(make_mask, graph, query_nodes=query_nodes, hierarchy=["broader"])
    ignored = find_ignored(make(), [graph.node("held")])
    assert [graph.nodes[node] for node in ignored.nodes] == ["held", "red"]
    mask = make(ignored_nodes=ignored.nodes, ignored_facts=ignored.facts)
    parts = mask.table[mask.row("seen"), mask.relations.index("hasPart")]
    assert {graph.nodes[node]: int(value) for node, value in enumerate(parts) if value > -2} == {
        "darkred": 1, "red": 0, "held": 0, "blue": -1
    }  # fmt: skip


def test_an_ignored_fact_is_a_positive_and_nobodys_negative():
    graph = tiny.graph()
    square, blue = graph.node("square"), graph.node("blue")
    full, mask = _mask(), _mask(ignored_nodes=[graph.node("parking")], ignored_facts=[("hasShape", square)])
    shape, colour = (mask.relations.index(name) for name in ("hasShape", "hasColour"))
    assert mask.table[mask.row("parking"), shape, square] == 1
    assert full.table[full.row("stop"), shape, square] == -1 and full.table[full.row("stop"), colour, blue] == -1
    for name in ("stop", "no_entry"):
        m = mask.combine(np.array([[mask.row(name)]], np.int32))[0]
        assert m[shape, square] == 0 and m[colour, blue] == -1 and (m[:, graph.node("parking")] == 0).all()
    # Among element images the square stays one of the shapes.
    assert mask.table[mask.row("octagon"), 0, square] == -1
    everywhere = _mask(candidates="all", ignored_facts=[("hasShape", square)])
    assert not (everywhere.table[everywhere.row("stop"), :, square] == -1).any()
    assert (full.combine(np.array([[full.row("stop")]], np.int32))[0, shape, square]) == -1
