"""Compiled programs, kept for the next run."""

from __future__ import annotations

import logging
import os

from kgv_jax.util.cache import private_cache_dir
from kgv_jax.util.errors import UserError

# Read by JAX when it starts.
_FOLDER, _FROM_SECONDS = "JAX_COMPILATION_CACHE_DIR", "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"

_log = logging.getLogger(__name__)


def keep_compiled_programs() -> None:
    """Lets JAX keep compiled programs for the next run, unless the environment says where, or (empty) nowhere.

    Called before JAX is imported.
    """
    if _FOLDER in os.environ:
        return
    try:
        os.environ[_FOLDER] = str(private_cache_dir("xla"))
    except (UserError, OSError) as error:
        _log.warning("Compiled programs are not kept for the next run: %s Or set %s.", error, _FOLDER)
    else:
        os.environ.setdefault(_FROM_SECONDS, "0")
