"""The graph of PACS that ships: its classes, what they share with relatives, and that no relative is a class."""

import re

import pytest

from kgv_jax.config.files import load_config_file
from kgv_jax.config.schema import resolve
from kgv_jax.kg import closure, load_named_graph
from kgv_jax.kg.names import local_name
from kgv_jax.util.errors import UserError

SEEN = ("hasPart", "hasOutline", "hasCovering")  # relations of what an image shows
CLASSES = {"dog", "elephant", "giraffe", "guitar", "horse", "house", "person"}


@pytest.fixture(scope="module")
def graph():
    return load_named_graph("pacs", class_type="Class")[0]


def _tails(graph, node, relation):
    return {local_name(graph.nodes[tail]) for tail in graph.tails(graph.node(node), graph.relation(relation))}


def test_the_classes_and_what_tells_them_apart(graph):
    assert {graph.labels[node] for node in graph.nodes_of_type("Class")} == CLASSES
    facts = {
        name: frozenset((relation, tail) for relation in (*SEEN, "standsOn")
                        for tail in _tails(graph, name, relation))
        for name in CLASSES
    }  # fmt: skip
    assert len(set(facts.values())) == len(CLASSES)
    assert facts["dog"] & facts["horse"] > {("standsOn", "four-legs"), ("hasPart", "muzzle")}


def test_every_part_outline_and_covering_of_a_class_is_a_relatives_too(graph):
    shared = {tail for node in graph.nodes_of_type("Relative") for r in SEEN
              for tail in _tails(graph, node, r)}  # fmt: skip
    own = {tail for name in CLASSES for r in SEEN for tail in _tails(graph, name, r)}
    assert len(own) > 25 and own <= shared


def test_no_relative_is_a_kind_of_a_class(graph):
    above = closure.ancestors(graph, closure.present(graph, ("broader",)))
    classes = set(graph.nodes_of_type("Class"))
    relatives = graph.nodes_of_type("Relative")
    assert len(relatives) > 50 and not any(classes & set(above[node]) for node in relatives)


def test_synsets_are_written_as_imagenet_writes_them(graph):
    nodes = [*graph.nodes_of_type("Class"), *graph.nodes_of_type("Relative"), *graph.nodes_of_type("Category")]
    ids = {node: graph.attributes[node]["wordnet"] for node in nodes}
    assert all(re.fullmatch(r"n\d{8}", synset) for synset in ids.values())
    assert ids[graph.node("dog")] == "n02084071" and ids[graph.node("category-canine")] == "n02083346"


def test_the_config_reads_it(graph):
    quick, whole = (load_config_file(name) for name in ("pacs:quick", "pacs"))
    quick.data.root = whole.data.root = "ROOT"
    quick, whole = resolve(quick), resolve(whole)
    assert whole.kg.path == quick.kg.path == "pacs" and whole.data.targets == ("cartoon", "sketch")
    assert quick.train.steps < whole.train.steps
    with pytest.raises(UserError, match=r"variant of configs/pacs\.py is 'fast'; expected quick"):
        load_config_file("pacs:fast")
