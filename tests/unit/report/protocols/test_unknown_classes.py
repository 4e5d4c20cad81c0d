"""Unknown-class detection of runs."""

import dataclasses

import numpy as np
import pytest

from kgv_jax.report.protocols import unknown_classes
from kgv_jax.report.protocols.base import Options
from kgv_jax.report.runs import make_study, read_run
from kgv_jax.util.errors import UserError
from tests.report_runs import predictions, write_run

RIGHT = [0, 1, 2, 3]


def study(tmp_path, *, density=True):
    """On us half of the source images have logits as flat as can be, and node scores far from every class."""
    us = predictions("us", RIGHT, scored=RIGHT if density else None)
    flat = us.logits.copy()
    flat[:4] = 0
    us = dataclasses.replace(us, logits=flat, scores=us.scores - np.where(np.arange(8) < 4, 9, 0)[:, None])
    found = {"de": predictions("de", RIGHT, scored=RIGHT if density else None), "us": us}
    return make_study([read_run(str(write_run(tmp_path / "a", found, method="kgv" if density else "ce")))])


def test_unknown_domains_by_hand(tmp_path):
    records, _ = unknown_classes.report(study(tmp_path), Options(unknown_domains=("us",)))
    by = {record["score"]: record for record in records}
    # Half of the unknown are below every known one, half tie with all: 1/2 + 1/4, and the ties pass.
    for score in ("max softmax", "energy", "node density", "nearest node"):
        assert (by[score]["auroc"], by[score]["fpr95"]) == (0.75, 0.5), score
    # The softmax over the densities does not see that all of them are low.
    assert by["max softmax of densities"]["auroc"] == 0.5
    assert (by["energy"]["known"], by["energy"]["unknown"]) == (8, 8)


def test_unknown_classes_are_no_columns(tmp_path):
    found = study(tmp_path)
    records, _ = unknown_classes.report(found, Options(unknown_classes=("stop",)))
    by = {(record["score"], record["domain"]): record for record in records}
    # An image of stop has its mass in a column that is left out, so what is left of it is flat.
    assert by["max softmax", "de"] | {"auroc": 1.0, "fpr95": 0.0, "known": 6, "unknown": 2} == by["max softmax", "de"]
    assert {domain for _, domain in by} == {"de", "us"}


def test_a_method_without_densities_has_two_scores(tmp_path):
    records, _ = unknown_classes.report(study(tmp_path, density=False), Options(unknown_domains=("us",)))
    assert [record["score"] for record in records] == ["max softmax", "energy"]


def test_what_is_missing(tmp_path):
    found = study(tmp_path)
    assert "--unknown-domains" in unknown_classes.lacks(found, Options())
    with pytest.raises(UserError, match=r"--unknown-domains names 'uk', did you mean 'us'\?; the runs have us"):
        unknown_classes.report(found, Options(unknown_domains=("uk",)))
    with pytest.raises(UserError, match=r"--unknown-classes names 'stopp', did you mean 'stop'"):
        unknown_classes.report(found, Options(unknown_classes=("stopp",)))
    everything = tuple(found.first.predictions("de").classes.tolist())
    with pytest.raises(UserError, match="No domain has images both of"):
        unknown_classes.report(found, Options(unknown_classes=everything))
