"""A user's own Python file, imported because its name was typed on the command line."""

from __future__ import annotations

import importlib.util
import os
import pathlib

from kgv_jax.util.errors import UserError


def load_plugin(path: str | os.PathLike) -> None:
    """Imports the file, which registers what it adds.

    Raises:
      UserError: there is no such file.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise UserError(f"--plugin={path} is no file; expected a Python file, such as --plugin=my_method.py.")
    spec = importlib.util.spec_from_file_location(f"kgv_plugin_{path.stem}", path)
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
