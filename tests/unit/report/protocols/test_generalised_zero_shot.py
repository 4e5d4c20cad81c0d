"""Seen against unseen classes of runs."""

import numpy as np
import pytest

from kgv_jax.report import zero_shot
from kgv_jax.report.protocols import generalised_zero_shot
from kgv_jax.report.protocols.base import Options
from kgv_jax.report.runs import make_study, read_run
from kgv_jax.util.errors import UserError
from tests.report_runs import predictions, write_run

STOP = ("stop",)


def study(tmp_path):
    """At home a drawing of straight-only and one of stop are mistaken; on us every stop is taken for a crossroads."""
    home = predictions("de", [0, 1, 2, 3, 0, 1, 0, 2], margin=[2, 2, 2, 2, 2, 2, 1, 2])
    found = {"de": home, "us": predictions("us", [0, 1, 1, 0], margin=0.5)}
    return make_study([read_run(str(write_run(tmp_path / "a", found, method="ce")))])


def test_accuracies_by_hand(tmp_path):
    records, (table,) = generalised_zero_shot.report(study(tmp_path), Options(unseen_classes=STOP))
    by = {record["domain"]: record for record in records}
    assert (by["de"]["seen"], by["de"]["unseen"]) == (pytest.approx(5 / 6), 0.5)
    assert by["de"]["harmonic"] == pytest.approx(2 * 5 / 12 / (4 / 3))
    assert (by["us"]["seen"], by["us"]["unseen"], by["us"]["harmonic"]) == (pytest.approx(2 / 3), 0, 0)
    assert "gamma" not in by["us"] and [row[2] for row in table.rows] == ["de", "us", "targets"]
    assert by["targets"]["seen"] == by["us"]["seen"] and by["de"]["seen_low"] < by["de"]["seen"] < by["de"]["seen_high"]


def test_gamma_is_chosen_at_home_on_classes_that_are_learnt(tmp_path):
    found = study(tmp_path)
    options = Options(unseen_classes=STOP, validation_classes=("straight-only",))
    by = {record["domain"]: record for record in generalised_zero_shot.report(found, options).records}
    home = found.first.predictions["de"]
    kept = home.label != 3
    scores = home.log_probabilities("decoder")[kept].astype(float)
    scores[:, 3] = -np.inf
    gamma = zero_shot.choose_gamma(scores, home.label[kept], np.arange(4) == 2)
    assert by["us"]["gamma"] == pytest.approx(gamma, abs=1e-6) == pytest.approx(1.5, abs=1e-6)
    us = found.first.predictions["us"]
    at = zero_shot.seen_unseen(us.log_probabilities("decoder"), us.label, np.arange(4) == 3, gamma=gamma)
    assert by["us"]["calibrated"] == pytest.approx(at.harmonic)


def test_what_is_missing(tmp_path):
    found = study(tmp_path)
    assert "--unseen-classes" in generalised_zero_shot.lacks(found, Options())
    assert not generalised_zero_shot.lacks(found, Options(unseen_classes=STOP))
    with pytest.raises(UserError, match=r"--unseen-classes names 'stopp', did you mean 'stop'"):
        generalised_zero_shot.report(found, Options(unseen_classes=("stopp",)))
    with pytest.raises(UserError, match=r"both name 'stop'; gamma is chosen on others"):
        generalised_zero_shot.report(found, Options(unseen_classes=STOP, validation_classes=STOP))
    everything = tuple(found.first.predictions["de"].classes.tolist())
    with pytest.raises(UserError, match="No domain has photographs both of the unseen"):
        generalised_zero_shot.report(found, Options(unseen_classes=everything))
