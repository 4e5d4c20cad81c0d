"""Emoji packages become source images and a graph."""

import json

import numpy as np
import pytest

from kgv_jax.data.prepare.emoji import STYLES, Style, open_emoji, prepare_emoji
from kgv_jax.kg import emoji
from kgv_jax.kg.load import load_graph
from kgv_jax.kg.wordnet import WordNet
from kgv_jax.util.errors import UserError
from tests.emoji_files import bar, icons, write_archives, write_package
from tests.wordnet_files import write_wordnet

KEPT = ("banana", "crab", "grapes", "red-heart")


@pytest.fixture
def archives(tmp_path, monkeypatch):
    monkeypatch.setenv("KGV_JAX_CACHE", str(tmp_path / "kgv"))
    concepts, styles = write_archives(tmp_path / "archives")
    return {
        "archives": tmp_path / "archives",
        "concepts_package": concepts,
        "styles": styles,
        "cache": tmp_path / "cache",
        "wordnet": write_wordnet(tmp_path / "wordnet") and WordNet(tmp_path / "wordnet"),
    }


def test_concepts_with_an_icon_in_every_style_are_kept(archives):
    assert prepare_emoji(**archives) == 12
    pixels, entries = open_emoji(archives["cache"])
    assert pixels.shape == (12, 72, 72, 4)
    assert [(entry["style"], entry["class"]) for entry in entries] == [
        (style, label) for style in ("noto", "fxemoji", "openmoji") for label in KEPT
    ]
    assert (pixels[..., 3] == 255).all()
    # On a white card, cropped to what is visible: a bar a quarter as high as wide lies in the middle.
    crab = pixels[[entry["id"] for entry in entries].index("noto/crab"), ..., :3]
    assert (crab[36, 8:-8] == (0, 0, 255)).all() and (crab[:26] == 255).all() and (crab[-26:] == 255).all()
    centre = {entry["id"]: pixels[row, 36, 36].tolist() for row, entry in enumerate(entries)}
    assert centre["noto/grapes"] == [255, 0, 0, 255] and centre["noto/crab"] == [0, 0, 255, 255]
    assert centre["fxemoji/banana"] == [255, 255, 0, 255] and centre["openmoji/banana"] == [0, 0, 0, 255]
    nodes = load_graph(emoji.graph_path()).graph
    assert len(nodes.nodes_of_type("Class")) == len(KEPT)


def test_an_alias_may_be_mirrored(archives):
    prepare_emoji(**archives)
    pixels, entries = open_emoji(archives["cache"])
    heart, banana = (
        next(pixels[row, ..., 0] for row, entry in enumerate(entries) if entry["id"] == name)
        for name in ("noto/red-heart", "noto/banana")
    )
    apart = np.abs(banana.astype(int) - heart[:, ::-1]).mean()  # an edge may fall half a pixel elsewhere
    assert apart < 8 < 50 < np.abs(heart.astype(int) - heart[:, ::-1]).mean()
    assert (heart[10, 8:16] == 0).all() and (heart[10, 30:] == 255).all() and (heart[60, 8:-8] == 0).all()


def test_concepts_that_share_an_icon_are_left_out(archives, tmp_path, capsys):
    alike = {"grapes": bar("#f00", 3), "banana": bar("#f00", 3), "crab": bar("#f00", 9), "redheart": bar("#f00", 5)}
    other = Style("twemoji", "twemoji", write_package(tmp_path / "archives", "alike", icons(alike)))
    assert prepare_emoji(**archives | {"styles": (*archives["styles"], other)}) == 8
    assert "a style has one icon for several: banana, grapes" in capsys.readouterr().err
    assert {entry["class"] for entry in open_emoji(archives["cache"])[1]} == {"crab", "red-heart"}
    nodes = load_graph(emoji.graph_path()).graph
    assert len(nodes.nodes_of_type("Class")) == 2


def test_a_second_time_nothing_is_done(archives):
    assert prepare_emoji(**archives) == 12
    assert prepare_emoji(**archives | {"archives": "nowhere"}) == 0


def test_damage_is_noticed_and_fixed(archives, capsys):
    prepare_emoji(**archives)
    path = archives["cache"] / "emoji.npy"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"emoji\.npy: SHA-256 is .*The emoji artwork is damaged"):
        open_emoji(archives["cache"])
    assert prepare_emoji(**archives) == 12
    assert "preparing again" in capsys.readouterr().err
    open_emoji(archives["cache"])


def test_an_archive_that_was_cut_short(archives):
    path = archives["archives"] / "named-1.tgz"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UserError, match=r"named-1\.tgz: SHA-256 is .*truncated or another version"):
        prepare_emoji(**archives)
    assert not archives["cache"].exists()


def test_an_archive_that_is_not_there(archives):
    (archives["archives"] / "coded-1.tgz").unlink()
    with pytest.raises(UserError, match=r"holds no coded-1\.tgz\. Put it there"):
        prepare_emoji(**archives)


def test_nothing_prepared(tmp_path):
    with pytest.raises(UserError, match=r"The emoji artwork is not prepared.*kgv prepare emoji"):
        open_emoji(tmp_path)


def test_every_package_is_pinned_and_every_style_has_a_licence():
    assert len({style.name for style in STYLES}) == 11
    assert all(len(style.package.sha256) == 64 and style.package.licence for style in STYLES)
    assert json.dumps(sorted({style.family for style in STYLES})) == (
        '["emojione", "fluent", "fxemoji", "noto", "openmoji", "twemoji"]'
    )
