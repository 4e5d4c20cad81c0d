"""Metrics of the training loop: written and shown one step late, checked before a state is saved."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np
from jax import Array

from kgv_jax.config.schema import Config
from kgv_jax.parallel import distributed
from kgv_jax.run.workdir import Workdir
from kgv_jax.util.errors import UserError
from kgv_jax.util.progress import Progress
from kgv_jax.util.writers import MetricWriter


@contextlib.contextmanager
def open_metric_log(config: Config, workdir: Workdir, *, start: int, images_per_step: int) -> Iterator[MetricLog]:
    """Opens the metrics file and the progress line of a run that goes on at step `start`."""
    with (
        MetricWriter(workdir.path, resumed_step=start) as writer,
        Progress(config.train.steps, images_per_step=images_per_step, start_step=start) as progress,
    ):
        yield MetricLog(config, writer, progress)


class MetricLog:
    """Takes the metrics of every step, and reads those of the step before.

    Reading a value waits for the step that computes it. One step late, the device already has the next step to work
    on, so it never waits for Python.
    """

    def __init__(self, config: Config, writer: MetricWriter, progress: Progress) -> None:
        self._train = config.train
        self._writer = writer
        self._progress = progress
        self._pending: tuple[int, Mapping[str, Array]] | None = None

    def add(self, step: int, metrics: Mapping[str, Array]) -> None:
        """Takes the metrics of a step that was just sent to the device, and reports the step before it."""
        if self._pending is not None:
            self._report(*self._pending)
        self._pending = (step, metrics)

    def flush(self) -> None:
        """Reports the last step, and checks its loss: to be called before a state is saved.

        Raises:
          UserError: the loss is not finite.
        """
        if self._pending is not None:
            self._report(*self._pending, check=True)
            self._pending = None

    def _report(self, step: int, metrics: Mapping[str, Array], *, check: bool = False) -> None:
        """Shows the progress; of every `log_every_steps`-th step and the last, writes the metrics and checks the loss.

        Every process checks, so that all stop at the same step; the leader alone writes.
        """
        leader = distributed.is_leader()
        if leader:
            self._progress.update(step, _OnDevice(metrics["loss"]))
        write = step % self._train.log_every_steps == 0 or step == self._train.steps
        if not (write or check):
            return
        values = {name: float(value) for name, value in jax.device_get(metrics).items()}
        if leader and write:
            self._writer.write(step, values)
        if not np.isfinite(values["loss"]):
            raise UserError(
                f"The loss is {values['loss']} at step {step}. Lower config.optim.learning_rate or set "
                "config.optim.clip_norm; no state after a loss that is not finite was saved."
            )


class _OnDevice(NamedTuple):
    """A number on a device, fetched when it is read: `float` of an array is a transfer that the guard forbids."""

    value: Any

    def __float__(self) -> float:
        return float(jax.device_get(self.value))
