"""Where prepared data lives: outside the repository, once a user."""

import os
import pathlib


def cache_dir(*parts: str) -> pathlib.Path:
    """Returns (and makes) a folder below `$KGV_JAX_CACHE`, or the user's cache folder."""
    root = os.environ.get("KGV_JAX_CACHE")
    if root is None:
        base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
        root = os.path.join(base, "kgv_jax")
    path = pathlib.Path(root, *parts)
    path.mkdir(parents=True, exist_ok=True)
    return path
