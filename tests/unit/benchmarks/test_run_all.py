"""Figures are kept with their circumstances, whatever fails, and say nothing of the machine's owner."""

import json
import os
import re
import socket
import textwrap

import pytest

from benchmarks import run_all

_PROGRAMS = {
    "score": """
        import json
        print("a line of text", json.dumps(dict(other="no figure")), "{broken", sep="\\n")
        for value in (2.0, 3.0):
            figure = dict(name="score.x", value=value, unit="times", against="a|b", case="N 8", seconds=0.5)
            print(json.dumps(figure), flush=True)
    """,
    "growth": """
        import json, sys
        print(json.dumps(dict(name="score.growth", value=1.0, unit="times", against="half", case="N 16")))
        sys.exit(3)
    """,
    "regulariser": "print('nothing to print')",
}


@pytest.fixture
def call(tmp_path, monkeypatch):
    """Runs the command on programs that stand for benchmarks; returns its exit status."""
    for name, text in _PROGRAMS.items():
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(text))
    monkeypatch.setattr(run_all, "command_of", lambda name: ["python", str(tmp_path / f"{name}.py")])
    files = (f"--results={tmp_path / 'kept' / 'bench.jsonl'}", f"--table={tmp_path / 'table.md'}")
    return lambda *names: run_all.main([*names, *files])


def _kept(folder):
    return [json.loads(line) for line in (folder / "kept" / "bench.jsonl").read_text().splitlines()]


def test_figures_are_kept_with_when_where_and_how_they_were_taken(call, tmp_path, capfd):
    assert call("score") == 0
    assert "a line of text" in capfd.readouterr().out
    figures = _kept(tmp_path)
    assert [figure["value"] for figure in figures] == [2.0, 3.0]
    for figure in figures:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", figure["utc"])
        assert re.fullmatch(r"[0-9a-f]{12}\+?|unknown\+?", figure["commit"])
        assert figure["command"] == f"python {tmp_path / 'score.py'}"
        assert figure["machine"]["cores"] == len(os.sched_getaffinity(0))
        assert figure["machine"]["cpu"] and re.match(r"\d+\.\d+", figure["machine"]["jax"])
        assert figure["seconds"] == 0.5


def test_the_table_shows_the_latest_of_each_case_with_its_parts(call, tmp_path):
    call("score")
    call("score")
    (row,) = [line for line in (tmp_path / "table.md").read_text().splitlines() if "score.x" in line]
    assert row.startswith("| `score.x` | N 8 | 3 times | a\\|b | seconds 0.5 | `python ")
    assert len(_kept(tmp_path)) == 4


def test_a_benchmark_that_fails_takes_no_figure_with_it(call, tmp_path, capfd):
    assert call("growth", "regulariser", "score") == 1
    reported = capfd.readouterr().err
    assert "error: failed: growth (exit status 3, 1 figures), regulariser (exit status 0, 0 figures)." in reported
    assert [figure["name"] for figure in _kept(tmp_path)] == ["score.growth", "score.x", "score.x"]
    table = (tmp_path / "table.md").read_text()
    assert "score.growth" in table and "score.x" in table


def test_missing_peers_are_an_error_before_anything_runs(call, tmp_path, capfd, monkeypatch):
    monkeypatch.setattr(run_all, "PEERS_PYTHON", str(tmp_path / "no" / "python"))
    assert call("score", "kge") == 2
    assert "kge compare with what is installed there. `make peers` builds it" in capfd.readouterr().err
    assert not (tmp_path / "kept").exists()


def test_an_unknown_benchmark_names_the_nearest(call, capfd):
    assert call("scores") == 2
    assert "no benchmark 'scores', did you mean 'score'?" in capfd.readouterr().err


def test_every_benchmark_is_a_module():
    for name in run_all.BENCHMARKS:
        assert (run_all.ROOT / "benchmarks" / f"{name}.py").is_file(), name


def test_what_is_published_names_no_machine_and_no_folder():
    texts = [path.read_text() for path in (run_all.RESULTS, run_all.TABLE)]
    for text in (*texts, json.dumps(run_all.make_stamp())):
        assert not re.search(rf"\b{re.escape(socket.gethostname())}\b", text)
        assert not re.search(r"""(?:^|[\s"'=`])/(?:home|root|tmp|usr|work|mnt|var)\b""", text)
    names = {figure["command"] for figure in run_all.read(run_all.RESULTS)}
    assert names <= {" ".join(run_all.command_of(name)) for name in run_all.BENCHMARKS}


def test_the_table_is_that_of_the_figures():
    assert run_all.TABLE.read_text() == run_all.table(run_all.latest(run_all.read(run_all.RESULTS)))
