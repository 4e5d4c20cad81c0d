"""The comparison: which runs, what their predictions amount to, and a run that fails."""

import sys

import numpy as np
import pytest

from kgv_jax import compare
from kgv_jax.compare import plan
from kgv_jax.config import schema as config_schema
from kgv_jax.report.runs import RunKey, make_comparison
from kgv_jax.report.summary import overview_table, summarise
from kgv_jax.report.table import TARGETS, interval_text
from kgv_jax.run.predictions import Predictions
from kgv_jax.run.workdir import Workdir
from kgv_jax.util.errors import UserError


def test_the_plan_goes_seed_by_seed():
    keys = plan(["ce", "kgv:3"], ["1", "0.1"], 2)
    assert keys[:4] == [RunKey("ce", 1.0, 0), RunKey("kgv", 1.0, 0), RunKey("ce", 0.1, 0), RunKey("kgv", 0.1, 0)]
    assert len(keys) == len(set(keys)) == 2 * 2 + 2 * 3
    assert keys[-2:] == [RunKey("kgv", 1.0, 2), RunKey("kgv", 0.1, 2)]


def test_every_run_has_a_folder_of_its_own(tmp_path):
    keys = plan(["ce", "kgv"], ["1", "0.1", "0.125"], 3)
    assert len({key.folder(tmp_path) for key in keys}) == len(keys)
    assert RunKey("kgv", 0.1, 2).folder(tmp_path) == tmp_path / "kgv" / "fraction0.1" / "seed2"


def test_shots_are_amounts_beside_fractions(tmp_path):
    keys = plan(["ce:2", "ebv", "kgv"], ["1", "0.1"], 1, shots=["4", "16"], shot_methods=["ce", "dgp:3"])
    amounts = {(key.method, key.fraction, key.shots): 0 for key in keys}
    for key in keys:
        amounts[key.method, key.fraction, key.shots] += 1
    assert amounts == {
        ("ce", 1, 0): 2, ("ebv", 1, 0): 1, ("kgv", 1, 0): 1, ("ce", 0.1, 0): 2, ("ebv", 0.1, 0): 1, ("kgv", 0.1, 0): 1,
        ("ce", 1, 4): 2, ("dgp", 1, 4): 3, ("ce", 1, 16): 2, ("dgp", 1, 16): 3,
    }  # fmt: skip
    assert RunKey("ce", 1.0, 1, 4).folder(tmp_path) == tmp_path / "ce" / "shots4" / "seed1"
    assert len({key.folder(tmp_path) for key in keys}) == len(keys) == 18
    assert plan(["ce"], [], 2, shots=["4"]) == [RunKey("ce", 1.0, 0, 4), RunKey("ce", 1.0, 1, 4)]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"shots": ["0"]}, "--shots has '0'; expected whole numbers from 1 on"),
        ({"shots": ["1.5"]}, "--shots has '1.5'; expected whole numbers"),
        ({"shots": ["4"], "shot_methods": ["kvg"]}, "--shot_methods names 'kvg', did you mean 'kgv'"),
        ({"shot_methods": ["ce"]}, "--shot_methods is given without --shots"),
        ({"whole_methods": ["oracle_3"]}, "--whole_methods names 'oracle_3', did you mean 'oracle_"),
        ({}, "--fractions and --shots are both empty"),
    ],
)
def test_mistakes_with_shots(given, words):
    with pytest.raises(UserError, match=words):
        plan(["ce", "kgv"], [], 1, **given)


@pytest.mark.parametrize(
    ("methods", "fractions", "words"),
    [
        (["kvg"], ["1"], "--methods names 'kvg', did you mean 'kgv'"),
        (["kgv:two"], ["1"], "expected NAME or NAME:SEEDS"),
        (["ce:0"], ["1"], "--methods has 'ce:0'; expected NAME or NAME:SEEDS, SEEDS from 1, such as ce:5"),
        ([], ["1"], "--methods is empty; expected NAME or NAME:SEEDS of attribute_bce, "),
        (["kgv"], ["all"], "--fractions is all; expected numbers"),
    ],
)
def test_mistakes_in_the_plan(methods, fractions, words):
    with pytest.raises(UserError, match=words):
        plan(methods, fractions, 1)


def _save(root, key, domain, hits, scored=None):
    """Writes predictions that are right for all ten test images of a source image, or wrong for all."""
    hits = np.repeat(hits, 10)
    label = np.arange(len(hits)) // 10 % 3
    logits = np.eye(3, dtype=np.float32)[np.where(hits, label, (label + 1) % 3)]
    scores = np.zeros((len(hits), 0), np.float32)
    if scored is not None:
        scored = np.repeat(scored, 10)
        scores = 5 * np.eye(3, dtype=np.float32)[np.where(scored, label, (label + 1) % 3)]
    images = np.array([f"{domain}/{k // 10}" for k in range(len(hits))])
    identity = np.array([f"{p}#{k % 10}" for k, p in enumerate(images)])
    also = np.zeros((len(label), 0), np.int32)
    classes = np.array(["a", "b", "c"])
    found = Predictions(identity, images, label.astype(np.int32), logits, scores, classes, also)
    found.save(Workdir(key.folder(root)).predictions / f"{domain}.npz")


def test_the_summary_of_files_written_by_hand(tmp_path):
    keys = plan(["ce", "kgv"], ["1"], 2)
    half, most, all_ = [True, False] * 10, [True, True, True, False] * 5, [True] * 20
    for key in keys:
        _save(tmp_path, key, "de", all_, None if key.method == "ce" else all_)
        for domain in ("cn", "ru"):
            if key.method == "ce":
                _save(tmp_path, key, domain, half)
            else:
                _save(tmp_path, key, domain, most, all_ if domain == "cn" else half)
    rows = summarise(make_comparison(keys, tmp_path, ("de", "cn", "ru"), source="de"))
    by_key = {(row["method"], row["head"], row["domain"]): row for row in rows}
    assert len(by_key) == len(rows) == 4 + 3 * 4
    assert by_key["ce", "decoder", "cn"]["mean"] == pytest.approx(0.5)
    assert by_key["kgv", "decoder", "ru"]["mean"] == pytest.approx(0.75)
    assert by_key["kgv", "density", TARGETS]["mean"] == pytest.approx(0.75)
    gain = by_key["kgv", "decoder", TARGETS]["versus"]["ce"]
    assert gain["mean"] == pytest.approx(0.25)
    assert gain["low"] > 0 and gain["low"] < 0.25 < gain["high"] and gain["p"] < 0.05
    nothing = by_key["kgv", "density", "ru"]["versus"]["ce"]
    assert nothing["mean"] == nothing["low"] == nothing["high"] == 0
    assert by_key["ce", "decoder", TARGETS]["versus"] == {}
    assert all(row["seeds"] == 2 and row["fraction"] == 1.0 for row in rows)
    wide = by_key["ce", "decoder", "cn"]
    # Twenty source images, not two hundred test images: the interval of a binomial of 20.
    assert 0.15 < wide["mean"] - wide["low"] < 0.3


def test_methods_are_held_against_controls_of_the_same_shots(tmp_path):
    keys = plan(["ce"], ["1"], 1, shots=["4"], shot_methods=["ce", "kgv"])
    for key in keys:
        _save(tmp_path, key, "de", [True] * 20)
        shares = {("ce", 0): [True] * 20, ("ce", 4): [True, False] * 10, ("kgv", 4): [True, True, True, False] * 5}
        _save(tmp_path, key, "cn", shares[key.method, key.shots])
    rows = summarise(make_comparison(keys, tmp_path, ("de", "cn"), source="de"))
    found = {(row["method"], row["shots"]): row for row in rows if row["domain"] == "cn"}
    assert {key: row["mean"] for key, row in found.items()} == {("ce", 0): 1, ("ce", 4): 0.5, ("kgv", 4): 0.75}
    assert found["kgv", 4]["versus"]["ce"]["mean"] == pytest.approx(0.25)
    assert all(row["fraction"] == 1 for row in rows)


def test_a_source_without_test_images_has_no_column(tmp_path):
    keys = plan(["ce", "kgv"], ["1"], 1)
    for key in keys:
        _save(tmp_path, key, "cn", [True, False] * 10)
    rows = summarise(make_comparison(keys, tmp_path, ("cn",), source="de"))
    assert {row["domain"] for row in rows} == {"cn", TARGETS} and all(row["chosen"] for row in rows)
    mean = next(row for row in rows if row["domain"] == TARGETS)
    assert overview_table(rows, source="de").rows[0][2:4] == ("-", interval_text(mean, "mean"))


def test_a_run_that_fails_is_reported_with_the_end_of_its_log(tmp_path, monkeypatch):
    stand_in = tmp_path / "python"
    stand_in.write_text("#!/bin/sh\necho 'the last words of the run'\nexit 3\n")
    stand_in.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(stand_in))
    with pytest.raises(UserError, match=r"(?s)method='ce'.*exit code 3.*seed0/log.txt ends:.*last words of the run"):
        compare.run_all([RunKey("ce", 1.0, 0)], tmp_path, ["--config=none.py"], jobs=1)


def test_results_of_another_config_are_not_taken_for_this_one(tmp_path):
    keys, values = [RunKey("ce", 1.0, 0), RunKey("kgv", 0.1, 2)], config_schema.default_config().to_dict()
    compare.claim_all(keys, tmp_path, values)
    compare.claim_all(keys, tmp_path, values)
    config = Workdir(keys[1].folder(tmp_path)).read_config()
    assert (config.method, config.fraction, config.seed) == ("kgv", 0.1, 2)
    Workdir(keys[1].folder(tmp_path)).write_records("results.json", [])
    values["kgv"]["beta"] = 7.0
    with pytest.raises(
        UserError, match=r"kgv/fraction0\.1/seed2 holds a run of another config \(1 differences.*\n.*kgv\.beta"
    ):
        compare.claim_all(keys, tmp_path, values)


def test_the_config_of_a_run_has_its_shots(tmp_path):
    values = config_schema.default_config().to_dict()
    keys = [RunKey("ce", 1.0, 0), RunKey("ce", 1.0, 0, 4)]
    compare.claim_all(keys, tmp_path, values)
    assert [Workdir(key.folder(tmp_path)).read_config().shots for key in keys] == [0, 4]
    with pytest.raises(UserError, match=r"config\.shots is 2 with --shots"):
        compare.claim_all(keys, tmp_path, values | {"shots": 2})
    # As before, where shots are the config's alone.
    compare.claim_all(keys[:1], tmp_path / "other", values | {"shots": 2})
    assert Workdir(keys[0].folder(tmp_path / "other")).read_config().shots == 2


def test_whole_methods_are_run_on_all_images_alone():
    keys = plan(["ce:2"], ["1", "0.1"], 1, whole_methods=["oracle_all:3"])
    found = {(key.method, key.fraction, key.seed) for key in keys}
    assert found == {("ce", f, s) for f in (1.0, 0.1) for s in (0, 1)} | {("oracle_all", 1.0, s) for s in range(3)}
    assert [key.method for key in plan([], [], 1, whole_methods=["ce"])] == ["ce"]
