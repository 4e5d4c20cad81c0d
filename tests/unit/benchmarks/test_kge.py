"""The comparison with PyKEEN: grids of one size, a choice by validation, and figures of all seeds."""

import dataclasses
import json

import numpy as np
import pytest

from benchmarks import kge, kge_grids
from benchmarks.kept import Kept
from kgv_jax.embed.registry import RECIPES
from kgv_jax.embed.triples import Triples


@pytest.mark.parametrize("name", kge.CASES)
def test_both_sides_have_as_many_candidates(name):
    case = kge.CASES[name]
    ours = {json.dumps(kge.reported(recipe)) for recipe in case.ours}
    theirs = {json.dumps(setting) for setting in case.theirs}
    assert len(ours) == len(theirs) == 4
    for recipe in case.ours:
        assert recipe.model() and recipe.loss_function()
    for setting in (*case.theirs, kge_grids.DEFAULT[case.peer]):
        assert setting.keys() == {"loss", "negatives", "inverse", "learning_rate"}


@pytest.mark.parametrize("name", kge.ALIKE)
def test_a_case_alike_follows_whatever_pykeen_chose(name):
    for setting in kge.CASES[kge.ALIKE[name][0]].theirs:
        recipe = kge_grids.alike(name, setting)
        assert recipe.learning_rate == setting["learning_rate"] and recipe.last_rate == 1
        assert recipe.loss_settings["negatives"] == setting["negatives"] and recipe.loss_function()


def test_validation_chooses_and_the_first_of_equals_is_taken():
    seen = []

    def run(candidate, seed):
        seen.append(seed)
        return {"valid": {"a": 0.3, "b": 0.5, "c": 0.5}[candidate], "test": 1.0}

    assert kge.best(["a", "b", "c"], run) == "b"
    assert set(seen) == {kge.FIRST_SEED}


def test_the_standard_error_is_of_the_mean():
    mean, error = kge.mean_and_error([0.5, 0.6, 0.7])
    assert mean == pytest.approx(0.6) and error == pytest.approx(0.1 / 3**0.5, abs=1e-4)
    assert kge.mean_and_error([0.5]) == (0.5, None)


class _Side:
    """A side whose runs are recognised by its first argument's learning rate."""

    def __init__(self, test):
        self._test = test
        self.runs = []

    def run(self, *asked):
        *_, setting, seed = asked
        rate = setting["learning_rate"] if isinstance(setting, dict) else setting.learning_rate
        self.runs.append((rate, seed))
        return {"valid": -rate, "test": self._test + 0.01 * (seed - kge.FIRST_SEED), "wall": 2.0, "processor": 1.0,
                "compile": 3.0}  # fmt: skip


def test_a_case_is_chosen_tested_and_told(capsys):
    ours, theirs = _Side(0.7), _Side(0.6)
    graph = Triples(np.zeros((10, 3), int), None, None, ("a",), ("r",))
    kge.compare("transe", ours, theirs, graph=graph, about="umls", against=kge.AGAINST, seeds=3)
    reported = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [figure["name"] for figure in reported] == ["kge.vs_pykeen_speed", "kge.vs_pykeen_mrr"] * 2
    speed, mrr = reported[:2]
    assert speed["triples_per_s"] == 600 and speed["whole_run_wall_s"] == 5.0
    assert mrr["mrr"] == 0.71 and mrr["peer_mrr"] == 0.61 and mrr["value"] == 0.1 and mrr["seeds"] == 3
    assert mrr["standard_error"] == 0.0058
    assert mrr["chosen"]["learning_rate"] == min(recipe.learning_rate for recipe in kge.CASES["transe"].ours)
    assert mrr["against"] == "PyKEEN TransE, tuned" and reported[3]["against"] == "PyKEEN TransE, default"
    tested = {seed for rate, seed in ours.runs if rate == mrr["chosen"]["learning_rate"]}
    assert tested == {kge.FIRST_SEED, kge.FIRST_SEED + 1, kge.FIRST_SEED + 2}


def test_pykeen_is_started_for_what_is_not_kept_and_asked_once(tmp_path):
    path, asked = tmp_path / "runs.jsonl", []

    class Worker:
        def ask(self, request):
            asked.append(request)
            return {"valid": 0.5}

    setting = kge.CASES["rotate"].theirs[0]
    assert kge.Theirs("umls", Worker, Kept(path)).run("RotatE", setting, 7) == {"valid": 0.5}
    assert kge.Theirs("umls", None, Kept(path)).run("RotatE", setting, 7) == {"valid": 0.5}
    sizes = {"dim": 64, "epochs": 60, "batch": 256}
    assert asked == [{"graph": "umls", "model": "RotatE", "seed": 7} | sizes | setting]


def test_ours_trains_and_is_not_trained_twice(tmp_path, monkeypatch):
    monkeypatch.setattr(kge, "DIM", 4)
    monkeypatch.setattr(kge, "EPOCHS", 2)
    triples = np.array([[0, 0, 1], [1, 0, 2], [2, 0, 0]], np.int32)
    graph = Triples(triples, triples[:1], triples[1:2], ("a", "b", "c"), ("r",))
    recipe = dataclasses.replace(RECIPES["transh"], batch=2)
    path = tmp_path / "runs.jsonl"
    first = kge.Ours("toy", graph, Kept(path)).run(recipe, 0)
    assert 1 / 3 <= first["valid"] <= 1 and first["compile"] > 0
    monkeypatch.setattr(kge, "Trainer", None)
    assert kge.Ours("toy", graph, Kept(path)).run(recipe, 0) == first
