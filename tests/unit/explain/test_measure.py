"""The measures of an explanation together: records and their tables."""

import numpy as np
import pytest

from kgv_jax.explain.measure import (
    CENTRE,
    GRAD_CAM,
    RANDOM_WEIGHTS,
    UNIFORM,
    Explained,
    similarity_table,
    trust,
    trust_table,
)

SIDE = 16


def _explained(*, boxes):
    images = np.zeros((3, SIDE, SIDE, 3), np.uint8)
    images[:, :4, :4] = 200  # the evidence that the model below uses
    return Explained(
        images=images, group=np.array(["a", "a", "b"]), label=np.zeros(3, np.int32),
        classes=np.ones(3, np.int32), boxes=np.array([[0, 0, 4, 4]] * 3) if boxes else None,
        mean=np.zeros(3, np.uint8),
    )  # fmt: skip


def _probabilities(images):
    bright = images[:, :4, :4].mean((1, 2, 3)) / 200
    return np.stack([1 - bright, bright], -1)


def _maps():
    right, wrong = np.zeros((3, SIDE, SIDE)), np.zeros((3, SIDE, SIDE))
    right[:, :4, :4] = np.arange(1, 17).reshape(4, 4)
    wrong[:, 10:, 10:] = 1.0
    return {GRAD_CAM: right, RANDOM_WEIGHTS: wrong}


def _by_name(records):
    return {(record["map"], record["measure"]): record for record in records}


def test_a_map_that_finds_the_evidence_beats_one_that_does_not():
    found = _by_name(trust(_explained(boxes=True), _maps(), _probabilities))
    # The box is a sixteenth of the image, which is one of 16 steps.
    assert found[GRAD_CAM, "deletion"]["mean"] == pytest.approx(0.5 / 16)
    assert found[GRAD_CAM, "insertion"]["mean"] > 0.95 > found[RANDOM_WEIGHTS, "insertion"]["mean"]
    assert found[RANDOM_WEIGHTS, "deletion"]["mean"] > 0.3
    assert found[GRAD_CAM, "pointing game"]["mean"] == found[GRAD_CAM, "energy in box"]["mean"] == 1
    assert found[RANDOM_WEIGHTS, "pointing game"]["mean"] == found[RANDOM_WEIGHTS, "energy in box"]["mean"] == 0
    assert found[UNIFORM, "energy in box"]["mean"] == pytest.approx(1 / 16)
    assert 0 < found[CENTRE, "energy in box"]["mean"] < 1 / 16
    assert all(record["n"] == 3 and record["low"] <= record["mean"] <= record["high"] for record in found.values())


def test_without_boxes_there_is_no_pointing_game():
    records = trust(_explained(boxes=False), _maps(), _probabilities)
    assert {record["measure"] for record in records} == {"deletion", "insertion", "points nowhere"}
    assert UNIFORM not in {record["map"] for record in records}


def test_a_map_of_zeros_points_nowhere():
    found = _by_name(trust(_explained(boxes=True), {GRAD_CAM: np.zeros((3, SIDE, SIDE))}, _probabilities))
    assert found[GRAD_CAM, "points nowhere"]["mean"] == 1 and found[CENTRE, "points nowhere"]["mean"] == 0


def test_tables_have_a_row_per_map_and_a_dash_for_missing_measures():
    table = trust_table(trust(_explained(boxes=True), _maps(), _probabilities))
    assert [row[0] for row in table.rows] == [GRAD_CAM, RANDOM_WEIGHTS, CENTRE, UNIFORM]
    assert table.header[:3] == ("map", "deletion (low)", "insertion (high)") and table.rows[-1][1] == "-"
    assert table.rows[0][1].startswith("3.1 [")
    (row,) = similarity_table([{"down to": "decoder", "correlation": -0.126, "n": 3}]).rows
    assert row == ("decoder", "-0.13")
