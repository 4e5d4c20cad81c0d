"""A comparison through real processes: run, summarised, and run again with nothing to do."""

import json

import pytest

from tests import cli

pytestmark = [pytest.mark.processes]


def test_two_methods_are_compared_and_not_run_twice(tmp_path):
    arguments = (
        *cli.DRAWN, f"--workdir={tmp_path}", "--methods=ce,kgv_no_synthetic", "--seeds=1", "--fractions=0.5",
        "--shots=2", "--shot_methods=ce", "--jobs=1", "--config.train.steps=4",
    )  # fmt: skip
    done = cli.succeed("compare", *arguments)
    report = json.loads((tmp_path / "compare.json").read_text())
    assert {(r["method"], r["seed"], r["fraction"], r["shots"]) for r in report["records"]} == {
        ("ce", 0, 0.5, 0),
        ("kgv_no_synthetic", 0, 0.5, 0),
        ("ce", 0, 1.0, 2),
    }
    versus = [row["versus"] for row in report["summary"] if row["method"] == "kgv_no_synthetic"]
    assert versus and all(set(row) == {"ce"} for row in versus)
    text = (tmp_path / "compare.md").read_text()
    assert "kgv_no_synthetic" in text and "2 training pictures of every class: accuracy" in text
    assert "kgv_no_synthetic" in done.stdout and "3 runs, 3 to do" in done.stderr
    logs = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("log.txt")}
    assert len(logs) == 3
    again = cli.succeed("compare", *arguments)
    assert "3 runs, 0 to do" in again.stderr and again.stdout == done.stdout
    assert {path: path.stat().st_mtime_ns for path in logs} == logs
    assert json.loads((tmp_path / "compare.json").read_text()) == report
