"""Class names -> nodes."""

import re

import numpy as np
import pytest

from kgv_jax.kg.graph import Graph
from kgv_jax.kg.mapping import map_classes, read_column
from kgv_jax.util.errors import UserError

S, L = "https://e.org/sign#", "https://e.org/legend#"


@pytest.fixture
def graph():
    return Graph.from_triples(
        [
            (S + "deer", "https://e.org/v#hasLegend", L + "deer"),
            (S + "speed-limit-30", "https://e.org/v#hasLegend", L + "30"),
            (S + "yield", "https://e.org/v#hasShape", S + "triangle"),
            (S + "yield-ahead", "https://e.org/v#hasLegend", L + "yield"),
        ],
        labels={S + "deer": "Wild animals", S + "yield": "Give way", L + "yield": "Wild animals"},
        types={S + name: "Class" for name in ("deer", "speed-limit-30", "yield", "yield-ahead")}
        | {L + name: "Legend" for name in ("deer", "30", "yield")},
    )


def test_every_reading(graph):
    deer, limit, give_way = (graph.nodes.index(S + name) for name in ("deer", "speed-limit-30", "yield"))
    for names, by in (
        (["deer", "Speed_limit 30", "yield"], "auto"),
        (["Wild animals", S + "speed-limit-30", "give_way"], "auto"),
        (["sign:deer", "speed-limit-30", "sign:yield"], "auto"),
        (["deer", "speed-limit-30", "yield"], "local"),
        (["Wild animals", "speed-limit-30", "Give way"], "label"),
        ([S + "deer", S + "speed-limit-30", S + "yield"], "iri"),
        (["1", "2", "3"], {"1": S + "deer", "2": "speed limit 30", "3": "Give way", "4": "unused"}),
    ):
        nodes = map_classes(graph, names, by=by)
        assert nodes.dtype == np.int32
        assert nodes.tolist() == [deer, limit, give_way], (names, by)
    assert map_classes(graph, []).tolist() == []


def test_nodes_of_a_class_type_are_preferred(graph):
    assert map_classes(graph, ["deer"], class_types=("Legend",)).tolist() == [graph.nodes.index(L + "deer")]
    with pytest.raises(UserError, match=r"'deer': may mean .*legend#deer.*sign#deer"):
        map_classes(graph, ["deer"], class_types=())


def test_all_that_are_missing_are_listed(graph):
    with pytest.raises(UserError) as error:
        map_classes(graph, ["deer", "yeild", "hasShape", "zzzz", "Deer"])
    message = str(error.value)
    assert "4 of 5 classes" in message
    assert "'yeild', did you mean 'yield'" in message
    assert "'hasShape': is a relation, not a class" in message
    assert "'zzzz': nothing like it" in message
    assert "'Deer': means the same node as 'deer'" in message
    with pytest.raises(UserError, match="'deer': not in the given column"):
        map_classes(graph, ["deer"], by={"yield": "yield"})
    with pytest.raises(UserError, match="not by 'name'"):
        map_classes(graph, ["deer"], by="name")
    with pytest.raises(UserError, match="1 of 1 classes"):
        map_classes(graph, ["Give way"], by="local")
    with pytest.raises(UserError, match="1 of 1 classes"):
        map_classes(graph, ["yield"], by="iri")


def test_a_column_of_a_table_names_the_nodes(tmp_path):
    table = tmp_path / "classes.csv"
    table.write_text("folder,gtsrb,node\n00,0,stop\n01,1,yield\n")
    assert read_column(table, "node") == {"00": "stop", "01": "yield"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("folder,nod\n00,stop\n", "no column 'node', did you mean 'nod'"),
        ("folder,node\n00\n", "row 2 has 1 cells"),
        ("folder,node\n00,a\n00,b\n", "'00' a second time"),
        ("", "cannot be read"),
    ],
)
def test_a_bad_table_is_refused_with_its_row(tmp_path, text, message):
    table = tmp_path / "classes.csv"
    table.write_text(text)
    with pytest.raises(UserError, match=re.escape(message)):
        read_column(table, "node")
