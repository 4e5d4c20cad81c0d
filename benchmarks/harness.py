"""How two programs are timed against each other, and how a figure is printed. Standard library only.

A figure is a ratio. Both sides run in turns, in one process (`in_turns`) or as two processes that wait for each other
(`Worker`), and each keeps its fastest run, so that a machine with other work slows both.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple


class Seconds(NamedTuple):
    """What one run took: seconds on the clock, and processor seconds of all its threads."""

    wall: float
    processor: float


def timed(call: Callable[[], Any]) -> Seconds:
    """Runs `call` once. It returns when its work is done: of JAX, `jax.block_until_ready` is part of the call."""
    wall, processor = time.perf_counter(), time.process_time()
    call()
    return Seconds(time.perf_counter() - wall, time.process_time() - processor)


def in_turns(calls: Mapping[str, Callable[[], Any]], *, repeats: int, in_a_row: int = 1) -> dict[str, Seconds]:
    """Returns the fastest of `repeats` turns, each of `in_a_row` runs, of each call, after one run each that compiles.

    Calls that take and give back gigabytes are run several times in a row. On a virtual machine every second such call
    was seen to wait a second or two for the system (likely the host took the memory back), whichever program it was;
    strict turns then put every slow call on one side.
    """
    return _fastest({name: (lambda call=call: timed(call)) for name, call in calls.items()}, repeats, in_a_row)


def _fastest(runs: Mapping[str, Callable[[], Seconds]], repeats: int, in_a_row: int = 1) -> dict[str, Seconds]:
    for run in runs.values():
        run()
    fastest = dict.fromkeys(runs, Seconds(float("inf"), float("inf")))
    for _ in range(repeats):
        for name, run in runs.items():
            for _ in range(in_a_row):
                fastest[name] = Seconds(*map(min, fastest[name], run()))
    return fastest


class Worker:
    """A process that sets up once and then runs on command: one side of a comparison of two environments.

    Its program ends with `serve(call)`. Use as a context manager; leaving ends the process.
    """

    def __init__(self, command: Sequence[str], *, env: Mapping[str, str] | None = None) -> None:
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=None if env is None else dict(env)
        )
        self._command = " ".join(command)
        self._answer()

    def run(self) -> Seconds:
        """Runs the worker's call once; what it printed besides its times is in `reported`."""
        self.reported = self.ask({})
        return Seconds(self.reported["wall"], self.reported["processor"])

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Returns what the worker answers to a request: one line of JSON each way."""
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        for line in self._process.stdout:
            if line.startswith("{"):
                return json.loads(line)
        raise RuntimeError(f"The worker ended with status {self._process.wait()}: {self._command}")

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.stdin.close()
        self._process.terminate()
        self._process.wait()


def workers_in_turns(workers: Mapping[str, Worker], *, repeats: int, in_a_row: int = 1) -> dict[str, Seconds]:
    """As `in_turns`, for workers."""
    return _fastest({name: worker.run for name, worker in workers.items()}, repeats, in_a_row)


def serve(call: Callable[[], dict[str, Any] | None], *, before: Callable[[], Any] | None = None) -> None:
    """The worker's side: runs `call` for every line read; what the call returns is printed with its times.

    `before` is run first each time, untimed. It is for calls that follow each other in use: the other worker's turn has
    taken memory and caches, and only the first of many calls would pay for it.
    """
    print(json.dumps({"ready": True}), flush=True)
    for _ in sys.stdin:
        reported: dict[str, Any] = {}
        if before:
            before()
        seconds = timed(lambda reported=reported: reported.update(call() or {}))
        print(json.dumps(reported | seconds._asdict()), flush=True)


def answer(call: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """The worker's side where every turn has a request of its own (`Worker.ask`)."""
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        print(json.dumps(call(json.loads(line))), flush=True)


def print_figure(name: str, value: float, unit: str, *, against: str, case: str, **more: Any) -> None:
    """Prints a figure: one JSON line. `more` holds what the ratio was made of."""
    figure = {"name": name, "value": float(f"{value:.4g}"), "unit": unit, "against": against, "case": case}
    print(json.dumps(figure | more), flush=True)
