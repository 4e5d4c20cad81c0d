"""Predictions files: heads, their log-probabilities, and the round trip."""

import dataclasses

import numpy as np
import pytest

from kgv_jax.run.predictions import Outcomes, Predictions


def _predictions(logits, scores, label, also=None):
    count = len(label)
    return Predictions(
        id=np.array([f"cn/{k}#0" for k in range(count)]),
        group=np.array([f"cn/{k}" for k in range(count)]),
        label=np.asarray(label, np.int32),
        logits=np.asarray(logits, np.float32),
        scores=np.asarray(scores, np.float32).reshape(count, -1),
        classes=np.array(["a", "b"]),
        also=np.zeros((count, 0), np.int32) if also is None else np.asarray(also, np.int32),
    )


def test_heads_follow_from_the_scores():
    assert _predictions([[1, 0]], [[0, 1]], [0]).heads() == ("decoder", "density", "combined")
    assert _predictions([[1, 0]], [[]], [0]).heads() == ("decoder",)


def test_the_combined_head_is_the_mean_in_log_space():
    value = _predictions([[2, 0], [0, 1]], [[0, 1], [0, 3]], [0, 1])
    decoder, density = (value.log_probabilities(head) for head in ("decoder", "density"))
    np.testing.assert_allclose(np.exp(decoder).sum(1), 1, rtol=1e-6)
    np.testing.assert_allclose(value.log_probabilities("combined"), (decoder + density) / 2, rtol=1e-6)
    np.testing.assert_array_equal(value.correct("decoder"), [True, True])
    np.testing.assert_array_equal(value.correct("density"), [False, True])
    np.testing.assert_array_equal(value.correct("combined"), [True, True])


def test_a_file_holds_plain_arrays_and_reads_back(tmp_path):
    value = _predictions([[2, 0], [0, 1]], [[0, 1], [0, 3]], [0, 1])
    value.save(tmp_path / "deep" / "cn.npz")
    read = Predictions.load(tmp_path / "deep" / "cn.npz")
    for name in ("id", "group", "label", "logits", "scores", "classes", "also", "role"):
        np.testing.assert_array_equal(getattr(read, name), getattr(value, name))
    with np.load(tmp_path / "deep" / "cn.npz", allow_pickle=False) as arrays:
        assert sorted(arrays.files) == ["also", "classes", "group", "id", "label", "logits", "role", "scores"]


def test_several_labels_may_be_right():
    value = _predictions([[0, 1], [0, 1], [1, 0]], [[]] * 3, [0, 0, 1], also=[[1, -1], [-1, -1], [-1, -1]])
    np.testing.assert_array_equal(value.correct("decoder"), [True, False, False])
    np.testing.assert_array_equal(value.present(), [0, 1])


def test_a_choice_among_the_classes_that_occur():
    value = _predictions([[3, 1], [3, 1]], [[]] * 2, [1, 1])
    np.testing.assert_array_equal(value.present(), [1])
    np.testing.assert_array_equal(value.correct("decoder"), [False, False])
    np.testing.assert_array_equal(value.correct("decoder", among=value.present()), [True, True])


def test_a_file_without_further_labels_is_read(tmp_path):
    value = _predictions([[2, 0]], [[]], [0])
    old = {name: array for name, array in vars(value).items() if name not in ("also", "role")}
    np.savez(tmp_path / "old.npz", **old)
    np.testing.assert_array_equal(Predictions.load(tmp_path / "old.npz").role, ["seen", "seen"])
    np.testing.assert_array_equal(Predictions.load(tmp_path / "old.npz").correct("decoder"), [True])


def test_objects_in_a_file_are_not_unpickled(tmp_path):
    np.savez(tmp_path / "bad.npz", id=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="allow_pickle"):
        Predictions.load(tmp_path / "bad.npz")


def test_outcomes_are_what_the_predictions_get_right(tmp_path):
    value = _predictions([[2, 0], [0, 1]], [[0, 1], [0, 3]], [0, 1])
    value.outcomes().save(tmp_path / "deep" / "cn.npz")
    read = Outcomes.load(tmp_path / "deep" / "cn.npz")
    assert read.heads() == value.heads() and read.group.tolist() == value.group.tolist()
    for head in value.heads():
        np.testing.assert_array_equal(read.correct(head), value.correct(head))


def test_outcomes_say_how_held_out_classes_do_against_seen_ones(tmp_path):
    value = _predictions([[2, 0], [0, 1], [3, 0]], [[0, 1], [0, 3], [0, 1]], [0, 1, 1])
    assert not value.outcomes().gzsl_outcomes
    for role in ("unseen", "validation"):
        dataclasses.replace(value, role=np.array(["seen", role])).outcomes().save(tmp_path / "cn.npz")
        read = Outcomes.load(tmp_path / "cn.npz")
        assert read.role.tolist() == ["seen", role] and set(read.gzsl_outcomes) == set(read.heads()) == set(
            value.heads()
        )
        gzsl_outcome = read.gzsl_outcomes["decoder"]
        np.testing.assert_allclose(gzsl_outcome.margin, [2, -1, 3], rtol=1e-6)
        assert gzsl_outcome.label.tolist() == [0, 1, 1] and gzsl_outcome.group.tolist() == value.group.tolist()
        assert gzsl_outcome.unseen.tolist() == [False, True, True] and gzsl_outcome.right.all()
        assert gzsl_outcome.correct().tolist() == [True, True, False]
        assert gzsl_outcome.correct(3.1).tolist() == [False, True, True]
        np.testing.assert_array_equal(gzsl_outcome.correct(), read.correct("decoder"))
