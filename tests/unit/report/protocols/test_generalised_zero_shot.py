"""Seen against unseen classes of runs."""

import dataclasses

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
    """In-domain one image of straight-only and one of stop are mistaken; on us every stop is taken for a crossroads."""
    in_domain = predictions("de", [0, 1, 2, 3, 0, 1, 0, 2], margin=[2, 2, 2, 2, 2, 2, 1, 2])
    found = {"de": in_domain, "us": predictions("us", [0, 1, 1, 0], margin=0.5)}
    return make_study([read_run(str(write_run(tmp_path / "a", found, method="ce")))])


def test_accuracies_by_hand(tmp_path):
    records, (table,) = generalised_zero_shot.report(study(tmp_path), Options(unseen_classes=STOP))
    by = {record["domain"]: record for record in records}
    assert (by["de"]["seen"], by["de"]["unseen"]) == (pytest.approx(5 / 6), 0.5)
    assert by["de"]["harmonic"] == pytest.approx(2 * 5 / 12 / (4 / 3))
    assert (by["us"]["seen"], by["us"]["unseen"], by["us"]["harmonic"]) == (pytest.approx(2 / 3), 0, 0)
    assert "gamma" not in by["us"] and [row[2] for row in table.rows] == ["de", "us", "targets"]
    assert by["targets"]["seen"] == by["us"]["seen"] and by["de"]["seen_low"] < by["de"]["seen"] < by["de"]["seen_high"]


def test_gamma_is_chosen_in_domain_on_classes_that_are_learnt(tmp_path):
    found = study(tmp_path)
    options = Options(unseen_classes=STOP, validation_classes=("straight-only",))
    by = {record["domain"]: record for record in generalised_zero_shot.report(found, options).records}
    in_domain = found.first.predictions("de")
    gamma = zero_shot.choose_gamma(in_domain.gzsl_outcome("decoder", unseen=np.arange(4) == 2, seen=np.arange(4) < 2))
    assert by["us"]["gamma"] == pytest.approx(gamma, abs=1e-6) == pytest.approx(1.5, abs=1e-6)
    us = found.first.predictions("us")
    at = zero_shot.seen_unseen(us.gzsl_outcome("decoder", unseen=np.arange(4) == 3, seen=np.arange(4) < 3), gamma)
    assert by["us"]["calibrated"] == pytest.approx(at.harmonic)


def test_what_is_missing(tmp_path):
    found = study(tmp_path)
    assert "--unseen-classes" in generalised_zero_shot.lacks(found, Options())
    assert not generalised_zero_shot.lacks(found, Options(unseen_classes=STOP))
    with pytest.raises(UserError, match=r"--unseen-classes names 'stopp', did you mean 'stop'"):
        generalised_zero_shot.report(found, Options(unseen_classes=("stopp",)))
    with pytest.raises(UserError, match=r"both name 'stop'; gamma is chosen on others"):
        generalised_zero_shot.report(found, Options(unseen_classes=STOP, validation_classes=STOP))
    everything = tuple(found.first.predictions("de").classes.tolist())
    with pytest.raises(UserError, match="No domain has images both of the unseen"):
        generalised_zero_shot.report(found, Options(unseen_classes=everything))


ROLES = np.array(["seen", "seen", "validation", "unseen"])


def held_out_study(tmp_path, **settings):
    """A run that held `straight-only` out to choose with and `stop` to be tested."""
    tested = [0, 1, 3, 0, 1, 3]
    found = {
        "de": predictions("de", [0, 1, 0, 0, 1, 3], margin=[4, 4, 3, 4, 4, 3], label=tested),
        "us": predictions("us", [0, 1, 2, 0, 0, 3], label=tested),
        "validation": predictions("validation", [0, 1, 0, 0, 1, 3], margin=[4, 4, 1, 4, 4, 3], label=[0, 1, 2] * 2),
    }
    found = {name: dataclasses.replace(of, role=ROLES) for name, of in found.items()}
    return make_study([read_run(str(write_run(tmp_path / "held", found, method="ce", **settings)))])


def test_roles_come_with_the_predictions(tmp_path):
    found = held_out_study(tmp_path)
    assert not generalised_zero_shot.lacks(found, Options())
    by = {record["domain"]: record for record in generalised_zero_shot.report(found, Options()).records}
    assert (by["de"]["seen"], by["de"]["unseen"]) == (1, 0.5)
    # On us one stop is taken for a class that only chooses, which is no class of a test.
    assert by["us"]["unseen"] == 0.5 and by["us"]["seen"] == pytest.approx(0.75)
    held_out = found.first.predictions("validation")
    gzsl_outcome = held_out.gzsl_outcome("decoder", unseen=ROLES == "validation", seen=ROLES == "seen")
    gamma = zero_shot.choose_gamma(gzsl_outcome)
    assert by["de"]["gamma"] == pytest.approx(gamma) and by["us"]["gamma"] == by["de"]["gamma"]
    assert len(by["de"]["curve"]) == 101 and by["de"]["curve"][0] == 1


def test_gains_over_a_control(tmp_path):
    first = held_out_study(tmp_path).first
    # A copy of the run whose decoder is always right.
    better = {name: first.predictions(name) for name in ("de", "us", "validation")}
    for name in ("de", "us"):
        better[name] = dataclasses.replace(better[name], logits=9 * np.eye(4)[better[name].label])
    folder = write_run(tmp_path / "better", better, method="ebv")
    found = make_study([read_run(str(first.folder)), read_run(str(folder))])
    records, (_, gains) = generalised_zero_shot.report(found, Options(control="ce"))
    tests = {record["domain"]: record for record in records if "versus" in record}
    area = {(r["method"], r["domain"]): r["ausuc"] for r in records if "versus" not in r}
    assert tests["us"]["mean"] == pytest.approx(area["ebv", "us"] - area["ce", "us"]) and tests["us"]["mean"] > 0.1
    assert len(gains.rows) == 3 and {row[0] for row in gains.rows} == {"ebv"}


def test_a_control_is_paired_by_seed_and_by_its_chosen_head(tmp_path):
    first = held_out_study(tmp_path).first
    runs = []
    for method, seed in (("ce", 1), ("kgv", 0), ("kgv", 1), ("kgv", 2)):
        better = {name: first.predictions(name) for name in ("de", "us", "validation")}
        # Of kgv, validation chooses the density head; seed 2 is without a partner, and right everywhere.
        for name in ("de", "us", "validation"):
            sure = 9 * np.eye(4, dtype=np.float32)[better[name].label]
            if method == "kgv":
                better[name] = dataclasses.replace(better[name], scores=sure if name == "validation" else 0 * sure)
            if method == "kgv" and name == "validation":
                better[name] = dataclasses.replace(better[name], logits=-sure)
            if seed == 2 and name != "validation":
                better[name] = dataclasses.replace(better[name], logits=sure)
        runs.append(read_run(str(write_run(tmp_path / f"{method}{seed}", better, method=method, seed=seed))))
    records, (_, table) = generalised_zero_shot.report(make_study(runs, head="decoder"), Options(control="kgv"))
    tests = {record["domain"]: record for record in records if "versus" in record}
    assert {(test["versus_head"], test["seeds"]) for test in tests.values()} == {("density", 1)}
    (mine,) = (r["ausuc"] for r in records if r["method"] == "ce" and r["domain"] == "us" and "versus" not in r)
    # The density head of kgv has no preference on us: the class that is numbered first among all tested is taken.
    assert tests["us"]["mean"] == pytest.approx(mine - _area_of_no_preference(first.predictions("us")))
    assert "Holm over the 3 tests" in table.title
    del runs[2]
    with pytest.raises(UserError, match=r"ce and the control kgv have no seed in common \(1 and 0, 2\)"):
        generalised_zero_shot.report(make_study(runs, head="decoder"), Options(control="kgv"))


def _area_of_no_preference(of_domain):
    alike = dataclasses.replace(of_domain, logits=np.zeros((len(of_domain.label), 4), np.float32))
    gzsl_outcome = alike.gzsl_outcome("decoder", unseen=ROLES == "unseen", seen=ROLES == "seen")
    return zero_shot.area_under_curve(zero_shot.seen_unseen_curve(gzsl_outcome))


def test_one_unseen_source_image_says_nothing_of_others(tmp_path):
    first = held_out_study(tmp_path).first
    one = {"de": first.predictions("de"), "validation": first.predictions("validation")}
    kept = np.arange(len(one["de"].label)) < 2 * 5  # five source images, one of them of stop
    rows = ("id", "group", "label", "logits", "scores", "also")
    one["de"] = dataclasses.replace(one["de"], **{name: getattr(one["de"], name)[kept] for name in rows})
    runs = [read_run(str(write_run(tmp_path / method, one, method=method))) for method in ("ce", "ebv")]
    records, _ = generalised_zero_shot.report(make_study(runs), Options(control="ce"))
    (test,) = (record for record in records if "versus" in record)
    assert (test["low"], test["high"], test["p"]) == (-1, 1, 1)
    assert records[0]["unseen_high"] - records[0]["unseen_low"] > 0.7


def test_gamma_is_not_chosen_on_a_class_that_is_tested(tmp_path):
    found = held_out_study(tmp_path)
    both = Options(unseen_classes=("straight-only", "stop"))
    records, (table,) = generalised_zero_shot.report(found, both)
    assert "gamma" not in records[0] and table.title == "Generalised zero-shot: 2 unseen of 4 classes"
    learnt = Options(unseen_classes=STOP, validation_classes=("side-road-left",))
    _, (table,) = generalised_zero_shot.report(found, learnt)
    assert table.title == "Generalised zero-shot: 1 unseen of 3 classes"  # one that was learnt and chooses competes
