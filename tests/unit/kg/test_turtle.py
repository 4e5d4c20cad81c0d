"""What is written is read back as the same graph, whatever its names and texts hold."""

import importlib.resources
import itertools

import pytest

from kgv_jax.kg.graph import Graph
from kgv_jax.kg.load import load_graph
from kgv_jax.kg.turtle import VOCAB, to_turtle, write_turtle
from kgv_jax.util.errors import UserError

A, B, C = (f"https://example.org/things#{name}" for name in ("a.de", "b", "c"))
BROADER = VOCAB + "broader"


def _read_back(graph, tmp_path):
    return load_graph(write_turtle(graph, tmp_path / "graph.ttl"))


@pytest.mark.parametrize(
    "text",
    (
        'say "yes"',
        "back\\slash \\n",
        "two\nlines\r\n",
        "tab\t",
        "\x00\x01\x7f\x85\u2028",
        "ж 汉字 🚲",
        "'",
        '"""',
        "a.",
        " ",
    ),
)
def test_texts_survive(tmp_path, text):
    graph = Graph.from_triples([(A, BROADER, B)], labels={A: text}, attributes={B: {"note": text, "note@pt-br": text}})
    loaded = _read_back(graph, tmp_path)
    assert loaded.graph == graph and loaded.report.dropped == {}
    assert loaded.graph.labels[0] == text and loaded.graph.attributes[1]["note"] == text


@pytest.mark.parametrize(
    "name",
    [
        "https://example.org/things#",
        "https://example.org/things#a.",
        "https://example.org/things#.a",
        "https://example.org/things#-a",
        "https://example.org/things#a%20b",
        "https://example.org/things#(a,b;c)",
        "https://example.org/things#straße",
        "https://example.org/a/b/c",
        "https://other.example.org",
        "urn:isbn:0451450523",
        "https://one",
        "https://example.org/vocab#kgv:x",
        "https://kgv-jax.github.io/vocab#thing",
    ],
)
def test_names_survive(tmp_path, name):
    graph = Graph.from_triples([(name, BROADER, A), (B, BROADER, name), (B, name + "1", C)], types={name: "Class"})
    assert _read_back(graph, tmp_path).graph == graph


def test_a_node_without_any_statement(tmp_path):
    graph = Graph.from_triples([(A, BROADER, B)], nodes=[C])
    assert _read_back(graph, tmp_path).graph == graph


def test_a_namespace_in_another_and_the_order_of_prefixes(tmp_path):
    names = [f"https://example.org/{path}" for path in ("a", "b", "deep/a", "deep/b", "deep/er/a", "deep/er/b")]
    graph = Graph.from_triples([(head, BROADER, tail) for head, tail in itertools.pairwise(names)])
    text = to_turtle(graph)
    assert "\norg:a kgv:broader org:b ." in text and "\ndeep:a kgv:broader deep:b ." in text
    assert "\ner:a kgv:broader er:b ." in text
    assert text == to_turtle(graph) and _read_back(graph, tmp_path).graph == graph


def test_namespaces_of_the_same_word(tmp_path):
    names = [f"https://{host}.example.org/kgv#{name}" for host in ("x", "y") for name in ("p", "q")]
    graph = Graph.from_triples([(names[0], BROADER, names[3]), (names[2], BROADER, names[1])])
    text = to_turtle(graph)
    assert "@prefix kgv2: <https://x.example.org/kgv#> ." in text and "@prefix kgv3:" in text
    assert _read_back(graph, tmp_path).graph == graph


@pytest.mark.parametrize("name", ["artwork.ttl", "pacs.ttl", "roadsigns.ttl"])
def test_the_graphs_that_ship(tmp_path, name):
    with importlib.resources.as_file(importlib.resources.files("kgv_jax.kg") / "graphs" / name) as path:
        graph = load_graph(path).graph
    assert _read_back(graph, tmp_path).graph == graph


def test_it_is_written_for_readers():
    graph = Graph.from_triples(
        [(A, BROADER, B), (A, BROADER, C)], types={A: "Class"}, labels={A: "A"}, attributes={A: {"note": "n"}}
    )
    assert to_turtle(graph) == (
        "@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .\n"
        "@prefix kgv: <https://kgv-jax.github.io/vocab#> .\n"
        "@prefix things: <https://example.org/things#> .\n"
        "\nthings:a.de a kgv:Class ;\n"
        '\trdfs:label "A" ;\n'
        '\tkgv:note "n" ;\n'
        "\tkgv:broader things:b , things:c .\n"
    )


@pytest.mark.parametrize(
    "graph, message",
    [
        (Graph.from_triples([("yield", BROADER, A)]), "'yield' is no absolute IRI"),
        (Graph.from_triples([(A, "broader", B)]), "'broader' is no absolute IRI"),
        (Graph.from_triples([("https://example.org/a b", BROADER, A)]), "'https://example.org/a b' is no absolute IRI"),
        (Graph.from_triples([], types={A: "Road sign"}), "The type 'Road sign' cannot be part of an IRI"),
        (Graph.from_triples([], attributes={A: {"a#b": "x"}}), "The attribute 'a#b' cannot be part of an IRI"),
        (Graph.from_triples([], attributes={A: {"note@DE": "x"}}), "attribute 'note' has 'DE' for a language"),
        (Graph.from_triples([], attributes={A: {"note@ de": "x"}}), "attribute 'note' has ' de' for a language"),
    ],
)
def test_what_rdf_cannot_carry(graph, message):
    with pytest.raises(UserError, match=message):
        to_turtle(graph)


def test_a_file_that_cannot_be_written(tmp_path):
    graph = Graph.from_triples([(A, BROADER, B)])
    with pytest.raises(UserError, match=r"none/graph\.ttl: cannot be written \(No such file"):
        write_turtle(graph, tmp_path / "none" / "graph.ttl")
    (tmp_path / "folder.ttl").mkdir()
    with pytest.raises(UserError, match=r"folder\.ttl: cannot be written"):
        write_turtle(graph, tmp_path / "folder.ttl")
    assert [path.name for path in tmp_path.iterdir()] == ["folder.ttl"]
