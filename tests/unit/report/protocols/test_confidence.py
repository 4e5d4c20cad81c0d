"""Calibration and selective accuracy of runs, by hand."""

import math

import numpy as np
import pytest

from kgv_jax.report.protocols import confidence
from kgv_jax.report.protocols.base import Options
from kgv_jax.report.runs import make_study, read_run
from tests.report_runs import predictions, write_run


def study(tmp_path, *, seeds=(0,), head="decoder", **values):
    """Of four source images three are right, each with the probability e^m / (e^m + 3)."""
    runs = [
        write_run(tmp_path / f"{seed}", {"de": predictions("de", [0, 1, 2, 0], **values)}, method="kgv", seed=seed)
        for seed in seeds
    ]
    return make_study([read_run(str(run)) for run in runs], head=head)


def test_calibration_by_hand(tmp_path):
    ((record,), (table,)) = confidence.report_calibration(study(tmp_path, margin=math.log(27)), Options())
    # Probabilities 0.9 and thrice 1/30, three quarters right.
    assert record["confidence"] == pytest.approx(0.9, rel=1e-5)
    assert record["ece"] == record["ece_equal_mass"] == pytest.approx(0.15, rel=1e-5)
    right, wrong = 0.01 + 3 / 900, 0.81 + (29 / 30) ** 2 + 2 / 900
    assert record["brier"] == pytest.approx((3 * right + wrong) / 4, rel=1e-5)
    assert record["nll"] == pytest.approx(-(3 * math.log(0.9) + math.log(1 / 30)) / 4, rel=1e-5)
    assert table.rows[0][:6] == ("kgv", "decoder", "de", "75.0", "90.0", "15.0")


def test_the_mean_of_two_heads_is_normalised(tmp_path):
    found = study(tmp_path, head="combined", scored=[1, 2, 3, 0])
    ((record,), _) = confidence.report_calibration(found, Options())
    # Logits 2 and 3 / 2 apart from the mean of the heads: halves 1 and 1.5, if they disagree.
    predictions_of = found.first.predictions("de")
    p = np.exp(predictions_of.log_probabilities("combined"))
    assert p.sum(-1).max() < 0.99
    assert record["confidence"] == pytest.approx(float((p.max(-1) / p.sum(-1)).mean()), rel=1e-5)


def test_selective_by_hand(tmp_path):
    # The wrong source image, two test images, is the second in confidence.
    ((record,), _) = confidence.report_selective(study(tmp_path, margin=[4, 2, 1, 3]), Options())
    risk = [0, 0, 1 / 3, 2 / 4, 2 / 5, 2 / 6, 2 / 7, 2 / 8]
    assert record["aurc"] == pytest.approx(sum(risk) / 8)
    assert (record["at_0.5"], record["at_0.8"], record["accuracy"]) == pytest.approx((0.5, 1 - 2 / 7, 0.75))
    # The oracle's: 0 for six test images, then 1/7 and 2/8.
    assert record["excess"] == pytest.approx((sum(risk) - 1 / 7 - 2 / 8) / 8)


def test_seeds_are_averaged(tmp_path):
    found = [predictions("de", chosen, margin=[4, 3, 2, 1]) for chosen in ([0, 1, 2, 3], [0, 1, 2, 0])]
    runs = [write_run(tmp_path / f"{seed}", {"de": of}, method="ce", seed=seed) for seed, of in enumerate(found)]
    study = make_study([read_run(str(run)) for run in runs])
    assert confidence.report_selective(study, Options()).records[0]["aurc"] == pytest.approx((1 / 7 + 2 / 8) / 8 / 2)
