"""Emoji packages become drawings and a graph."""

import json

import numpy as np
import pytest

from kgv_jax.data.prepare.emoji import STYLES, open_emoji, prepare_emoji
from kgv_jax.kg import emoji
from kgv_jax.kg.load import load_graph
from kgv_jax.util.errors import UserError
from tests.emoji_files import write_archives

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
    }


def test_what_every_style_draws_is_kept(archives):
    assert prepare_emoji(**archives) == 12
    pixels, entries = open_emoji(archives["cache"])
    assert pixels.shape == (12, 72, 72, 4)
    assert [(entry["style"], entry["class"]) for entry in entries] == [
        (style, label) for style in ("noto", "fxemoji", "openmoji") for label in KEPT
    ]
    centre = {entry["id"]: pixels[row, 36, 36].tolist() for row, entry in enumerate(entries)}
    assert centre["noto/grapes"] == [255, 0, 0, 255] and centre["noto/crab"] == [0, 0, 255, 255]
    assert centre["fxemoji/banana"] == [255, 255, 0, 255] and centre["openmoji/banana"] == [0, 0, 0, 255]
    nodes = load_graph(emoji.graph_path()).graph
    assert len(nodes.nodes_of_type("Class")) == len(KEPT)


def test_an_alias_may_be_mirrored(archives):
    prepare_emoji(**archives)
    pixels, entries = open_emoji(archives["cache"])
    heart, banana = (
        next(pixels[row, ..., 3] for row, entry in enumerate(entries) if entry["id"] == name)
        for name in ("noto/red-heart", "noto/banana")
    )
    np.testing.assert_array_equal(banana, heart[:, ::-1])
    assert heart[:30, :30].all() and not heart[:, 40:].any()


def test_a_second_time_nothing_is_done(archives):
    assert prepare_emoji(**archives) == 12
    assert prepare_emoji(**archives | {"archives": "nowhere"}) == 0


def test_damage_is_noticed_and_mended(archives, capsys):
    prepare_emoji(**archives)
    path = archives["cache"] / "emoji.npy"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"emoji\.npy: SHA-256 is .*the emoji artwork is damaged"):
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
    with pytest.raises(UserError, match=r"holds no coded-1\.tgz; put it there"):
        prepare_emoji(**archives)


def test_nothing_prepared(tmp_path):
    with pytest.raises(UserError, match=r"the emoji artwork is not prepared.*python -m kgv_jax\.data\.prepare emoji"):
        open_emoji(tmp_path)


def test_every_package_is_pinned_and_every_style_has_a_licence():
    assert len({style.name for style in STYLES}) == 11
    assert all(len(style.package.sha256) == 64 and style.package.licence for style in STYLES)
    assert json.dumps(sorted({style.family for style in STYLES})) == (
        '["emojione", "fluent", "fxemoji", "noto", "openmoji", "twemoji"]'
    )
