"""Metrics of a run, written twice: `metrics.jsonl` for programs, TensorBoard events for people."""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import pathlib
from collections.abc import Iterator, Mapping
from typing import SupportsFloat

import tensorboardX

from kgv_jax.util.errors import UserError

METRICS_FILE = "metrics.jsonl"
EVENTS_FOLDER = "events"


class MetricWriter:
    """Appends scalars to `WORKDIR/metrics.jsonl` and to the events in `WORKDIR/events`.

    A line is one JSON object, `{"step": 100, "loss": 1.5, ...}`; a value that is not finite is `null`. Each
    line is on disk when `write` returns, so a killed run loses at most the line it was writing.
    """

    def __init__(self, workdir: str | os.PathLike[str], *, resumed_step: int = 0) -> None:
        """Opens the files of a run; for a resumed run, lines after `resumed_step` are dropped.

        Args:
          workdir: the folder of the run; made if it is missing.
          resumed_step: the step of the checkpoint from which training continues; 0 for a new run.

        Raises:
          UserError: the metrics file holds a line that this class did not write, or the disk is full.
        """
        self._path = pathlib.Path(workdir, METRICS_FILE)
        with naming_full_disk(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            _drop_after(self._path, resumed_step)
            self._events = tensorboardX.SummaryWriter(
                str(self._path.parent / EVENTS_FOLDER), purge_step=resumed_step + 1
            )

    def write(self, step: int, scalars: Mapping[str, SupportsFloat]) -> None:
        """Writes one line and one event for each scalar."""
        values = {name: float(value) for name, value in scalars.items()}
        finite = {name: value if math.isfinite(value) else None for name, value in values.items()}
        line = json.dumps({"step": int(step), **finite}, allow_nan=False)
        with naming_full_disk(self._path):
            # Opened for each line, since only closing the file reports that the disk is full.
            with open(self._path, "a", encoding="utf-8") as file:
                file.write(line + "\n")
            for name, value in values.items():
                self._events.add_scalar(name, value, global_step=int(step))

    def close(self) -> None:
        """Flushes the events."""
        with naming_full_disk(self._path.parent / EVENTS_FOLDER):
            self._events.close()

    def __enter__(self) -> MetricWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read_metrics(workdir: str | os.PathLike[str]) -> list[dict[str, float | None]]:
    """Returns all complete lines of a run's metrics file, in order; an incomplete last line is left out."""
    with open(pathlib.Path(workdir, METRICS_FILE), "rb") as file:
        return [json.loads(line) for line in file if line.endswith(b"\n")]


@contextlib.contextmanager
def naming_full_disk(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turns a full disk (or quota) inside the block into a `UserError` that names `path`."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise UserError(
            f"No space left on the disk while writing {os.fspath(path)}. Free some and give the same command "
            "again; the run continues from its last checkpoint."
        ) from error


def _drop_after(path: pathlib.Path, step: int) -> None:
    """Cuts the file before its first line of a later step, or before an incomplete last line."""
    if not path.exists():
        return
    # Steps ascend, so everything after the first later step was written by a run beyond its last checkpoint.
    keep = 0
    with open(path, "rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.endswith(b"\n") or _step_of(line, number, path) > step:
                break
            keep += len(line)
    if keep < path.stat().st_size:
        os.truncate(path, keep)


def _step_of(line: bytes, number: int, path: pathlib.Path) -> int:
    try:
        return int(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{path}:{number}: expected a JSON object with a `step`, found {line[:60]!r}. "
            "Move the file away, or choose another workdir."
        ) from error
