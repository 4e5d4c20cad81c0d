"""Checkpoints: written whole or not at all, and read only if every bit is as it was written.

A checkpoint is orbax's (`checkpoints/STEP/state`), with a digest of every array beside it (`STEP/digests`): orbax
restores flipped bits without an error. Two kinds of failure get two messages: a checkpoint of another version of the
code (names, shapes or types of its arrays differ) and a damaged one (the same arrays, other bytes).
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import logging
import pathlib
import shutil
from collections.abc import Iterator, Mapping
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp

from kgv_jax.util.errors import UserError

_SPARE_BYTES = 2**20  # for metadata, and for the metrics until the next checkpoint


def _digests(state: Any) -> dict[str, str]:
    """Returns the SHA-256 of every array that this process holds whole."""
    leaves = jax.tree_util.tree_leaves_with_path(state)
    return {
        jax.tree_util.keystr(path): hashlib.sha256(np.ascontiguousarray(leaf).tobytes()).hexdigest()
        for path, leaf in leaves
        if leaf.is_fully_addressable
    }


def _name(path: tuple) -> str:
    """Returns the path of an array in messages and in orbax's metadata: "params/classifier/encoder/..."."""
    return jax.tree_util.keystr(path, simple=True, separator="/")


def _by_name(state: Any) -> dict[str, Any]:
    return {_name(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(state)}


def _text(array: Any) -> str:
    return "absent" if array is None else f"{array.dtype} {list(array.shape)}"


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
        # Refuse before the first byte where the space is known to be too small.
        self._check_space(step, state)

        # Write the state and its digests. The disk may still fill up: other programs write to it too.
        args = ocp.args.Composite(state=ocp.args.StandardSave(state), digests=ocp.args.JsonSave(_digests(state)))
        try:
            with _raised_not_logged():
                self._manager.save(step, args=args)
        except Exception as error:  # depending on its driver, tensorstore reports a full disk as ValueError or OSError
            if _is_disk_full(error):
                raise self._no_space(step, "it filled up while saving") from error
            raise

    def _check_space(self, step: int, state: Any) -> None:
        """Checks that the disk has space: where it fills up, orbax's threads leave half a checkpoint and tracebacks."""
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
          UserError: the checkpoint has arrays of other names.
        """
        saved, wanted = self._saved_arrays(step), _by_name(like)
        if unmatched := saved.keys() ^ wanted.keys():
            # Shapes may differ here, so the error compares the unmatched names alone.
            only = ({name: array for name, array in arrays.items() if name in unmatched} for arrays in (saved, wanted))
            raise self._other_arrays(step, *only)
        return jax.tree_util.tree_map_with_path(
            lambda path, leaf: jax.ShapeDtypeStruct(saved[_name(path)].shape, leaf.dtype, sharding=leaf.sharding), like
        )

    def _saved_arrays(self, step: int) -> dict[str, Any]:
        """Returns the metadata (shape and type) of each array of checkpoint `step`, by name."""
        handlers = {"state": ocp.StandardCheckpointHandler(), "digests": ocp.JsonCheckpointHandler()}
        with ocp.CheckpointManager(self._folder, item_names=tuple(handlers), item_handlers=handlers) as manager:
            return _by_name(manager.item_metadata(step)["state"].tree)

    def _other_arrays(self, step: int, saved: Mapping[str, Any], wanted: Mapping[str, Any]) -> UserError | None:
        """Returns the error for a checkpoint whose arrays are not the wanted ones; None where they are."""
        pairs = {name: (_text(saved.get(name)), _text(wanted.get(name))) for name in sorted({*saved, *wanted})}
        if not (differ := [name for name, (there, here) in pairs.items() if there != here]):
            return None
        there, here = pairs[differ[0]]
        return UserError(
            f"Checkpoint {self._folder / str(step)} holds other arrays than this run: {len(differ)} differ, first "
            f"{differ[0]}, {there} there and {here} here. It was probably written by another version of the code, with "
            "other settings or another graph, and so were those before it. Resume with that version, or remove the "
            f"run's folder {self._folder.parent} to begin anew."
        )

    def _other_version(self, step: int, like: Any) -> UserError | None:
        """Returns the error for a checkpoint of another version of the code; None where it must be a damaged one.

        Names, shapes and types of the arrays are in files of their own, which can be read where the arrays cannot.
        """
        try:
            saved = self._saved_arrays(step)
        except Exception:  # these files are damaged as well
            return None
        return self._other_arrays(step, saved, _by_name(like))

    def restore(self, step: int, like: Any) -> Any:
        """Returns checkpoint `step` with the shapes and shardings of the abstract state `like`.

        Raises:
          UserError: if it cannot be read, an array differs from what was written, or other arrays were written.
        """
        # Read. Where orbax fails, find out why: another version of the code, or damage.
        args = ocp.args.Composite(state=ocp.args.StandardRestore(like), digests=ocp.args.JsonRestore())
        try:
            with _raised_not_logged():
                restored = self._manager.restore(step, args=args)
        except Exception as error:
            raise self._other_version(step, like) or UserError(
                f"Checkpoint {self._folder / str(step)} cannot be read ({type(error).__name__}: "
                f"{str(error).splitlines()[0][:200]}). Delete that folder to resume from the one before it."
            ) from error

        # Compare the digests of what was read with those of what was written.
        found, written = _digests(restored["state"]), restored["digests"]
        damaged = [name for name, value in found.items() if written.get(name) != value]
        if damaged:
            raise self._other_version(step, like) or UserError(
                f"Checkpoint {self._folder / str(step)} is damaged: {len(damaged)} arrays differ from what was "
                f"written, first {damaged[0]}. Delete that folder to resume from the one before it."
            )
        return restored["state"]

    def close(self) -> None:
        """Waits for writes and frees the manager."""
        self._manager.close()


@contextlib.contextmanager
def _raised_not_logged() -> Iterator[None]:
    """Silences the loggers of orbax's threads, which print the traceback of an error that is raised as well."""
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
    """Returns whether an error, or one that it was raised from, says that the disk is full."""
    while error is not None:
        if getattr(error, "errno", None) == errno.ENOSPC or "No space left on device" in str(error):
            return True
        if "RESOURCE_EXHAUSTED" in str(error) and "write" in str(error).lower():
            return True
        error = error.__cause__ or error.__context__
    return False
