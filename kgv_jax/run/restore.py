"""From the folder of a run to the run and its newest state."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable

from kgv_jax.config.schema import Config
from kgv_jax.run.build import Run, make_run
from kgv_jax.run.checkpoint import Checkpointer
from kgv_jax.run.state import State
from kgv_jax.run.workdir import Workdir
from kgv_jax.util.errors import UserError

_log = logging.getLogger(__name__)

# The published weights that a run began with; written by `init/weights.py`.
INITIAL_WEIGHTS = "initial_weights.json"


def restore_run(config: Config, workdir: Workdir) -> tuple[Run, State]:
    """Returns the run of a folder, and the state of its newest checkpoint."""
    run = make_run(config, epsilon=recorded_epsilon(workdir))
    return run, restore_newest(run, workdir, lambda checkpointer, step: checkpointer.restore(step, run.restorable()))


def restore_newest(run: Run, workdir: Workdir, restore: Callable[[Checkpointer, int], State]) -> State:
    """Returns the newest state of a run, as `restore(checkpointer, step)` reads it.

    Raises:
      UserError: the folder has no checkpoint.
    """
    with contextlib.closing(Checkpointer(workdir.checkpoints, keep=run.config.train.keep_checkpoints)) as checkpointer:
        step = checkpointer.latest_step()
        if step is None:
            raise UserError(
                f"{workdir.checkpoints} holds no checkpoint. Train first: python -m kgv_jax.main --config=FILE "
                f"--workdir={workdir.path}."
            )
        if step < run.config.train.steps:
            _log.warning(
                "The newest checkpoint is step %d of %d: training has not ended.", step, run.config.train.steps
            )
        return restore(checkpointer, step)


def recorded_epsilon(workdir: Workdir) -> float | None:
    """Returns the epsilon of layer norms that the initial weights of a run ask for; see `EncoderOptions`."""
    records = workdir.read_records(INITIAL_WEIGHTS)
    return records[0]["epsilon"] if records else None
