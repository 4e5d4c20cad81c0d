"""A renderer in a user's file draws a graph, and its images are read back through their manifest."""

import numpy as np
import pytest

from kgv_jax.data.synthetic_manifest import read_manifest
from kgv_jax.kg.load import load_graph
from tests import cli

RENDERER = """
import functools

import numpy as np

from kgv_jax.data.types import SourceImage

COLOURS = {"red": (200, 0, 0), "blue": (0, 0, 200)}


def paint(colour, size_px):
    return np.full((size_px, size_px, 4), (*colour, 255), np.uint8)


def render(graph):
    for name, colour in COLOURS.items():
        depicts = (("instanceOf", graph.nodes[graph.node(name)]),)
        yield SourceImage(f"{name}/0", "elements", None, functools.partial(paint, colour), depicts)


def nothing(graph):
    return []


def twice(graph):
    return [*render(graph), *render(graph)]


def empty(graph):
    return [SourceImage("a", "elements", None, functools.partial(paint, (0, 0, 0)))]
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(RENDERER)
    (tmp_path / "graph.csv").write_text("head,relation,tail\nstop,hasColour,red\npark,hasColour,blue\n")
    return tmp_path


def test_a_renderer_of_the_user(here, capsys):
    assert cli.run("prepare", "elements", "mine.py:render", "--graph=graph.csv", "--out=made", "--size-px=20") == 0
    assert capsys.readouterr().out == "2 images in made; a run reads them with --config.synthetic.manifest=made\n"
    red, blue = read_manifest("made", load_graph(here / "graph.csv").graph).images
    assert red.id == "elements/red/0.png"
    assert (red.depicts, blue.depicts) == ((("instanceOf", "red"),), (("instanceOf", "blue"),))
    np.testing.assert_array_equal(blue.load(20)[0, 0], (0, 0, 200, 255))
    assert cli.run("prepare", "elements", "mine.py:render", "--graph=graph.csv", "--out=made") == 2
    assert "manifest.csv exists already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("mine.py", "The renderer is 'mine.py'; expected FILE.py:FUNCTION"),
        ("yours.py:render", "file yours.py does not exist"),
        ("mine.py:draw", "has no function 'draw'; expected one of: SourceImage, empty, nothing, paint, render, twice"),
        ("mine.py:nothing", "made no image"),
        ("mine.py:twice", "'red/0' occurs twice"),
        ("mine.py:empty", "'a' depicts nothing"),
    ],
)
@pytest.mark.usefixtures("here")
def test_mistakes(capsys, name, words):
    assert cli.run("prepare", "elements", name, "--graph=graph.csv", "--out=made") == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and words in error
