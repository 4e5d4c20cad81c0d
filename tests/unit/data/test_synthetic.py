"""Synthetic images show what the graph states, and list just the facts that they show."""

import collections
import colorsys

import numpy as np
import pytest

from kgv_jax.data import synthetic
from kgv_jax.data.renderer.legends import MARKS
from kgv_jax.data.renderer.shapes import SHAPES
from kgv_jax.data.sources.rendered_signs import graph_path
from kgv_jax.kg.load import load_graph
from kgv_jax.kg.names import local_name
from kgv_jax.util.errors import UserError

PREFIXES = """
@prefix kgv: <https://kgv-jax.github.io/vocab#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix : <https://example.org/s#> .
"""
SMALL = (
    PREFIXES
    + """
:a a kgv:Style . :b a kgv:Style .
:triangle a kgv:Shape . :diamond a kgv:Shape . :blob a kgv:Shape .
:red a kgv:Colour . :yellow a kgv:Colour . :black a kgv:Colour .
:l1 a kgv:Legend ; rdfs:label "Bicycle" . :dodo a kgv:Legend . :slash a kgv:Legend .
:warn a kgv:Category ; kgv:hasLegendColour :black .
:bikes a kgv:Class ; kgv:broader :warn ; kgv:hasLegend :l1 .
:bikes.a a kgv:Variant ; kgv:variantOf :bikes ; kgv:usedIn :a ;
    kgv:hasShape :triangle ; kgv:hasBorderColour :red ; kgv:hasFillColour :yellow .
:bikes.b a kgv:Variant ; kgv:variantOf :bikes ; kgv:usedIn :b ; kgv:hasShape :diamond ; kgv:hasLegend :slash .
:plain a kgv:Class ; kgv:hasShape :diamond ; kgv:hasFillColour :yellow .
:dodos a kgv:Class ; kgv:hasShape :triangle ; kgv:hasLegend :dodo .
:shapeless a kgv:Class ; kgv:hasLegend :l1 .
"""
)
S = "https://example.org/s#"


@pytest.fixture
def graph(tmp_path):
    path = tmp_path / "small.ttl"
    path.write_text(SMALL)
    return load_graph(path).graph


@pytest.fixture(scope="module")
def roadsigns():
    return load_graph(graph_path()).graph


def _compositions(graph, classes, **options):
    options = {"legends": synthetic.RenderedLegends.for_graph(graph), "per_variant": 1, "seed": 0, **options}
    return synthetic.composition_images(graph, [S + c for c in classes], **options)


def test_a_composition_lists_the_facts_it_shows(graph):
    first, second = _compositions(graph, ["bikes"])
    assert (first.id, first.domain, first.label) == ("compositions/bikes/bikes.a-0", "compositions", "bikes")
    assert set(first.depicts) == {
        ("hasShape", S + "triangle"),
        ("hasBorderColour", S + "red"),
        ("hasFillColour", S + "yellow"),
        ("hasLegendColour", S + "black"),
        ("hasLegend", S + "l1"),
    }
    assert set(second.depicts) == {
        ("hasShape", S + "diamond"),
        ("hasLegendColour", S + "black"),
        ("hasLegend", S + "l1"),
        ("hasLegend", S + "slash"),
    }


def test_a_class_without_variants_is_composed_from_its_own_facts(graph):
    (image,) = _compositions(graph, ["plain"])
    assert image.depicts == (("hasShape", S + "diamond"), ("hasFillColour", S + "yellow"))
    assert image.load(40).shape == (40, 40, 4)


def test_variants_that_cannot_be_composed_are_listed_and_left_out(graph):
    legends = synthetic.RenderedLegends.for_graph(graph)
    names = [S + c for c in ("bikes", "dodos", "shapeless", "plain")]
    composed = _compositions(graph, ["bikes", "dodos", "shapeless", "plain"])
    assert {p.label for p in composed} == {"bikes", "plain"}
    assert synthetic.unknown_compositions(graph, names, legends=legends) == (S + "dodos", S + "shapeless")
    assert set(synthetic.unknown_elements(graph, legends)) == {S + "blob", S + "dodo"}


def test_styles_choose_variants_by_either_name(graph):
    for style in ("a", S + "a"):
        assert [p.id for p in _compositions(graph, ["bikes", "plain"], styles=[style])] == [
            "compositions/bikes/bikes.a-0",
            "compositions/plain/plain-0",
        ]
    with pytest.raises(UserError, match=r"no style named 'c'.*expected one of: a, b"):
        _compositions(graph, ["bikes"], styles=["c"])


def test_a_users_own_legends_are_rendered(graph):
    class Blocks:
        def patches(self, node_name):
            return [lambda size: np.full((size, size), 255, np.uint8)] if node_name == S + "dodo" else []

    (image,) = _compositions(graph, ["dodos"], legends=Blocks())
    pixels = image.load(80)[..., :3].astype(int)
    assert pixels[51, 40].sum() < 150
    assert pixels[26, 40].sum() > 550


def test_elements_are_images_of_themselves(graph):
    legends = synthetic.RenderedLegends.for_graph(graph)
    images = synthetic.element_images(graph, legends=legends, per_element=3, seed=0)
    assert len(images) == 3 * (2 + 3 + 2)
    assert len({p.id for p in images}) == len(images)
    for image in images:
        ((relation, node),) = image.depicts
        assert relation == "instanceOf" and image.label is None and image.domain == "elements"
        pixels = image.load(40)
        seen = pixels[pixels[..., 3] > 200][:, :3].astype(int)
        assert len(seen) > 100
        chroma = (seen.max(1) - seen.min(1)).mean()
        assert (chroma > 60) == (local_name(node) in ("red", "yellow")), node


class _NoInk:
    """Legends without ink: what remains of a sign is its plate."""

    def patches(self, node_name):
        return [lambda size: np.zeros((size, size), np.uint8)]


def _colour_name(pixel):
    hue, saturation, value = colorsys.rgb_to_hsv(*(pixel / 255.0))
    if saturation < 0.3 or value < 0.25:
        return "white" if value > 0.72 else "black" if value < 0.25 else "grey"
    return min(
        ("red", 0),
        ("red", 1),
        ("orange", 0.075),
        ("yellow", 0.137),
        ("green", 0.42),
        ("blue", 0.595),
        key=lambda known: abs(known[1] - hue),
    )[0]


@pytest.mark.parametrize("style", ["de", "cn", "ru", "us"])
def test_the_field_and_the_edge_have_the_colours_of_the_facts(roadsigns, style):
    classes = [roadsigns.nodes[n] for n in roadsigns.nodes_of_type("Class")]
    images = synthetic.composition_images(roadsigns, classes, legends=_NoInk(), styles=[style], per_variant=1, seed=3)
    assert len(images) > 50
    for image in images:
        facts = {relation: local_name(node) for relation, node in image.depicts}
        if any(local_name(node).removeprefix("legend-") in MARKS for _, node in image.depicts):
            continue
        pixels = image.load(64)
        box = (np.array(SHAPES[facts["hasShape"]].legend) * 0.64).round().astype(int)
        field = pixels[box[1] : box[3], box[0] : box[2], :3].reshape(-1, 3)
        assert _colour_name(np.median(field, axis=0)) == facts["hasFillColour"], image.id
        seen = pixels[pixels[..., 3] > 250][:, :3]
        names = collections.Counter(map(_colour_name, seen))
        if "hasBorderColour" in facts:
            assert names[facts["hasBorderColour"]] > 0.04 * len(seen), image.id
        else:
            assert names[facts["hasFillColour"]] > 0.95 * len(seen), image.id


def test_a_table_without_types_is_rendered_too(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text(
        "head,relation,tail\nyield,hasShape,inverted triangle\nyield,hasBorderColour,red\n"
        "bikes,hasShape,triangle\nbikes,hasFillColour,white\nbikes,hasLegend,bicycle\n"
    )
    graph = load_graph(path).graph
    legends = synthetic.RenderedLegends.for_graph(graph)
    images = synthetic.element_images(graph, legends=legends, per_element=1, seed=0)
    assert {p.depicts[0][1] for p in images} == {"inverted triangle", "triangle", "red", "white", "bicycle"}
    signs = synthetic.composition_images(graph, ["yield", "bikes"], legends=legends, per_variant=1, seed=0)
    assert [p.label for p in signs] == ["yield", "bikes"]


def test_images_are_functions_of_seed_and_id(graph):
    one, again, other = (_compositions(graph, ["bikes"], seed=s)[0].load(48) for s in (0, 0, 1))
    np.testing.assert_array_equal(one, again)
    assert (one != other).any()
    first, second = _compositions(graph, ["plain"], per_variant=2)
    assert (first.load(48) != second.load(48)).any()
    np.testing.assert_array_equal(first.load(48), first.load(48))


def test_every_node_of_the_packaged_graph_is_rendered(roadsigns):
    legends = synthetic.RenderedLegends()
    classes = [roadsigns.nodes[n] for n in roadsigns.nodes_of_type("Class")]
    assert synthetic.unknown_elements(roadsigns, legends) == ()
    assert synthetic.unknown_compositions(roadsigns, classes, legends=legends) == ()
