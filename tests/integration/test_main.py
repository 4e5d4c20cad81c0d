"""The main job as a user runs it: trained, stopped and resumed, evaluated again, refused."""

import json
import os
import signal
import subprocess
import time

import numpy as np
import pytest

from kgv_jax.config.schema import digest
from kgv_jax.run.predictions import Predictions
from kgv_jax.run.workdir import Workdir
from kgv_jax.util.writers import read_metrics
from tests import cli

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("main")]
_ARGUMENTS = (*cli.DRAWN, "--config.method=kgv", "--config.train.steps=40", "--config.train.checkpoint_every_steps=15")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("finished")
    done = cli.succeed("main", *_ARGUMENTS, f"--workdir={workdir}")
    return workdir, done


def _mtimes(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_a_run_leaves_everything_it_promises(finished):
    workdir, done = finished
    records = json.loads((workdir / "results.json").read_text())
    keys = {"method", "seed", "fraction", "domain", "head", "accuracy", "low", "high", "n", "config_digest"}
    keys |= {"shots", "classes", "masked_accuracy", "masked_low", "masked_high"}
    assert all(set(record) == keys for record in records)
    assert {(r["domain"], r["head"]) for r in records} == {
        (domain, head) for domain in ("de", "cn") for head in ("decoder", "density", "combined")
    }
    config = Workdir(workdir).read_config()
    assert {(r["method"], r["seed"], r["fraction"], r["config_digest"]) for r in records} == {
        ("kgv", 0, 1.0, digest(config))
    }
    for name in ("de", "cn", "validation"):
        predictions = Predictions.load(workdir / "predictions" / f"{name}.npz")
        count, classes = len(predictions.label), len(predictions.classes)
        assert predictions.logits.shape == predictions.scores.shape == (count, classes)
        assert np.isfinite(predictions.logits).all() and np.isfinite(predictions.scores).all()
        assert len(set(predictions.id)) == count and predictions.label.max() < classes
        for record in (r for r in records if r["domain"] == name):
            assert record["n"] == count and record["low"] <= record["accuracy"] <= record["high"]
            assert record["accuracy"] == pytest.approx(predictions.correct(record["head"]).mean())
    metrics = read_metrics(workdir)
    assert [line["step"] for line in metrics] == list(range(2, 41, 2))
    assert {"loss", "ce", "reg", "accuracy", "gradient_norm"} <= set(metrics[-1])
    assert metrics[-1]["loss"] < metrics[0]["loss"]
    assert list((workdir / "events").glob("events.out.tfevents.*"))
    assert sorted(p.name for p in (workdir / "checkpoints").iterdir() if p.name.isdigit()) == ["30", "40"]
    assert {r["domain"] for r in json.loads((workdir / "validation.json").read_text())} == {"validation"}
    assert "| kgv" in done.stdout and "mean over targets" in done.stdout
    assert "step 40/40" in done.stderr and "loss" in done.stderr and "images/s" in done.stderr
    assert "classes that de does not have are left out" in done.stderr


def test_the_same_command_again_only_reports(finished):
    workdir, done = finished
    before = _mtimes(workdir)
    again = cli.succeed("main", *_ARGUMENTS, f"--workdir={workdir}")
    assert again.stdout == done.stdout and again.stderr == ""
    assert _mtimes(workdir) == before


def test_evaluation_needs_only_the_folder(finished):
    workdir, done = finished
    results, checkpoints = (workdir / "results.json").read_bytes(), _mtimes(workdir / "checkpoints")
    logits = Predictions.load(workdir / "predictions" / "cn.npz").logits
    (workdir / "results.json").unlink()
    (workdir / "predictions" / "cn.npz").unlink()
    again = cli.succeed("main", "--mode=eval", f"--workdir={workdir}")
    assert again.stdout == done.stdout
    assert (workdir / "results.json").read_bytes() == results
    np.testing.assert_array_equal(Predictions.load(workdir / "predictions" / "cn.npz").logits, logits)
    assert _mtimes(workdir / "checkpoints") == checkpoints


def test_a_run_that_was_stopped_ends_like_one_that_was_not(finished, tmp_path):
    arguments = (*_ARGUMENTS, f"--workdir={tmp_path}")
    process = subprocess.Popen(
        cli.command("main", *arguments),
        cwd=cli.ROOT, env=cli.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not (tmp_path / "metrics.jsonl").exists() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGTERM)
    _, reported = process.communicate(timeout=60)
    assert process.returncode not in (0, 2) and "Traceback" not in reported, reported[-3000:]
    assert "Stopped by SIGTERM after step" in reported
    saved = max(int(p.name) for p in (tmp_path / "checkpoints").iterdir() if p.name.isdigit())
    assert 0 < saved < 40, "it must have been stopped in the middle"
    assert not (tmp_path / "results.json").exists()

    resumed = cli.succeed("main", *arguments)
    assert f"Resuming at step {saved} of 40." in resumed.stderr
    assert (tmp_path / "results.json").read_bytes() == (finished[0] / "results.json").read_bytes()
    for name in ("de", "cn"):
        ours, theirs = (Predictions.load(folder / "predictions" / f"{name}.npz") for folder in (tmp_path, finished[0]))
        np.testing.assert_array_equal(ours.logits, theirs.logits)
        np.testing.assert_array_equal(ours.scores, theirs.scores)
    assert [m["step"] for m in read_metrics(tmp_path)] == [m["step"] for m in read_metrics(finished[0])]


def test_a_folder_of_another_config_lists_the_differences(finished):
    reported = cli.refused("main", *_ARGUMENTS, "--config.seed=4", f"--workdir={finished[0]}")
    assert "1 differences" in reported and "seed: 0 -> 4" in reported


def test_a_batch_that_does_not_divide_by_the_devices(tmp_path):
    arguments = (*_ARGUMENTS, "--config.train.batch_size=12", "--config.train.accumulate=1", f"--workdir={tmp_path}")
    reported = cli.refused("main", *arguments, devices=8)
    assert "is 12, not divisible by the 8 devices" in reported and "Use 8 or 16" in reported


def test_a_second_start_reads_the_compiled_programs(tmp_path, empty_kgv_cache, monkeypatch):
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR", raising=False)
    arguments = (*cli.DRAWN, "--config.method=ce", "--config.train.steps=4")
    reported, kept = [], []
    for folder, hashing in ((tmp_path / "first", "3"), (tmp_path / "second", "4")):
        monkeypatch.setenv("PYTHONHASHSEED", hashing)  # the order of a set of names must not reach a program
        reported.append(cli.succeed("main", *arguments, f"--workdir={folder}"))
        kept.append({path.name for path in (empty_kgv_cache / "xla").glob("*-cache")})
    assert any(name.startswith("jit_step-") for name in kept[0]) and kept[1] == kept[0]
    assert (empty_kgv_cache / "xla").stat().st_mode & 0o777 == 0o700
    assert reported[1].stdout == reported[0].stdout and "ompiled" not in reported[0].stderr + reported[1].stderr
    logits = [Predictions.load(tmp_path / name / "predictions" / "cn.npz").logits for name in ("first", "second")]
    np.testing.assert_array_equal(*logits)


def test_another_seed_compiles_nothing_again(tmp_path, empty_kgv_cache, monkeypatch):
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR", raising=False)
    kept, logits = [], []
    for seed in ("0", "1"):
        arguments = (*cli.DRAWN, "--config.method=ce", "--config.train.steps=4", f"--config.seed={seed}")
        cli.succeed("main", *arguments, f"--workdir={tmp_path / seed}")
        kept.append({path.name for path in (empty_kgv_cache / "xla").glob("*-cache")})
        logits.append(Predictions.load(tmp_path / seed / "predictions" / "cn.npz").logits)
    assert kept[1] == kept[0] and not np.allclose(*logits)
