"""Graphs of benchmarks have the sizes that a figure names."""

import itertools

import pytest

from benchmarks import growth, regulariser
from benchmarks.graphs import write_graph
from kgv_jax.config import schema as config_schema
from kgv_jax.kg import closure
from kgv_jax.kg.fake import class_names
from kgv_jax.kg.load import load_graph


@pytest.mark.parametrize(("nodes", "relations", "classes"), [(60, 2, 8), (1300, 8, 32)])
def test_a_graph_has_its_sizes_and_is_always_the_same(tmp_path, nodes, relations, classes):
    path = write_graph(tmp_path, nodes=nodes, relations=relations, classes=classes)
    text = path.read_text()
    loaded = load_graph(path)
    graph = loaded.graph
    assert not loaded.report.dropped
    assert len(graph.nodes) == nodes and len(graph.relations) == relations - 1  # instanceOf is in no file
    assert len(graph.nodes_of_type("Class")) == classes
    above = closure.ancestors(graph, (graph.relation("broader"),))
    roots = [node for node in range(nodes) if not above[node]]
    assert len(roots) == 1 and all(graph.node(name) not in set().union(*above) for name in class_names()[:classes])
    assert write_graph(tmp_path, nodes=nodes, relations=relations, classes=classes).read_text() == text


@pytest.mark.parametrize("name", list(regulariser.CASES))
def test_both_sides_of_the_regulariser_differ_in_the_method_alone(name, tmp_path):
    case = regulariser.CASES[name]
    for graph in case.graphs:
        sides = [regulariser.config_of(case, graph, method, tmp_path) for method in ("ce", "kgv_no_synthetic")]
        differences = config_schema.differences(*map(config_schema.to_dict, sides))
        assert differences == ["method: 'ce' -> 'kgv_no_synthetic'"]


def test_every_axis_of_growth_doubles():
    assert set(growth.AXES) == set(growth.Sizes._fields)
    for sizes in growth.AXES.values():
        assert all(double == 2 * half for half, double in itertools.pairwise(sizes))
