"""The commands that write graphs: what they print, their exit codes, and that what they wrote is read again."""

import pytest

from kgv_jax.kg.load import load_graph
from tests import cli
from tests.wordnet_files import write_wordnet

OTHER = """\
@prefix x: <https://example.org/x#> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix wn: <https://kgv-jax.github.io/wordnet#> .
x:hund x:says x:wau .
"""


@pytest.fixture
def ids(tmp_path):
    ids = write_wordnet(tmp_path / "dict")
    (tmp_path / "ids.txt").write_text(f"{ids['n.dog']}\n{ids['n.pack']}\n")
    return ids


@pytest.fixture
def graph(tmp_path, ids, capsys):
    assert (
        cli.run(
            "build-graph",
            "wordnet",
            f"--ids={tmp_path / 'ids.txt'}",
            f"--wordnet={tmp_path / 'dict'}",
            f"--out={tmp_path / 'graph.ttl'}",
        )
        == 0
    )
    return tmp_path / "graph.ttl", capsys.readouterr().out


def test_wordnet(graph, ids):
    path, printed = graph
    assert printed.startswith("classes: 2\nancestors that are no classes: 4\n")
    assert "\nedges of broader: 6\n" in printed
    assert f"\n{path}: {path.stat().st_size} bytes, graph " in printed
    loaded = load_graph(path)
    assert loaded.report.dropped == {}
    assert len(loaded.graph.nodes_of_type("Class")) == 2
    assert cli.run("check-graph", str(path)) == 0


def test_merge_by_a_table(graph, ids, tmp_path, capsys):
    path, _ = graph
    (tmp_path / "other.ttl").write_text(OTHER)
    (tmp_path / "names.csv").write_text(f"name,node\nhund,{ids['n.dog']}\n")
    out = tmp_path / "merged.ttl"
    arguments = ["merge", str(path), str(tmp_path / "other.ttl"), f"--out={out}"]
    assert cli.run("build-graph", *arguments, f"--mapping={tmp_path / 'names.csv'}") == 0
    printed = capsys.readouterr().out
    merged = load_graph(out).graph
    assert f"merged: {len(merged.nodes)} nodes (2 classes)" in printed
    assert merged.tails(ids["n.dog"], "says") == (merged.node("wau"),)

    assert cli.run("build-graph", *arguments) == 2
    assert "error: The graphs of" in capsys.readouterr().err
    (tmp_path / "other.ttl").write_text(OTHER + f"x:hund owl:sameAs wn:{ids['n.dog']} .\n")
    assert cli.run("build-graph", *arguments) == 0
    assert load_graph(out).graph == merged


def test_mistakes(graph, ids, tmp_path, capsys):
    path, _ = graph
    start = ["wordnet", f"--wordnet={tmp_path / 'dict'}", f"--out={tmp_path / 'x.ttl'}"]
    assert cli.run("build-graph", *start, "--ids=mini") == 2
    assert "100 of 100 ids of mini are no synsets of" in capsys.readouterr().err
    assert cli.run("build-graph", *start, f"--ids={tmp_path / 'ids.txt'}", "--relations=broader,parts") == 2
    assert "no relation 'parts'" in capsys.readouterr().err
    assert not (tmp_path / "x.ttl").exists()
    assert cli.run("build-graph", "merge", path, path, "--out=graph.csv") == 2
    assert "--out is 'graph.csv'; expected a name that ends in .ttl" in capsys.readouterr().err
    assert cli.run("build-graph", "merge", path, "--out=graph.ttl") == 2
    assert "OTHER is missing" in capsys.readouterr().err
