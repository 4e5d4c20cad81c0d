"""Element images of the emoji graph: icons of tags and categories, none of a class, no copy of an emoji."""

import dataclasses

import numpy as np
import pytest

from kgv_jax.data import synthetic_manifest
from kgv_jax.data.prepare import emoji_elements
from kgv_jax.data.prepare.rendered import render_on_card
from kgv_jax.kg import emoji
from kgv_jax.util.errors import UserError
from tests.emoji_files import bar, concept_files, hook, icons, write_package


@pytest.fixture
def graph(tmp_path, monkeypatch):
    monkeypatch.setenv("KGV_JAX_CACHE", str(tmp_path / "kgv"))
    return emoji.make_graph(emoji.read_concepts(concept_files()))


def _card(svg_body, folder):
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">{svg_body}</svg>'.encode()
    return render_on_card(svg, "emoji", folder, size_px=72)


def test_tags_have_images_and_classes_have_none(graph, tmp_path, capsys):
    first = write_package(tmp_path, "one", icons({"fruit": hook("#000"), "banana": bar("#000", 3)}))
    second = write_package(tmp_path, "two", icons({"fruit": bar("#000", 5), "face": bar("#000", 9), "car": hook("#0")}))
    emoji = np.stack([_card(bar("#000", 9), tmp_path)])
    assert emoji_elements.prepare_elements(graph, emoji, archives=tmp_path, sets=(first, second)) == 2
    assert "1 near copies of emoji are left out" in capsys.readouterr().err  # the face
    made = synthetic_manifest.read_manifest(emoji_elements.elements_folder(), graph)
    assert [image.id for image in made.images] == ["elements/one/fruit.png", "elements/two/fruit.png"]
    tag = graph.nodes[graph.node("tag-fruit")]
    assert {image.depicts for image in made.images} == {(("instanceOf", tag),)}
    assert made.images[0].load(36).shape == (36, 36, 4)
    assert emoji_elements.prepare_elements(graph, emoji, archives="nowhere", sets=(first, second)) == 0


def test_a_tag_that_is_named_like_a_class_has_no_icon(graph):
    tagged = graph.nodes[graph.node("tag-fruit")]
    labels = tuple("crab" if node == tagged else graph.labels[graph.node(node)] for node in graph.nodes)
    named = dataclasses.replace(graph, labels=labels)
    assert {"fruit", "face", "emoji"} <= emoji_elements.nodes_with_icons(graph).keys()
    assert not {"fruit", "crab"} & emoji_elements.nodes_with_icons(named).keys()


def test_nothing_prepared(graph):
    with pytest.raises(UserError, match=r"element images of emoji are not prepared.*kgv prepare emoji"):
        emoji_elements.elements_folder()


def test_an_archive_that_was_cut_short(graph, tmp_path):
    package = write_package(tmp_path, "one", icons({"fruit": hook("#000")}))
    (tmp_path / "one-1.tgz").write_bytes((tmp_path / "one-1.tgz").read_bytes()[:-9])
    with pytest.raises(UserError, match=r"one-1\.tgz: SHA-256 is .*truncated or another version"):
        emoji_elements.prepare_elements(graph, np.zeros((0, 72, 72, 4), np.uint8), archives=tmp_path, sets=(package,))
    with pytest.raises(UserError, match="not prepared"):
        emoji_elements.elements_folder()
