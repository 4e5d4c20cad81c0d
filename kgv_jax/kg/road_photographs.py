"""The graph `road_photographs`: road signs of five countries as photographs show them.

It is `graphs/roadsigns.ttl` with what `graphs/parts/road_photographs.ttl` adds. The rendered data set draws every class
of the former, so what only photographs show stands in a file of its own.
"""

from __future__ import annotations

import hashlib
import os
import pathlib
from importlib import resources

from kgv_jax.util.cache import cache_dir


def graph_path() -> pathlib.Path:
    """Returns the file of both, written into the user's cache where it is not there yet."""
    graphs = resources.files("kgv_jax.kg") / "graphs"
    text = "\n".join(
        file.read_text(encoding="utf-8")
        for file in (graphs / "roadsigns.ttl", graphs / "parts" / "road_photographs.ttl")
    )
    path = cache_dir("graphs") / f"road_photographs-{hashlib.sha256(text.encode()).hexdigest()[:16]}.ttl"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.{os.getpid()}")
        partial.write_text(text, encoding="utf-8")
        os.replace(partial, path)
    return path


GRAPHS = {"road_photographs": graph_path}
