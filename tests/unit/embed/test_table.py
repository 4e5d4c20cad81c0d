"""Plain tables of vectors: read by whatever names a node, and every wrong line reported."""

import numpy as np
import pytest

from kgv_jax.embed.table import read_table
from kgv_jax.kg.graph import Graph
from kgv_jax.util.errors import UserError

GRAPH = Graph.from_triples(
    [("https://e.org/stop", "https://e.org/has", "https://e.org/red")],
    nodes=["https://e.org/x/two", "https://e.org/y/two"],
    labels={"https://e.org/stop": "no entry"},
)


@pytest.mark.parametrize("header", ["", "node,x1,x2\n"])
def test_a_node_has_an_iri_a_local_name_or_a_label(tmp_path, header):
    path = tmp_path / "v.csv"
    path.write_text(f"{header}no entry, 1, -2.5\n\nhttps://e.org/red,3,4\nelsewhere,5,6\nhttps://e.org/x/two,7,8e-1\n")
    nodes, relations, arrays = read_table(path, GRAPH)
    assert nodes == ("https://e.org/stop", "https://e.org/red", "https://e.org/x/two") and relations == ()
    np.testing.assert_allclose(arrays["nodes.mu"], [[1, -2.5], [3, 4], [7, 0.8]])


def test_tabs_and_quotes(tmp_path):
    path = tmp_path / "v.tsv"
    path.write_text('\ufeffname\tfirst\n"red"\t2\n')
    assert read_table(path, GRAPH).arrays["nodes.mu"].tolist() == [[2.0]]


def test_a_table_of_another_graph_covers_nothing(tmp_path):
    path = tmp_path / "v.csv"
    path.write_text("a,1,2\n")
    assert read_table(path, GRAPH).nodes == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"v\.csv: no vector in it"),
        ("node,x1\n", r"v\.csv: no vector in it"),
        ("node;x1\nred;2\n", r"line 1: no number after 'node;x1'; expected .* cells apart by ','"),
        ("node,x1\nred,blue\n", r"line 2: no number after 'red'"),
        ("red,1,2\nstop,1\n", r"line 2: 1 numbers for 'stop'; expected 2"),
        ("red,1,2\nstop,1,?\n", r"line 2: number 2 of 'stop' is '\?'; expected a finite number"),
        ("red,1,nan\n", r"line 1: number 2 of 'red' is 'nan'"),
        ("two,1\n", r"line 1: 'two' may mean https://e\.org/x/two, https://e\.org/y/two; write one"),
        ("stop,1\nred,2\nno entry,3\n", r"line 3: 'no entry' is https://e\.org/stop, as on line 1; keep one"),
    ],
)
def test_lines_that_are_wrong(tmp_path, text, message):
    path = tmp_path / "v.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=message):
        read_table(path, GRAPH)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(UserError, match=r"gone\.csv: cannot be read as a table \(No such file"):
        read_table(tmp_path / "gone.csv", GRAPH)
    (tmp_path / "b.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match=r"b\.csv: cannot be read as a table"):
        read_table(tmp_path / "b.csv", GRAPH)
