"""The reviewed table, the graph beside it, and the data set that they make."""

import collections
import importlib.resources

import numpy as np
import pytest

from kgv_jax.data.prepare.artwork import read_table, write_prepared
from kgv_jax.data.sources import artwork
from kgv_jax.kg.load import load_graph
from kgv_jax.kg.names import local_name
from kgv_jax.util.errors import UserError

TABLE = read_table()


@pytest.fixture(scope="module")
def graph():
    with importlib.resources.as_file(importlib.resources.files("kgv_jax.kg.graphs") / "artwork.ttl") as path:
        return load_graph(path).graph


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """A cache in which the k-th image of the table is filled with the colour k."""
    folder = tmp_path_factory.mktemp("artwork")
    colours = {d.id: np.full((4, 4, 4), (k % 256, k // 256, 0, 255), np.uint8) for k, d in enumerate(TABLE)}
    write_prepared(folder, TABLE, colours, {d.package: "none" for d in TABLE})
    return folder


def test_the_table_is_sound():
    assert len({d.id for d in TABLE}) == len({(d.package, d.file) for d in TABLE}) == len(TABLE)
    assert {d.package for d in TABLE} == {"mapillary", "commonroad", "openclipart"}
    assert all(len(d.sha256) == 64 for d in TABLE)
    domains = collections.defaultdict(set)
    for drawing in TABLE:
        domains[drawing.label].add(drawing.domain)
    assert 120 <= len(domains) <= 170
    assert all("vienna" in found and len(found) > 1 for found in domains.values())


def test_no_image_is_in_two_domains():
    owners = collections.defaultdict(set)
    for drawing in TABLE:
        owners[drawing.sha256].add(drawing.domain)
    assert all(len(found) == 1 for found in owners.values())


def _tails(graph, node, relation):
    return tuple(local_name(graph.nodes[tail]) for tail in graph.tails(node, relation))


def _variants(graph, node):
    return {_tails(graph, variant, "usedIn")[0]: variant for variant in graph.heads("variantOf", node)}


def test_graph_and_table_have_the_same_classes(graph):
    known = {local_name(graph.nodes[node]) for node in graph.nodes_of_type("Class")}
    assert known == {drawing.label for drawing in TABLE}


def test_every_class_has_a_category_and_a_vienna_variant(graph):
    for node in graph.nodes_of_type("Class"):
        assert len(graph.tails(node, "broader")) == 1
        vienna = _variants(graph, node)["vienna"]
        assert graph.types[vienna] == "Variant"
        for relation in ("hasShape", "hasBorderColour", "hasFillColour"):
            assert len(graph.tails(vienna, relation)) == 1, graph.nodes[vienna]


def test_no_two_classes_have_the_same_facts(graph):
    facts = collections.defaultdict(list)
    for node in graph.nodes_of_type("Class"):
        own = [tuple(row) for row in graph.outgoing(node)[:, 1:].tolist()]
        for style, variant in _variants(graph, node).items():
            rows = graph.outgoing(variant)
            own += [(style, r, t) for r, t in rows[:, 1:].tolist() if t != node]
        facts[frozenset(own)].append(graph.nodes[node])
    assert [names for names in facts.values() if len(names) > 1] == []


def test_the_american_rules_hold_for_every_class_alike(graph):
    for node in graph.nodes_of_type("Class"):
        category = _tails(graph, node, "broader")[0]
        variant = _variants(graph, node).get("mutcd")
        if category.startswith("warning"):
            assert _tails(graph, variant, "hasShape") == ("diamond",)
            assert _tails(graph, variant, "hasBorderColour") == ("black",)
            assert set(_tails(graph, variant, "hasFillColour")) <= {"yellow", "orange"}
        if category in ("speed-limit", "mandatory-direction", "mandatory-users"):
            assert _tails(graph, variant, "hasShape") == ("rectangle",)
            assert _tails(graph, variant, "hasFillColour") == ("white",)


def test_a_legend_is_one_node_for_every_class_that_shows_it(graph):
    shown_by = {local_name(graph.nodes[head]) for head in graph.heads("hasLegend", "bicycle")}
    assert {"bicycles-crossing", "no-bicycles", "bicycles-only", "shared-path"} <= shown_by


def test_one_drawing_of_a_class_is_held_out(cache):
    data = artwork.load(cache=cache)
    drawn = collections.Counter(d.label for d in TABLE if d.domain == "vienna")
    assert data.classes == tuple(sorted(drawn))
    assert {p.id for p in data.train} | {p.id for p in data.validation} == {d.id for d in TABLE if d.domain == "vienna"}
    held = collections.Counter(p.label for p in data.validation)
    assert held == {c: 1 for c, n in drawn.items() if n > 1}
    assert data.domains["vienna"] == data.train and set(data.domains) == {"vienna", *artwork.TARGETS}
    assert data.render_views and data.source == "vienna" and data.notes


def test_targets_hold_every_image_of_theirs(cache):
    data = artwork.load(cache=cache)
    for name in artwork.TARGETS:
        assert sorted(p.id for p in data.domains[name]) == sorted(d.id for d in TABLE if d.domain == name)


def test_the_seed_chooses_the_drawings_held_out(cache):
    first, again, other = (artwork.load(cache=cache, seed=seed) for seed in (0, 0, 1))
    assert first.validation == again.validation
    assert {p.id for p in first.validation} != {p.id for p in other.validation}
    assert len(artwork.load(cache=cache, validation_fraction=0.0).validation) == 0
    half = artwork.load(cache=cache, validation_fraction=0.5)
    assert len(half.validation) == round(len(first.validation) / 2)


def test_classes_in_no_target_are_left_out_and_said_so(cache):
    data = artwork.load(cache=cache, targets=("clipart",))
    assert set(data.classes) == {d.label for d in TABLE if d.domain == "clipart"}
    assert any("left out" in note for note in data.notes)


def test_a_image_loads_its_own_pixels_at_any_size(cache):
    data = artwork.load(cache=cache)
    row = {d.id: k for k, d in enumerate(TABLE)}
    for image in (data.train[0], data.domains["rectangle"][-1]):
        for size in (4, 9):
            pixels = image.load(size)
            assert pixels.shape == (size, size, 4) and pixels.dtype == np.uint8
            k = row[image.id]
            assert pixels[size // 2, size // 2].tolist() == [k % 256, k // 256, 0, 255]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"source": "viena"}, "no domain 'viena', did you mean 'vienna'"),
        ({"targets": ("diamond", "china")}, "no domain 'china'"),
        ({"targets": ("vienna",)}, "named twice"),
        ({"validation_fraction": 1.5}, "validation_fraction is 1.5"),
    ],
)
def test_wrong_options_are_reported(cache, options, message):
    with pytest.raises(UserError, match=message):
        artwork.load(cache=cache, **options)


def test_an_empty_cache_names_the_command(tmp_path):
    with pytest.raises(UserError, match=r"kgv prepare roadsigns"):
        artwork.load(cache=tmp_path)
