"""Checkpoints: written whole or not at all, and read only if every bit is as written.

Orbax restores flipped bits without a word, so a digest of every array stands beside the state.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import logging
import pathlib
import shutil
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp

from kgv_jax.util.errors import UserError

_SPARE_BYTES = 2**20  # metadata, and the metrics written until the next checkpoint


def _digests(state: Any) -> dict[str, str]:
    """Returns the SHA-256 of every array that this process holds whole."""
    leaves = jax.tree_util.tree_leaves_with_path(state)
    return {
        jax.tree_util.keystr(path): hashlib.sha256(np.ascontiguousarray(leaf).tobytes()).hexdigest()
        for path, leaf in leaves
        if leaf.is_fully_addressable
    }


def _name(path: tuple) -> str:
    return jax.tree_util.keystr(path, simple=True, separator="/")


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
        self._check_space(step, state)
        args = ocp.args.Composite(state=ocp.args.StandardSave(state), digests=ocp.args.JsonSave(_digests(state)))
        try:
            with _raised_not_logged():
                self._manager.save(step, args=args)
        except Exception as error:  # tensorstore reports a full disk as ValueError or OSError by driver
            if _is_disk_full(error):
                raise self._no_space(step, "it filled up while saving") from error
            raise

    def _check_space(self, step: int, state: Any) -> None:
        """Refuses before the first byte: orbax's threads leave half a checkpoint and pages of tracebacks."""
        needed = sum(leaf.nbytes for leaf in jax.tree.leaves(state)) + _SPARE_BYTES
        free = shutil.disk_usage(self._folder).free
        if free < needed:
            raise self._no_space(step, f"{needed / 2**20:.1f} MiB are needed, {free / 2**20:.1f} MiB are free")

    def _no_space(self, step: int, why: str) -> UserError:
        return UserError(
            f"Could not save checkpoint {step}: no space left on the disk of {self._folder} ({why}). Earlier "
            f"checkpoints are kept (newest: {self._manager.latest_step()}). Free some space and run the same "
            "command again; it resumes there."
        )

    def saved_shapes(self, step: int, like: Any) -> Any:
        """Returns the abstract state `like` with the shapes of the arrays that checkpoint `step` holds.

        Raises:
          UserError: the checkpoint has other arrays.
        """
        handlers = {"state": ocp.StandardCheckpointHandler(), "digests": ocp.JsonCheckpointHandler()}
        with ocp.CheckpointManager(self._folder, item_names=tuple(handlers), item_handlers=handlers) as manager:
            tree = manager.item_metadata(step)["state"].tree
        shapes = {_name(path): leaf.shape for path, leaf in jax.tree_util.tree_leaves_with_path(tree)}
        wanted = {_name(path) for path, _ in jax.tree_util.tree_leaves_with_path(like)}
        if odd := sorted(wanted ^ shapes.keys()):
            raise UserError(f"Checkpoint {self._folder / str(step)} is of another method: it differs in {odd[0]}.")
        return jax.tree_util.tree_map_with_path(
            lambda path, leaf: jax.ShapeDtypeStruct(shapes[_name(path)], leaf.dtype, sharding=leaf.sharding), like
        )

    def restore(self, step: int, like: Any) -> Any:
        """Returns checkpoint `step` with the shapes and shardings of the abstract state `like`.

        Raises:
          UserError: if it cannot be read or an array differs from what was written.
        """
        args = ocp.args.Composite(state=ocp.args.StandardRestore(like), digests=ocp.args.JsonRestore())
        try:
            with _raised_not_logged():
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


@contextlib.contextmanager
def _raised_not_logged() -> Iterator[None]:
    """Keeps orbax's threads from printing the traceback of an error that is raised as well."""
    loggers = [logging.getLogger(name) for name in ("absl", "asyncio")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _is_disk_full(error: BaseException | None) -> bool:
    while error is not None:
        if getattr(error, "errno", None) == errno.ENOSPC or "No space left on device" in str(error):
            return True
        if "RESOURCE_EXHAUSTED" in str(error) and "write" in str(error).lower():
            return True
        error = error.__cause__ or error.__context__
    return False
