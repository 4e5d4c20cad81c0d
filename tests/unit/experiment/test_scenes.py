"""Scenes come from the photographs that are trained on, and compositions stand in them."""

import numpy as np
import pytest

from kgv_jax.config import schema as config_schema
from kgv_jax.experiment import build as experiment
from kgv_jax.util.errors import UserError
from tests import road_photographs as written


def _config(root, method="ce_compose_labelled", **settings):
    values = config_schema.default_config()
    values.method = method
    values.data.name, values.data.root, values.data.targets = "road_photographs", str(root), "cn"
    values.data.size_px = 32
    values.kg.path = "road_photographs"
    values.synthetic.scenes, values.synthetic.styles = "photographs", "domains"
    values.synthetic.drawing_styles = "plates"
    values.synthetic.views, values.synthetic.per_variant, values.synthetic.per_element = 1, 1, 1
    for name, value in settings.items():
        section, key = name.split("__")
        values[section][key] = value
    return config_schema.resolve(values)


@pytest.fixture
def root(tmp_path, kgv_cache):
    written.drawn_gtsrb(tmp_path / "GTSRB")
    written.tt100k_crops(tmp_path / "TT100K")
    return tmp_path


def _compositions(built) -> np.ndarray:
    stream = built.pipeline.streams[-1]
    assert stream.name == "compositions"
    rows = np.arange(len(stream))
    return stream.images.read(rows, rows)


def test_compositions_stand_in_photographs(root):
    found = _compositions(experiment.build(_config(root)))
    drawn = _compositions(experiment.build(_config(root, synthetic__scenes="drawn")))
    assert found.shape == drawn.shape
    # Every photograph of the fixture has a ground of one green: so have the corners of the compositions.
    corners = found[:, :2, :2].reshape(len(found), -1, 3).mean(1)
    greenish = (corners[:, 1] > corners[:, 0] + 10) & (corners[:, 1] > corners[:, 2] + 10)
    made_up = drawn[:, :2, :2].reshape(len(drawn), -1, 3).mean(1)
    assert greenish.all()
    assert not ((made_up[:, 1] > made_up[:, 0] + 10) & (made_up[:, 1] > made_up[:, 2] + 10)).all()


def test_signs_are_composed_in_the_styles_of_the_domains(root):
    built = experiment.build(_config(root))
    styles = {id.rpartition(".")[2].partition("-")[0] for id in built.pipeline.streams[-1].images.ids.tolist()}
    assert styles == {"de", "cn"}


def test_photographs_of_something_else_have_no_scene(tmp_path, kgv_cache):
    written.gtsrb(tmp_path / "GTSRB")  # red squares, whatever their class
    written.tt100k_crops(tmp_path / "TT100K")
    for path in (tmp_path / "GTSRB").rglob("*.ppm"):
        noise = np.random.default_rng(0).integers(0, 255, (28, 30, 3), np.uint8)
        written.write_pixels(path, noise)
    with pytest.raises(
        UserError, match=r"None of the \d+ training images of 'de'.*Set config\.synthetic\.scenes=drawn"
    ):
        experiment.build(_config(tmp_path))


def test_without_photographs_compositions_are_all(root):
    built = experiment.build(_config(root, "ce_compose_alone"))
    assert [stream.name for stream in built.pipeline.streams] == ["elements", "compositions"]
    with pytest.raises(UserError, match=r"synthetic\.alone is true, and method 'ce' has no labelled compositions"):
        _config(root, "ce", synthetic__alone=True)


def test_ranges_are_pairs(root):
    with pytest.raises(UserError, match=r"config\.synthetic\.extent is \(0\.9, 0\.5\); expected two numbers"):
        _config(root, synthetic__extent=(0.9, 0.5))
