"""Every format gives the same graph; every bad file a message with the fault and its place."""

import numpy as np
import pytest

from kgv_jax.kg.graph import Graph
from kgv_jax.kg.load import load_graph, local_name
from kgv_jax.util.errors import UserError

TURTLE = """\
@prefix kgv: <https://kgv-jax.github.io/vocab#> .
@prefix sign: <https://kgv-jax.github.io/sign#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .

sign:yield a kgv:Class ;
    rdfs:label "Yield" ;
    kgv:note "give way, \\"please\\"" ;
    kgv:broader sign:priority .
sign:yield.de a kgv:Variant ;
    kgv:variantOf sign:yield ;
    kgv:hasShape sign:triangle .
"""
NT = """\
<https://kgv-jax.github.io/sign#yield.de> <https://kgv-jax.github.io/vocab#hasShape> <https://kgv-jax.github.io/sign#triangle> .
<https://kgv-jax.github.io/sign#yield> <https://kgv-jax.github.io/vocab#broader> <https://kgv-jax.github.io/sign#priority> .
<https://kgv-jax.github.io/sign#yield> <https://kgv-jax.github.io/vocab#note> "give way, \\"please\\"" .
<https://kgv-jax.github.io/sign#yield> <http://www.w3.org/2000/01/rdf-schema#label> "Yield" .
<https://kgv-jax.github.io/sign#yield> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <https://kgv-jax.github.io/vocab#Class> .
<https://kgv-jax.github.io/sign#yield.de> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <https://kgv-jax.github.io/vocab#Variant> .
<https://kgv-jax.github.io/sign#yield.de> <https://kgv-jax.github.io/vocab#variantOf> <https://kgv-jax.github.io/sign#yield> .
"""  # noqa: E501
XML = """\
<?xml version="1.0"?>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:kgv="https://kgv-jax.github.io/vocab#"
    xmlns:rdfs="http://www.w3.org/2000/01/rdf-schema#">
  <kgv:Class rdf:about="https://kgv-jax.github.io/sign#yield">
    <rdfs:label>Yield</rdfs:label>
    <kgv:note>give way, "please"</kgv:note>
    <kgv:broader rdf:resource="https://kgv-jax.github.io/sign#priority"/>
  </kgv:Class>
  <kgv:Variant rdf:about="https://kgv-jax.github.io/sign#yield.de">
    <kgv:variantOf rdf:resource="https://kgv-jax.github.io/sign#yield"/>
    <kgv:hasShape rdf:resource="https://kgv-jax.github.io/sign#triangle"/>
  </kgv:Variant>
</rdf:RDF>
"""
_ROWS = [
    ("S#yield", "type", "Class"),
    ("S#yield", "label", "Yield"),
    ("S#yield", "V#note", '"give way, "please""'),
    ("S#yield", "V#broader", "S#priority"),
    ("S#yield.de", "rdf:type", "V#Variant"),
    ("S#yield.de", "V#variantOf", "S#yield"),
    ("S#yield.de", "V#hasShape", "S#triangle"),
]


def _table(separator: str, *, header: bool) -> str:
    lines = [("head", "relation", "tail")] if header else []
    for row in _ROWS:
        cells = (cell.replace("S#", "https://kgv-jax.github.io/sign#") for cell in row)
        lines.append(tuple(cell.replace("V#", "https://kgv-jax.github.io/vocab#") for cell in cells))
    quoted = [['"' + cell.replace('"', '""') + '"' for cell in line] for line in lines]
    return "".join(separator.join(line) + "\n" for line in quoted)


def write(tmp_path, name, text):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_every_format_gives_the_same_graph(tmp_path):
    files = {
        "a.ttl": TURTLE,
        "a.nt": NT,
        "a.rdf": XML,
        "a.owl": XML,
        "a.csv": _table(",", header=True),
        "b.csv": _table(",", header=False),
        "c.csv": _table(";", header=True),
        "a.tsv": _table("\t", header=False),
        "bom.ttl": b"\xef\xbb\xbf" + TURTLE.encode(),
        "windows.ttl": TURTLE.replace("\n", "\r\n"),
    }
    loaded = {name: load_graph(write(tmp_path, name, text)) for name, text in files.items()}
    reference = loaded["a.ttl"].graph
    assert [local_name(name) for name in reference.nodes] == ["priority", "triangle", "yield", "yield.de"]
    assert reference.labels == ("priority", "triangle", "Yield", "yield.de")
    assert reference.types == ("", "", "Class", "Variant")
    assert reference.attributes == {2: {"note": 'give way, "please"'}}
    assert [local_name(name) for name in reference.relations] == ["broader", "hasShape", "variantOf"]
    np.testing.assert_array_equal(reference.triples, [[2, 0, 0], [3, 1, 1], [3, 2, 2]])
    for name, result in loaded.items():
        assert result.graph == reference, name
        assert result.graph.digest() == reference.digest(), name
        assert (result.report.read, result.report.kept, result.report.dropped) == (7, 7, {}), name


def test_digest_ignores_order_and_sees_content(tmp_path):
    lines = NT.splitlines(keepends=True)
    reference = load_graph(write(tmp_path, "a.nt", NT)).graph
    assert load_graph(write(tmp_path, "b.nt", "".join(reversed(lines)))).graph.digest() == reference.digest()
    for index in range(len(lines)):
        fewer = load_graph(write(tmp_path, "c.nt", "".join(lines[:index] + lines[index + 1 :]))).graph
        assert fewer.digest() != reference.digest(), lines[index]


def test_relative_iris_do_not_depend_on_the_folder(tmp_path):
    text = "<yield> <hasShape> <triangle> ."
    (tmp_path / "other").mkdir()
    one = load_graph(write(tmp_path, "a.ttl", text)).graph
    assert one == load_graph(write(tmp_path / "other", "b.ttl", text)).graph
    assert one.node("yield") == one.nodes.index("file:///yield")


def test_literals_in_several_languages(tmp_path):
    text = """@prefix r: <http://www.w3.org/2000/01/rdf-schema#> .
    <e:s> a <e:Class> ; r:label "Vorfahrt"@de , "Yield"@en , "Give way"@en ; <e:height> 3 , 4 ."""
    loaded = load_graph(write(tmp_path, "a.ttl", text))
    graph, report = loaded.graph, loaded.report
    assert graph.labels == ("Give way",)
    assert graph.attributes == {0: {"label@de": "Vorfahrt", "height": "3"}}
    assert report.dropped == {"further label of a node": 1, "further value of an attribute": 1}
    assert report.read == report.kept + 2


def test_duplicates_and_self_triples_are_counted_with_lines(tmp_path):
    text = "@prefix : <http://e/> .\n:a :p :b ;\n  :p :c ,\n  :b .\n:a :p :a .\n:a :p :b .\n"
    report = load_graph(write(tmp_path, "a.ttl", text)).report
    assert (report.read, report.kept) == (5, 2)
    assert report.dropped == {"duplicate triple": 2, "head and tail are the same node": 1}
    assert report.lines == {"duplicate triple": (4, 6), "head and tail are the same node": (5,)}
    assert report.node_lines == {"http://e/a": 2, "http://e/b": 2, "http://e/c": 3}
    table = "head,relation,tail\na,p,b\n\na,p,b\nb,p,b\n"
    report = load_graph(write(tmp_path, "a.csv", table)).report
    assert report.lines == {"duplicate triple": (4,), "head and tail are the same node": (5,)}


def test_blank_nodes_and_vocabulary_are_counted(tmp_path):
    text = """@prefix : <http://e/> .
    @prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> .
    @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
    :hasShape a rdf:Property ; rdfs:label "has shape" ; rdfs:range :Shape .
    :Class a rdfs:Class ; rdfs:label "a class" .
    :yield a :Class ; :hasShape :triangle ; :hasShape [ :of :x ] ; :near :hasShape .
    """
    loaded = load_graph(write(tmp_path, "a.ttl", text))
    assert [local_name(name) for name in loaded.graph.nodes] == ["triangle", "yield"]
    assert loaded.report.dropped == {
        "describes the vocabulary, not a node": 5,
        "blank node (it has no name; give it an IRI)": 2,
        "relation used as a node": 1,
    }


def test_a_class_type_is_kept_among_several(tmp_path):
    text = "@prefix : <http://e/> .\n:s a :Artifact , :Class , :Zebra ; :p :o .\n"
    assert load_graph(write(tmp_path, "a.ttl", text)).graph.types[1] == "Class"
    assert load_graph(tmp_path / "a.ttl", class_types=("Zebra",)).graph.types[1] == "Zebra"


def test_literal_as_subject_in_a_table_is_counted(tmp_path):
    report = load_graph(write(tmp_path, "a.csv", 'a,p,b\n"""a""",p,b\n')).report
    assert report.dropped == {"literal as subject": 1} and report.lines == {"literal as subject": (2,)}


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.ttl", b"", ["is empty"]),
        ("a.csv", b" \n\n", ["is empty"]),
        ("a.ttl", b"# nothing\n", ["holds no triples", "0 statements"]),
        ("a.csv", b"head,relation,tail\n", ["holds no triples"]),
        ("a.ttl", "<a> <b>\n<stra\u00dfe> .".encode("latin-1"), ["not UTF-8", "0xdf", "line 2 column 6"]),
        ("a.csv", "a,b,c".encode("utf-16"), ["not UTF-8", "0xff", "line 1 column 1"]),
        ("a.ttl", b"@prefix : <http://e/> .\n:a :b :c .\n:d :e ", ["line 3 column 7", "Unexpected end"]),
        ("a.ttl", b"@prefix : <http://e/> .\n:a :b :c .\n :d :e :f", ["line 3 column"]),
        ("a.ttl", b'@prefix : <http://e/> .\n"lit" :b :c .\n', ["line 2 column 1", '"lit"', "subject"]),
        ("a.nt", b'<a:a> <a:b> <a:c> .\n"lit" <a:b> <a:c> .\n', ["line 2 column 1", "subject"]),
        ("a.ttl", b"x:a x:b x:c .", ["line 1 column 1", "prefix x: has not been declared"]),
        ("a.rdf", XML.replace("</kgv:Variant>", "").encode(), ["line 13"]),
        ("a.csv", b"a,b,c\na,b\n", ["line 2", "2 columns", "expected 3"]),
        ("a.csv", b"a,b,c\na,,c\n", ["line 2", "empty cell"]),
        ("a.csv", b'a,b,c\na,"b\n', ["line 2"]),
        ("a.json", b"{}", ["'.json'", ".ttl"]),
        ("a.csv", b"p,type,Class\nx,p,y\n", ["p is a relation (line 2)", "a Class (line 1)"]),
    ],
)
def test_bad_files(tmp_path, name, text, words):
    path = write(tmp_path, name, text)
    with pytest.raises(UserError) as error:
        load_graph(path)
    for word in (str(path), *words):
        assert word in str(error.value)


def test_a_missing_file_names_its_neighbour(tmp_path):
    write(tmp_path, "signs.ttl", TURTLE)
    with pytest.raises(UserError, match=r"no such graph file, did you mean 'signs.ttl'"):
        load_graph(tmp_path / "sign.ttl")
    (tmp_path / "folder.ttl").mkdir()
    with pytest.raises(UserError, match="is a folder"):
        load_graph(tmp_path / "folder.ttl")


def test_every_truncation_of_a_table_or_turtle_loads_or_is_a_user_error(tmp_path):
    errors = 0
    for name, text in (("t.ttl", TURTLE), ("t.rdf", XML), ("t.csv", _table(",", header=True))):
        for stop in range(0, len(text), 7):
            try:
                graph = load_graph(write(tmp_path, name, text[:stop])).graph
                assert isinstance(graph, Graph)
            except UserError:
                errors += 1
    assert errors > 50
