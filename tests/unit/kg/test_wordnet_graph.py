"""Classes, all that is above them and what they are made of by WordNet; ImageNet's folder names find their nodes."""

import pytest

from kgv_jax.kg import closure
from kgv_jax.kg.mapping import map_classes
from kgv_jax.kg.names import local_name
from kgv_jax.kg.wordnet import WordNet
from kgv_jax.kg.wordnet_graph import NAMESPACE, RELATIONS, make_graph, summary
from kgv_jax.util.errors import UserError
from tests.wordnet_files import write_wordnet


@pytest.fixture
def ids(tmp_path):
    return write_wordnet(tmp_path)


@pytest.fixture
def wordnet(tmp_path, ids):
    return WordNet(tmp_path)


def _triples(graph, ids):
    name_of = {number: name for name, number in ids.items()}
    return {
        (name_of[local_name(h)], local_name(r), name_of[local_name(t)])
        for h, r, t in graph.named_triples()
    }  # fmt: skip


def _types(graph, ids):
    return {
        name: graph.types[graph.node(NAMESPACE + number)]
        for name, number in ids.items()
        if NAMESPACE + number in graph.nodes
    }


def test_everything_above_a_class(wordnet, ids):
    graph = make_graph(wordnet, [ids["n.dog"]], relations=("broader",))
    assert _triples(graph, ids) == {
        ("n.dog", "broader", "n.canine"),
        ("n.dog", "broader", "n.pet"),
        ("n.canine", "broader", "n.animal"),
        ("n.pet", "broader", "n.animal"),
        ("n.animal", "broader", "n.entity"),
    }
    types = _types(graph, ids)
    assert types.pop("n.dog") == "Class"
    assert types == dict.fromkeys(("n.canine", "n.pet", "n.animal", "n.entity"), "Category")


def test_an_instance_has_a_hypernym_and_a_class_may_be_above_a_class(wordnet, ids):
    graph = make_graph(wordnet, [ids["n.laika"], ids["n.dog"]])
    assert ("n.laika", "broader", "n.dog") in _triples(graph, ids)
    assert _types(graph, ids)["n.dog"] == "Class"
    above = closure.ancestors(graph, closure.present(graph, ("broader",)))
    assert len(above[graph.node(ids["n.laika"])]) == 5


def test_what_is_stated_stays_where_it_is_stated(wordnet, ids):
    graph = make_graph(wordnet, [ids["n.laika"], ids["n.pack"]])
    reported = {triple for triple in _triples(graph, ids) if triple[1] != "broader"}
    assert reported == {
        ("n.laika", "hasSubstance", "n.hair"),
        ("n.dog", "hasPart", "n.flag"),
        ("n.canine", "hasPart", "n.tail"),
        ("n.animal", "attribute", "a.wild"),
        ("n.pack", "hasMember", "n.dog"),
    }
    types = _types(graph, ids)
    assert {name for name, kind in types.items() if kind == "Part"} == {"n.hair", "n.flag", "n.tail"}
    assert types["a.wild"] == "Attribute" and types["n.dog"] == "Category"


def test_parts_bring_nothing_else_with_them(wordnet, ids):
    graph = make_graph(wordnet, [ids["n.dog"]])
    assert len(graph.outgoing(graph.node(ids["n.flag"]))) == 0


def test_adjectives_are_not_read_where_nobody_asks(tmp_path, wordnet, ids):
    (tmp_path / "data.adj").unlink()
    make_graph(wordnet, [ids["n.dog"]], relations=("broader", "hasPart"))
    with pytest.raises(UserError, match=r"data\.adj: cannot be read"):
        make_graph(wordnet, [ids["n.dog"]])


def test_without_hypernyms_there_are_no_categories(wordnet, ids):
    graph = make_graph(wordnet, [ids["n.dog"]], relations=("hasPart",))
    assert _triples(graph, ids) == {("n.dog", "hasPart", "n.flag")}
    assert summary(graph)[1] == "ancestors that are no classes: 0"


def test_words(wordnet, ids):
    graph = make_graph(wordnet, [ids["n.dog"]], descriptions={ids["n.dog"]: "It barks.", ids["n.pet"]: "Not a class."})
    node = graph.node(ids["n.dog"])
    assert graph.labels[node] == "dog"
    assert graph.attributes[node] == {
        "altLabel": "domestic dog",
        "definition": "a member of the genus Canis",
        "description": "It barks.",
    }
    assert graph.attributes[graph.node(ids["n.pet"])] == {"definition": "kept for companionship"}


def test_descriptions_are_facts_of_the_classes_they_describe(wordnet, ids):
    others = {f"n9{k:07d}": "a red flag" for k in range(5)} | {f"n8{k:07d}": f"unlike {k}" for k in range(20)}
    descriptions = {ids["n.dog"]: "A red dog with a flag.", ids["n.pet"]: "red"} | others
    graph = make_graph(wordnet, [ids["n.dog"]], relations=("hasColour", "looks"), descriptions=descriptions)
    assert {(local_name(h), local_name(r), local_name(t)) for h, r, t in graph.named_triples()} == {
        (ids["n.dog"], "hasColour", "red"),
        (ids["n.dog"], "looks", "flag"),
    }
    assert [graph.types[graph.node(NAMESPACE + word)] for word in ("red", "flag")] == ["Colour", "Look"]
    assert graph.labels[graph.node(NAMESPACE + "red")] == "red"
    plain = make_graph(wordnet, [ids["n.dog"]], relations=("hasPart",), descriptions=descriptions)
    assert not len(plain.nodes_of_type("Look"))


def test_folder_names_of_imagenet_are_nodes(wordnet, ids):
    folders = [ids["n.pack"], ids["n.dog"]]
    graph = make_graph(wordnet, folders)
    assert [local_name(graph.nodes[node]) for node in map_classes(graph, folders)] == folders


def test_unknown_ids_are_counted(wordnet, ids, tmp_path):
    with pytest.raises(UserError, match=r"2 of 3 ids of list\.txt are no synsets of .*, the first is n00000017"):
        make_graph(wordnet, ["n00000017", ids["n.dog"], "n99999999"], source="list.txt")


def test_unknown_relations(wordnet, ids):
    with pytest.raises(UserError, match="no relation 'haspart', did you mean 'hasPart'"):
        make_graph(wordnet, [ids["n.dog"]], relations=("broader", "haspart"))


def test_the_summary_counts(wordnet, ids):
    assert summary(make_graph(wordnet, [ids["n.laika"], ids["n.dog"]], relations=RELATIONS)) == [
        "classes: 2",
        "ancestors that are no classes: 4",
        "parts, members, substances: 3",
        "values of attributes: 1",
        "nodes: 10",
        "edges of attribute: 1",
        "edges of broader: 6",
        "edges of hasPart: 2",
        "edges of hasSubstance: 1",
        f"roots: entity ({ids['n.entity']})",
        "nodes with several hypernyms: 1",
        "classes above other classes: 1",
        "depth of a class, longest way: 3 to 4, mean 3.50",
        "classes with a visual description: 0",
    ]
