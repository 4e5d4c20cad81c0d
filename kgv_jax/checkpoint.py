"""Checkpoints: written whole or not at all, and read only if every bit is as written.

Orbax restores flipped bits without a word, so a digest of every array stands beside the state.
"""

from __future__ import annotations

import errno
import hashlib
import pathlib
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp

from kgv_jax.util.errors import UserError


def _digests(state: Any) -> dict[str, str]:
    """Returns the SHA-256 of every array that this process holds whole."""
    leaves = jax.tree_util.tree_leaves_with_path(state)
    return {
        jax.tree_util.keystr(path): hashlib.sha256(np.ascontiguousarray(leaf).tobytes()).hexdigest()
        for path, leaf in leaves
        if leaf.is_fully_addressable
    }


class Checkpointer:
    """Saves and restores the state of one run below `folder`."""

    def __init__(self, folder: pathlib.Path, *, keep: int) -> None:
        self._folder = folder.absolute()
        options = ocp.CheckpointManagerOptions(max_to_keep=keep, enable_async_checkpointing=False)
        self._manager = ocp.CheckpointManager(self._folder, options=options)

    def latest_step(self) -> int | None:
        """Returns the step of the newest checkpoint, or None."""
        return self._manager.latest_step()

    def save(self, step: int, state: Any) -> None:
        """Writes the state as checkpoint `step`, unless it is there already.

        Raises:
          UserError: if the disk refuses; earlier checkpoints stay.
        """
        if self._manager.latest_step() == step:
            return
        args = ocp.args.Composite(state=ocp.args.StandardSave(state), digests=ocp.args.JsonSave(_digests(state)))
        try:
            self._manager.save(step, args=args)
        except Exception as error:  # tensorstore reports a full disk as ValueError or OSError by driver
            if _is_disk_full(error):
                raise UserError(
                    f"Could not save checkpoint {step}: no space left on the disk of {self._folder}. Earlier "
                    f"checkpoints are kept (newest: {self._manager.latest_step()}). Free some space and run "
                    "the same command again; it resumes there."
                ) from error
            raise

    def restore(self, step: int, like: Any) -> Any:
        """Returns checkpoint `step` with the shapes and shardings of the abstract state `like`.

        Raises:
          UserError: if it cannot be read or an array differs from what was written.
        """
        args = ocp.args.Composite(state=ocp.args.StandardRestore(like), digests=ocp.args.JsonRestore())
        try:
            restored = self._manager.restore(step, args=args)
        except Exception as error:
            raise UserError(
                f"Checkpoint {self._folder / str(step)} cannot be read ({type(error).__name__}: "
                f"{str(error).splitlines()[0][:200]}). Delete that folder to resume from the one before it."
            ) from error
        found, written = _digests(restored["state"]), restored["digests"]
        damaged = [name for name, value in found.items() if written.get(name) != value]
        if damaged:
            raise UserError(
                f"Checkpoint {self._folder / str(step)} is damaged: {len(damaged)} arrays differ from what was "
                f"written, first {damaged[0]}. Delete that folder to resume from the one before it."
            )
        return restored["state"]

    def close(self) -> None:
        """Waits for writes and frees the manager."""
        self._manager.close()


def _is_disk_full(error: BaseException | None) -> bool:
    while error is not None:
        if getattr(error, "errno", None) == errno.ENOSPC or "No space left on device" in str(error):
            return True
        if "RESOURCE_EXHAUSTED" in str(error) and "write" in str(error).lower():
            return True
        error = error.__cause__ or error.__context__
    return False
