"""Files of earlier versions: the combined head was `both`, and source images were pictures."""

import numpy as np
import pytest

from kgv_jax.run.earlier import current_array, current_head
from kgv_jax.run.predictions import Outcomes, Predictions


@pytest.mark.parametrize(
    ("then", "today"),
    [
        ("picture", "group"),
        ("both", "combined"),
        ("both.picture", "combined.group"),
        ("decoder.picture", "decoder.group"),
        ("both.margin", "combined.margin"),
        ("density", "density"),
        ("label", "label"),
    ],
)
def test_arrays_have_todays_names(then, today):
    assert current_array(then) == today


def test_heads_have_todays_names():
    assert [current_head(name) for name in ("both", "decoder", "combined")] == ["combined", "decoder", "combined"]


def test_outcomes_are_read(tmp_path):
    right, names = np.array([True, False]), np.array(["us/0", "us/1"])
    of_head = {"label": [0, 1], "picture": names, "unseen": [False, True], "right": right, "margin": [2.0, 0.0]}
    arrays = {"picture": names, "decoder": right, "both": ~right, "role": np.array(["seen", "unseen"])}
    np.savez(tmp_path / "us.npz", **arrays, **{f"both.{name}": np.asarray(of) for name, of in of_head.items()})
    read = Outcomes.load(tmp_path / "us.npz")
    assert read.heads() == ("decoder", "combined") and read.group.tolist() == names.tolist()
    np.testing.assert_array_equal(read.correct("combined"), ~right)
    assert {*read.gzsl_outcomes} == {"combined"}
    outcome = read.gzsl_outcomes["combined"]
    assert outcome.group.tolist() == names.tolist() and outcome.margin.tolist() == [2, 0]


def test_predictions_are_read(tmp_path):
    np.savez(
        tmp_path / "us.npz", id=np.array(["us/0#0"]), picture=np.array(["us/0"]), label=np.zeros(1, np.int32),
        logits=np.eye(1, 2, dtype=np.float32), scores=np.zeros((1, 0), np.float32), classes=np.array(["a", "b"]),
    )  # fmt: skip
    read = Predictions.load(tmp_path / "us.npz")
    assert read.group.tolist() == ["us/0"] and read.also.shape == (1, 0) and read.role.tolist() == ["seen", "seen"]
    assert read.correct("decoder").tolist() == [True]
