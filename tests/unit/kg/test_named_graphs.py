"""Graphs by name: files of the package, and files that a module writes when it is asked."""

import pytest

from kgv_jax.kg import GRAPHS, graph_names, load_named_graph
from kgv_jax.util.errors import UserError


def test_every_name_is_stated_by_the_module_that_owns_the_graph():
    assert graph_names() == (
        "artwork", "emoji", "fake", "imagenet-1k", "imagenet-22k", "imagenet-mini", "imagenet-tiny", "pacs",
        "road_photographs", "roadsigns",
    )  # fmt: skip
    assert {*GRAPHS} == {"emoji", "fake", "imagenet-1k", "imagenet-22k", "imagenet-mini", "imagenet-tiny",
                         "road_photographs"}  # fmt: skip


@pytest.mark.usefixtures("kgv_cache")
def test_graphs_are_loaded_by_name_or_by_file(tmp_path):
    shipped, notes = load_named_graph("roadsigns", class_type="Class")
    assert shipped.nodes_of_type("Class") and notes == ()
    written, _ = load_named_graph("fake", class_type="Class")
    assert len(written.nodes_of_type("Class")) == 1000
    table = tmp_path / "own.csv"
    table.write_text("head,relation,tail\na,r,b\na,r,b\n")
    graph, notes = load_named_graph(str(table), class_type="Class")
    assert len(graph.nodes) == 2 and len(notes) == 1 and notes[0].startswith("own.csv: dropped 1 (")


def test_a_name_that_is_no_graph():
    with pytest.raises(UserError, match=r"config\.kg\.path is 'roadsign', did you mean 'roadsigns'.*expected a file"):
        load_named_graph("roadsign", class_type="Class")
