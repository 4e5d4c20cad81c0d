"""The embedded data set: enough classes, distinguished, and countries that differ in more than render augmentation."""

import itertools

import numpy as np
import pytest

from kgv_jax.data.renderer.stated import stated_sign, tails
from kgv_jax.data.sources import rendered_signs as drawn
from kgv_jax.data.synthetic import PLAIN_STYLES, VARIED_STYLES
from kgv_jax.kg.load import load_graph
from kgv_jax.kg.names import local_name
from kgv_jax.util.errors import UserError


@pytest.fixture(scope="module")
def graph():
    return load_graph(drawn.graph_path()).graph


@pytest.fixture(scope="module")
def dataset():
    return drawn.load()


def _difference(a, b, size_px=40):
    return np.abs(a.load(size_px).astype(int) - b.load(size_px).astype(int)).mean()


def test_forty_classes_in_three_countries(dataset):
    labels = {name: {p.label for p in source_images} for name, source_images in dataset.domains.items()}
    assert len(dataset.classes) >= 80
    assert sum(sum(c in found for found in labels.values()) >= 3 for c in dataset.classes) >= 40
    assert all(len(found) >= 40 for found in labels.values())
    assert dataset.render_views and dataset.source == "de" and dataset.source in dataset.domains
    assert any("roundabout-ahead" in note for note in dataset.notes)


def test_parts_of_the_source_share_no_drawing_and_no_part_misses_a_class(dataset):
    parts = (dataset.train, dataset.validation, dataset.domains["de"])
    ids = [{p.id for p in part} for part in parts]
    assert not any(a & b for a, b in itertools.combinations(ids, 2))
    assert all({p.label for p in part} == set(dataset.classes) for part in parts)
    assert len(dataset.train) == 2 * len(dataset.classes)


def test_seed_decides_what_is_held_out(dataset):
    def held(seed):
        return [p.id for p in drawn.load(seed=seed).validation]

    assert held(0) == [p.id for p in dataset.validation]
    assert held(0) != held(1)


def test_every_class_is_known_in_three_countries_and_no_two_look_alike_by_their_facts(graph):
    countries: dict[str, set[str]] = {}
    looks: dict[tuple, str] = {}
    for variant in graph.nodes_of_type("Variant"):
        name = local_name(graph.nodes[tails(graph, variant, ("variantOf",))[0]])
        country = local_name(graph.nodes[tails(graph, variant, ("usedIn",))[0]])
        assert local_name(graph.nodes[variant]) == f"{name}.{country}"
        countries.setdefault(name, set()).add(country)
        stated = stated_sign(graph, variant)
        key = (country, stated.shape, stated.border, stated.fill, stated.legends, stated.marks)
        assert key not in looks, (name, looks[key])
        looks[key] = name
    assert len(countries) >= 48
    assert all(len(found) >= 3 for found in countries.values())


def test_national_facts(graph):
    def facts(variant):
        stated = stated_sign(graph, graph.node(variant))
        return stated.shape, stated.border, stated.fill, stated.legend_colour

    assert facts("curve-left.de") == facts("curve-left.ru") == ("triangle", "red", "white", "black")
    assert facts("curve-left.cn") == ("triangle", "black", "yellow", "black")
    assert facts("curve-left.us") == ("diamond", "black", "yellow", "black")
    assert facts("roadworks.us") == ("diamond", "black", "orange", "black")
    assert facts("speed-limit-50.us") == ("rectangle", "black", "white", "black")
    assert facts("keep-right.cn") == ("circle", None, "blue", "white")
    assert [facts(f"stop.{c}")[0] for c in ("de", "cn", "ru", "us")] == ["octagon"] * 4


@pytest.mark.parametrize("country", ["de", "cn", "ru", "us"])
def test_signs_of_a_country_are_distinguished(graph, country):
    source_images = drawn.country_images(graph, country, drawings=1)
    images = np.stack([p.load(40) for p in source_images]).astype(int).reshape(len(source_images), -1)
    for i, image in enumerate(images):
        distance = np.abs(images - image).mean(1)
        distance[i] = np.inf
        assert distance.min() > 1, (source_images[i].id, source_images[int(distance.argmin())].id)


def test_countries_differ_even_where_the_facts_agree(graph):
    signs = {c: {p.label: p for p in drawn.country_images(graph, c, drawings=1)} for c in ("de", "ru")}
    for label in ("bicycle-crossing", "children", "no-trucks", "speed-limit-50", "keep-right", "stop"):
        assert _difference(signs["de"][label], signs["ru"][label]) > 8


def test_drawings_of_one_country_differ(graph):
    source_images = drawn.country_images(graph, "de", drawings=4)
    for a, b in itertools.pairwise(p for p in source_images if p.label == "children"):
        assert _difference(a, b) > 3


def test_synthetic_images_are_rendered_by_no_country():
    used = {drawing.drawing_style for drawings in drawn.DRAWINGS.values() for drawing in drawings}
    assert used.isdisjoint(VARIED_STYLES)
    special = {d.drawing_style.variant for c in ("cn", "ru", "us") for d in drawn.DRAWINGS[c]}
    assert special.isdisjoint(drawing_style.variant for drawing_style in PLAIN_STYLES)


@pytest.mark.parametrize("source", ["cn", "ru", "us"])
def test_every_country_can_be_the_source(source):
    targets = [c for c in drawn.DRAWINGS if c != source]
    dataset = drawn.load(source=source, targets=targets, drawings_per_target=1)
    assert len(dataset.classes) >= 60 and len(dataset.train) == 2 * len(dataset.classes)


def test_without_validation_everything_trains():
    dataset = drawn.load(validation_fraction=0.0)
    assert len(dataset.validation) == len(dataset.domains["de"]) == 0
    assert len(dataset.train) == 4 * len(dataset.classes)


@pytest.mark.parametrize(
    "options,message",
    [
        ({"source": "uk"}, r"No signs of the country 'uk' can be rendered.*de, cn, ru, us"),
        ({"targets": ("cn", "de")}, r"twice"),
        ({"validation_fraction": 0.5}, r"validation_fraction 0.5 holds out 4 of the 4"),
        ({"drawings_per_target": 0}, r"drawings_per_target is 0; expected 1 to 4"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(UserError, match=message):
        drawn.load(**options)
