"""The fake graph has the shape that it claims."""

import numpy as np
import pytest

from kgv_jax.kg import closure, fake
from kgv_jax.kg.check import check
from kgv_jax.kg.load import load_graph
from kgv_jax.kg.mask import make_mask
from kgv_jax.kg.turtle import VOCAB


@pytest.fixture(scope="module")
def graph():
    return fake.make_graph()


@pytest.fixture(scope="module")
def classes(graph):
    return [graph.node(name) for name in fake.class_names()]


def test_sizes(graph, classes):
    assert len(graph.nodes) == 1860
    assert len(graph.nodes_of_type("Class")) == len(set(classes)) == 1000
    assert graph.relations == (VOCAB + "broader",)
    depths = closure.depths(graph, (0,))
    assert depths.max() == fake.MOST_DEPTH
    assert 6 < depths[classes].mean() < 10


def test_every_node_is_a_class_or_above_one_and_below_the_root(graph, classes):
    above = closure.ancestors(graph, (0,))
    assert set().union(*(above[node] for node in classes)) == set(range(1860)) - set(classes)
    roots = [node for node in range(1860) if not above[node]]
    assert len(roots) == 1
    assert all(roots[0] in above[node] for node in range(1860) if node != roots[0])


def test_some_classes_have_two_parents(graph, classes):
    parents = np.array([len(nodes) for nodes in closure.parents(graph, (0,))])
    assert parents.max() == 2
    assert 30 <= (parents[classes] == 2).sum() <= 40


def test_the_file_holds_the_graph(graph, empty_kgv_cache):
    path = fake.graph_path()
    assert path.is_relative_to(empty_kgv_cache)
    assert load_graph(path).graph == graph
    assert set(graph.types) == {"Class", "Category"}
    written = path.stat().st_mtime_ns
    assert fake.graph_path() == path and path.stat().st_mtime_ns == written
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert not [line for line in check(path).findings if "distinguish" not in line]


def test_its_mask_is_affordable(graph, classes):
    mask = make_mask(graph, query_nodes=classes, hierarchy=("broader",))
    assert mask.table.shape == (1000, 2, 1860)
    assert mask.table.nbytes < 4 * 2**20
    assert ((mask.table[:, 1] == 1).sum(1) >= 1).all()
