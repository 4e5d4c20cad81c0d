"""The graph of DVM-CAR's tables, and what is wrong with broken ones."""

import pytest

from kgv_jax.kg import cars, closure
from kgv_jax.kg.check import check
from kgv_jax.kg.load import load_graph
from kgv_jax.kg.names import local_name
from kgv_jax.kg.variants import find_variants, variants_used_in
from kgv_jax.util.errors import UserError
from tests import cars as written
from tests import cli


@pytest.fixture
def root(tmp_path):
    return written.write(tmp_path)


def tails(graph, head, relation):
    return {local_name(graph.nodes[tail]) for tail in graph.tails(head, relation)}


def test_models_are_classes_below_their_brands(root):
    graph = cars.make_graph(root)
    names = {local_name(graph.nodes[node]) for node in graph.nodes_of_type("Class")}
    assert names == {"abarth-124-spider", "bentley-arnage", "kia-pro-cee-d"}
    assert tails(graph, "bentley-arnage", "broader") == {"brand-bentley"}
    assert tails(graph, "brand-bentley", "broader") == {"car"}
    assert graph.labels[graph.node("kia-pro-cee-d")] == "Kia Pro Cee'd"
    assert not graph.nodes_of_type("Variant")


def test_facts_are_those_of_the_adverts(root):
    graph = cars.make_graph(root)
    assert tails(graph, "bentley-arnage", "hasBodyType") == {"body-saloon"}
    assert tails(graph, "bentley-arnage", "hasColour") == {"colour-black", "colour-silver", "colour-red"}
    assert tails(graph, "bentley-arnage", "soldIn") == {"decade-2000", "decade-2010"}
    assert {graph.types[graph.node(name)] for name in ("body-saloon", "colour-red", "decade-2000")} == {
        "Body",
        "Colour",
        "Decade",
    }


def test_a_rare_value_is_no_fact(root):
    table = root / "tables_V2.0" / "Ad_table.csv"
    row = "Bentley,Arnage,10_1,10_1$$9,2018,5,{},2004,Saloon,1\n"
    table.write_text(table.read_text() + row.format("Pink") + 10 * row.format("Black") + row.format(""))
    assert tails(cars.make_graph(root), "bentley-arnage", "hasColour") >= {"colour-black"}
    assert "colour-pink" not in tails(cars.make_graph(root), "bentley-arnage", "hasColour")


@pytest.mark.parametrize(
    ("shift", "domains", "relation", "first"),
    [
        ("colour", ("black+silver", "red"), "hasColour", {"colour-black", "colour-silver"}),
        ("viewpoint", ("0+45", "270"), "hasViewpoint", {"viewpoint-0", "viewpoint-45"}),
        ("year", ("2003-2005", "2009"), "registeredIn", {"year-2003", "year-2004", "year-2005"}),
    ],
)
def test_variants_state_what_decides_a_domain(root, shift, domains, relation, first):
    graph = cars.make_graph(root, shift=shift, domains=domains)
    classes = graph.nodes_of_type("Class")
    variants = find_variants(graph, classes, relation="variantOf")
    assert {len(own) for own in variants.values()} == {2}
    source_variants = variants_used_in(graph, variants, domains[0], relation="usedIn")
    assert set(source_variants) == set(classes)
    assert all(tails(graph, variant, relation) == first for variant in source_variants.values())


def test_years_are_in_decades_and_viewpoints_in_a_ring(root):
    graph = cars.make_graph(root, shift="year", domains=("2005",))
    assert tails(graph, "year-2005", "broader") == {"decade-2000"}
    graph = cars.make_graph(root, shift="viewpoint", domains=("0", "315"))
    assert tails(graph, "viewpoint-315", "nextTo") == {"viewpoint-0"}
    assert tails(graph, "viewpoint-0", "nextTo") == {"viewpoint-45"}


def test_the_command_writes_a_graph_that_is_sound(root, capsys):
    out = root / "cars.ttl"
    assert (
        cli.run("build-graph", "cars", str(root), f"--out={out}", "--shift=colour", "--domains=black+silver, red") == 0
    )
    assert "Class 3" in capsys.readouterr().out
    graph = load_graph(out).graph
    assert graph == cars.make_graph(root, shift="colour", domains=("black+silver", "red"))
    assert not check(out).findings
    assert not closure.find_cycles(graph, closure.present(graph, ("broader", "variantOf")))


def test_the_command_reports_mistakes(root, capsys):
    assert cli.run("build-graph", "cars", str(root / "none"), "--out=x.ttl") == 2
    assert "error: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("shift", "domain", "values"),
    [
        ("colour", "Black + silver", {"black", "silver"}),
        ("viewpoint", "0+315", {"0", "315"}),
        ("year", "2008-2010+2015", {"2008", "2009", "2010", "2015"}),
    ],
)
def test_values_of_a_domain(shift, domain, values):
    assert cars.values_of(shift, domain) == values


@pytest.mark.parametrize(
    ("shift", "domain", "reported"),
    [
        ("color", "red", r"config\.data\.shift is 'color', did you mean 'colour'"),
        ("colour", "red+", r"'red\+' has an empty part"),
        ("viewpoint", "front", r"'front' is no viewpoint; expected 0, 45"),
        ("year", "2009-2003", r"'2009-2003' is no year"),
        ("year", "new", r"'new' is no year; expected such as 2005"),
    ],
)
def test_domains_that_are_none_are_reported(shift, domain, reported):
    with pytest.raises(UserError, match=reported):
        cars.values_of(shift, domain)


@pytest.mark.parametrize(
    ("table", "old", "new", "reported"),
    [
        ("Basic", "Genmodel_ID", "ID", r"Basic_table\.csv: no column 'Genmodel_ID'; it has Automaker"),
        ("Ad", "Bodytype", "Body", r"Ad_table\.csv: no column 'Bodytype'"),
        ("Ad", "10_1,10_1$$0", "99_1,10_1$$0", r"Ad_table\.csv: line 8: Genmodel_ID is '99_1', which Basic_table"),
    ],
)
def test_broken_tables_are_reported(root, table, old, new, reported):
    path = root / "tables_V2.0" / f"{table}_table.csv"
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(UserError, match=reported):
        cars.make_graph(root)


def test_a_missing_table_is_reported(root):
    (root / "tables_V2.0" / "Ad_table.csv").unlink()
    with pytest.raises(UserError, match=r"no Ad_table\.csv or Adv_table\.csv"):
        cars.make_graph(root)
