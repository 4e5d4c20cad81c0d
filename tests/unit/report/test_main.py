"""The command line: what it prints, what it writes, and what it says to a mistake."""

import subprocess
import sys

import pytest

from tests import cli
from tests.report_runs import predictions, read_json, write_run

RIGHT, SHIFTED = [0, 1, 2, 3], [0, 1, 3, 2]
QUICK = "--protocol=shift,calibration"


@pytest.fixture
def runs(tmp_path):
    made = {"ce": ([0, 1, 3, 2], None), "kgv": ([0, 1, 2, 3], [0, 1, 2, 2])}
    return [
        str(write_run(tmp_path / method, {d: predictions(d, c, scored=s) for d in ("de", "us")}, method=method))
        for method, (c, s) in made.items()
    ]


def test_every_protocol_that_can_be(runs, tmp_path, capsys):
    assert cli.run("report", *runs, "--control=ce", f"--json={tmp_path / 'all.json'}") == 0
    printed = capsys.readouterr().out
    assert "| kgv    | decoder *" in printed
    for name in ("robustness", "detection", "curve", "corruption"):
        assert f"{name}: left out, " in printed
    assert list(read_json(tmp_path / "all.json")) == ["shift", "calibration", "selective", "severity", "branches"]


def test_the_numbers_written_are_those_printed(runs, tmp_path, capsys):
    assert cli.run("report", *runs, "--protocol=shift", "--control=ce", f"--json={tmp_path / 'x.json'}") == 0
    records = read_json(tmp_path / "x.json")["shift"]
    (gain,) = [r for r in records if "p_holm" in r and r["domain"] == "us"]
    assert gain["mean"] == 0.5
    assert "| kgv    | decoder | us      | +50.0 |" in capsys.readouterr().out


def test_only_what_is_asked_for_in_that_order(runs, tmp_path, capsys):
    assert cli.run("report", *runs, "--protocol=calibration,shift", "--head=all", f"--json={tmp_path / 'x.json'}") == 0
    found = read_json(tmp_path / "x.json")
    assert list(found) == ["calibration", "shift"]
    assert {(r["method"], r["head"]) for r in found["calibration"]} == {
        ("ce", "decoder"), ("kgv", "decoder"), ("kgv", "density"), ("kgv", "combined"),
    }  # fmt: skip
    assert "left out" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--protocol=sift"], "--protocol names 'sift', did you mean 'shift'"),
        (["--protocol=detection"], "--protocol=detection: no unknown images are named; --unknown-domains="),
        (["--protocol=curve"], "--protocol=curve: the runs have one amount of data"),
        (["--protocol=corruption"], "--protocol=corruption: the runs have no domain c/"),
        (["--protocol=robustness"], "--protocol=robustness: no line is given"),
        ([QUICK, "--control=cee"], "There is no run of 'cee', did you mean 'ce'"),
        ([QUICK, "--baselines=ebv"], "There is no run of 'ebv'"),
        ([QUICK, "--head=density"], "ce has no head 'density'"),
        (["nowhere", QUICK], "nowhere: no such folder"),
        ([QUICK, "--json=/nowhere/at/all.json"], "--json=/nowhere/at/all.json cannot be written (No such file"),
    ],
)
def test_mistakes(runs, arguments, words, capsys):
    assert cli.run("report", *runs, *arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert words in error


@pytest.mark.processes
def test_it_starts_without_jax():
    code = (
        "import sys, kgv_jax.commands.report; "
        "print([name for name in ('jax', 'jaxlib', 'flax', 'orbax') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
