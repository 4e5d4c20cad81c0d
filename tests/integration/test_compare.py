"""A comparison through real processes: run, summarised, and run again with nothing to do."""

import json
import pathlib
import tarfile

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
    assert "kgv_no_synthetic" in text and "2 training images of every class: accuracy" in text
    assert "kgv_no_synthetic" in done.stdout and "3 runs, 3 to do" in done.stderr
    logs = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("log.txt")}
    assert len(logs) == 3
    again = cli.succeed("compare", *arguments, f"--archive={tmp_path / 'kept.tar.xz'}")
    assert "3 runs, 0 to do" in again.stderr and again.stdout == done.stdout
    assert {path: path.stat().st_mtime_ns for path in logs} == logs
    assert json.loads((tmp_path / "compare.json").read_text()) == report
    _prints_the_same_without_training(tmp_path / "kept.tar.xz", tmp_path / "elsewhere", arguments, done.stdout, report)


def _prints_the_same_without_training(file, folder, arguments, printed, report):
    with tarfile.open(file) as tar:
        assert {pathlib.PurePath(name).suffix for name in tar.getnames()} == {".json", ".npz"}
        tar.extractall(folder, filter="data")
    done = cli.succeed("compare", *arguments, f"--workdir={folder}", f"--archive={folder / 'kept.tar.xz'}")
    assert "3 runs, 0 to do" in done.stderr
    assert done.stdout == printed.replace(str(file.parent), str(folder))
    assert json.loads((folder / "compare.json").read_text()) == report
    assert (folder / "kept.tar.xz").read_bytes() == file.read_bytes()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (["--archive=kept.zip"], "--archive is kept.zip; expected NAME.tar.xz"),
        (["--archive=no/kept.tar.xz"], "expected NAME.tar.xz in a folder that is there"),
    ],
)
def test_an_archive_that_cannot_be_is_reported_before_any_run(tmp_path, wrong, message):
    error = cli.refused("compare", *cli.DRAWN, f"--workdir={tmp_path / 'runs'}", "--methods=ce", *wrong)
    assert message in error and not (tmp_path / "runs").exists()
