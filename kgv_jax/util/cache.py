"""The user's cache folder, outside the repository: prepared data, and compiled programs for the next run."""

from __future__ import annotations

import logging
import os
import pathlib
import stat

from kgv_jax.util.errors import UserError

# Variables that JAX reads when it starts.
_FOLDER, _FROM_SECONDS = "JAX_COMPILATION_CACHE_DIR", "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"

_log = logging.getLogger(__name__)


def cache_dir(*parts: str) -> pathlib.Path:
    """Returns (and makes) a folder below `$KGV_JAX_CACHE`, or the user's cache folder."""
    root = os.environ.get("KGV_JAX_CACHE")
    if root is None:
        base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
        root = os.path.join(base, "kgv_jax")
    path = pathlib.Path(root, *parts)
    path.mkdir(parents=True, exist_ok=True)
    return path


def private_cache_dir(name: str) -> pathlib.Path:
    """As `cache_dir`, for files that are executed when they are read back: a folder only the user can fill, mode 700.

    Raises:
      UserError: others own the folder or may write into it, or may put another in its place.
    """
    path = (cache_dir() / name).resolve()
    path.mkdir(mode=0o700, exist_ok=True)
    status = path.stat()
    if status.st_uid != os.getuid() or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise UserError(
            f"{path} belongs to user {status.st_uid} and has mode {stat.S_IMODE(status.st_mode):o}; expected user "
            f"{os.getuid()} and mode 700, because the programs in it are executed. Delete it, or name another folder."
        )
    for folder in path.parents:
        status = folder.stat()
        # In a sticky folder, such as /tmp, nobody can rename the files of another user.
        open_to_all = status.st_mode & stat.S_IWOTH and not status.st_mode & stat.S_ISVTX
        if status.st_uid not in (0, os.getuid()) or open_to_all:
            raise UserError(
                f"{folder}, above {path.name}, belongs to user {status.st_uid} and has mode "
                f"{stat.S_IMODE(status.st_mode):o}, so others may replace the programs below it, which are "
                "executed. Remove their right to write (chmod o-w), or name another folder."
            )
    return path


def keep_compiled_programs() -> None:
    """Lets JAX keep compiled programs for the next run, unless the environment says where, or (empty) nowhere.

    To be called before JAX is imported.
    """
    if _FOLDER in os.environ:
        return
    try:
        os.environ[_FOLDER] = str(private_cache_dir("xla"))
    except (UserError, OSError) as error:
        _log.warning("Compiled programs are not kept for the next run: %s Or set %s.", error, _FOLDER)
    else:
        os.environ.setdefault(_FROM_SECONDS, "0")
