"""Runs the benchmarks, one after another; keeps every figure, and writes the table of the latest.

    python -m benchmarks.run_all
    python -m benchmarks.run_all score growth

Each benchmark is a process of its own. Its figures are appended to `benchmarks/results/bench.jsonl` as they come, each
with when, on what and from which commit it was taken; `docs/benchmarks.md` shows the latest of every name and case. A
benchmark that fails takes no figure of another with it; the command fails at the end.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import json
import os
import pathlib
import platform
import re
import subprocess
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from kgv_jax.util.errors import UserError, nearest

ROOT = pathlib.Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "bench.jsonl"
TABLE = ROOT / "docs" / "benchmarks.md"
BENCHMARKS = ("score", "sampling", "regulariser", "input_pipeline", "step", "compiler", "kge", "growth", "depthwise")
WITH_PEERS = ("input_pipeline", "step", "kge")
PEERS_PYTHON = os.environ.get("KGV_PEERS_PYTHON", ".venv-peers/bin/python")

_HEAD = """\
# Benchmarks

Written by `make bench` from `benchmarks/results/bench.jsonl`: the latest figure of each name, case and peer. A figure
is a ratio. Its two sides run in turns, in one process or in two that wait for each other, and each side keeps its
fastest run. Seconds are those of the clock unless they say `processor`. `make bench ONLY=score` takes the figures of
one benchmark again; `make peers` builds the peers' environment.
"""
_COLUMNS = ("name", "case", "value", "against", "parts", "command", "taken")
_SHOWN_ALONE = ("name", "case", "value", "unit", "against", "command", "utc", "commit", "machine")


def command_of(benchmark: str) -> list[str]:
    """Returns the command of a benchmark, without this machine's path of Python."""
    return ["python", "-m", f"benchmarks.{benchmark}"]


def check(benchmarks: Sequence[str]) -> None:
    """Raises UserError for a benchmark that is unknown, or one whose peers are not installed."""
    for name in benchmarks:
        if name not in BENCHMARKS:
            known = ", ".join(BENCHMARKS)
            raise UserError(f"There is no benchmark {name!r}{nearest(name, BENCHMARKS)}; known: {known}.")
    needed = [name for name in benchmarks if name in WITH_PEERS]
    if needed and not os.access(PEERS_PYTHON, os.X_OK):
        without = " ".join(name for name in BENCHMARKS if name not in WITH_PEERS)
        raise UserError(
            f"KGV_PEERS_PYTHON is {PEERS_PYTHON}, which is no program; {', '.join(needed)} compare with what is "
            f"installed there. `make peers` builds it (7 GB), or name benchmarks without peers: {without}."
        )


def run(benchmark: str, stamp: dict[str, Any], results: pathlib.Path) -> tuple[int, int]:
    """Runs a benchmark, shows its lines, keeps its figures as they come; returns its exit status and their number."""
    command, count = command_of(benchmark), 0
    stamp = {"utc": _now(), **stamp, "command": " ".join(command)}
    results.parent.mkdir(parents=True, exist_ok=True)
    with (
        subprocess.Popen([sys.executable, *command[1:]], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process,
        open(results, "a", encoding="utf-8") as file,
    ):
        for line in process.stdout:
            print(line, end="", flush=True)
            if (figure := _figure(line)) is not None:
                file.write(json.dumps(figure | stamp) + "\n")
                file.flush()
                count += 1
    return process.returncode, count


def _figure(line: str) -> dict[str, Any] | None:
    """Returns what a line says if it is a figure."""
    try:
        figure = json.loads(line)
    except ValueError:
        return None
    return figure if isinstance(figure, dict) and {"name", "value", "unit", "against"} <= set(figure) else None


def make_stamp() -> dict[str, Any]:
    """Returns from which commit figures are taken and on what: nothing that names this machine or its folders."""
    git = ["git", "-C", str(ROOT)]
    written = [f":!{path.relative_to(ROOT)}" for path in (RESULTS, TABLE)]
    head = subprocess.run([*git, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=False)
    changed = subprocess.run([*git, "diff", "--quiet", "HEAD", "--", ".", *written], capture_output=True, check=False)
    commit = (head.stdout.strip() or "unknown") + ("+" if changed.returncode else "")
    packages = {name: importlib.metadata.version(name) for name in ("jax", "numpy")}
    machine = {"cores": len(os.sched_getaffinity(0)), "cpu": _cpu(), "python": platform.python_version()}
    return {"commit": commit, "machine": machine | packages}


def _cpu() -> str:
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", pathlib.Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        found = None
    return found[1].strip() if found else platform.machine()


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read(path: pathlib.Path) -> list[dict[str, Any]]:
    """Returns every figure that was kept."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def latest(figures: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns the last figure of every name, case and peer, by benchmark and then as they came."""
    newest = {(figure["name"], figure.get("case", ""), figure["against"]): figure for figure in figures}
    order = [" ".join(command_of(name)) for name in BENCHMARKS]
    return sorted(newest.values(), key=lambda f: order.index(f["command"]) if f["command"] in order else len(order))


def table(figures: Sequence[dict[str, Any]]) -> str:
    """Returns the text of the table."""
    rows = [_COLUMNS, ("---",) * len(_COLUMNS), *map(_cells, figures)]
    machines = dict.fromkeys(_machine(figure["machine"]) for figure in figures)
    lines = ["| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join((_HEAD, *(f"Taken on {machine}.\n" for machine in machines), *lines, ""))


def _cells(figure: dict[str, Any]) -> tuple[str, ...]:
    parts = ", ".join(f"{key} {value}" for key, value in figure.items() if key not in _SHOWN_ALONE)
    taken = f"{figure['utc'][:10]}, {figure['commit']}"
    value = f"{figure['value']:g} {figure['unit']}"
    return (
        f"`{figure['name']}`", figure.get("case", ""), value, figure["against"], parts, f"`{figure['command']}`", taken
    )  # fmt: skip


def _machine(machine: dict[str, Any]) -> str:
    rest = [f"{key} {value}" for key, value in machine.items() if key not in ("cores", "cpu")]
    return f"{machine['cores']} cores of {machine['cpu']}, " + ", ".join(rest)


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("benchmarks", nargs="*", metavar="BENCHMARK", help=f"default: all, {', '.join(BENCHMARKS)}")
    parser.add_argument("--results", type=pathlib.Path, default=RESULTS, help="file that figures are appended to")
    parser.add_argument("--table", type=pathlib.Path, default=TABLE, help="file of the table")
    args = parser.parse_args(arguments)
    chosen = args.benchmarks or BENCHMARKS
    try:
        check(chosen)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    stamp, failed = make_stamp(), []
    for benchmark in chosen:
        status, count = run(benchmark, stamp, args.results)
        if status or not count:
            failed.append(f"{benchmark} (exit status {status}, {count} figures)")
    args.table.write_text(table(latest(read(args.results))), encoding="utf-8")
    if failed:
        print(f"error: failed: {', '.join(failed)}. Every figure that was printed is kept.", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
