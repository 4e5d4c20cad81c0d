"""`--plugin=FILE.py`: a user's file adds methods, encoders, losses, data sets and renderers by name.

The file states the dictionaries that this package's own modules state, those of `TABLES`:

    SETTINGS = {"mine": MySettings}                                      # config.mine.*
    METHODS = {"mine": Method(MyObjective, "cross-entropy and a term of mine")}

Only a name that is typed on the command line starts a user's code. A config and a run folder name entries; they never
name a file to run. A run folder remembers which plugins were loaded (`run/workdir.py`), to say which one is missing.
"""

from __future__ import annotations

import difflib
import hashlib
import importlib
import importlib.util
import os
import pathlib
import sys
import traceback
import types
from collections.abc import Mapping

from kgv_jax.util.errors import UserError, nearest
from kgv_jax.util.registry import Registry

# Name of a dictionary in the user's file -> the module with the table of that name. The tables belong to higher layers,
# so they are looked up when a plugin is loaded.
TABLES: Mapping[str, str] = types.MappingProxyType(
    {
        "METHODS": "kgv_jax.config.methods",
        "SETTINGS": "kgv_jax.config.methods",
        "REGULARISERS": "kgv_jax.losses",
        "ENCODERS": "kgv_jax.models.registry",
        "SOURCES": "kgv_jax.data.sources",
        "RENDERERS": "kgv_jax.data.synthetic_manifest",
    }
)

_loaded: dict[pathlib.Path, dict[str, str]] = {}


def load_plugin(path: str | os.PathLike) -> None:
    """Imports a user's Python file and adds the entries of its dictionaries to the tables.

    A file that is loaded already is left as it is.

    Raises:
      UserError: the file is missing or fails, it has none of the dictionaries, an entry is not what its table holds, or
        a name is taken. Nothing is added then.
    """
    file = pathlib.Path(path).absolute()
    if file in _loaded:
        return
    if not file.is_file():
        there = [str(other) for other in file.parent.glob("*.py")]
        raise UserError(f"--plugin names {path}, which is no file{nearest(str(file), there)}; expected FILE.py.")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    module = _import(file)

    # Every entry is checked before the first is added.
    stated = {name: entries for name, entries in vars(module).items() if name in TABLES}
    if not stated:
        raise UserError(
            f"{file} adds nothing: expected a dictionary {', '.join(TABLES)} at the top of the file"
            f"{_misspelt(module) or '.'}"
        )
    if hint := _misspelt(module):
        raise UserError(f"{file} states a dictionary that is not read{hint} Those that are read: {', '.join(TABLES)}.")
    tables: dict[str, Registry] = {name: getattr(importlib.import_module(TABLES[name]), name) for name in stated}
    for name, entries in stated.items():
        if not isinstance(entries, Mapping):
            raise UserError(f"{file}: {name} is a {type(entries).__name__}; expected a dictionary, name -> entry.")
        tables[name].check(entries, where=str(file))
    for name, entries in stated.items():
        tables[name].add(entries, where=str(file))
    _loaded[file] = {"file": file.name, "sha256": digest}


def _misspelt(module: types.ModuleType) -> str:
    """Returns "; it has NAME, did you mean ...?" for a dictionary whose name is nearly that of a table, or ""."""
    for name, value in vars(module).items():
        if name.isupper() and not name.startswith("_") and name not in TABLES and isinstance(value, Mapping):
            # Closer than other hints are: a plugin may well have dictionaries of its own.
            if close := difflib.get_close_matches(name, TABLES, n=1, cutoff=0.85):
                return f"; it has {name}, did you mean {close[0]!r}?"
    return ""


def loaded_plugins() -> list[dict[str, str]]:
    """Returns the name and the SHA-256 of every plugin that is loaded, for the run folder to keep."""
    return sorted(_loaded.values(), key=lambda plugin: plugin["file"])


def _import(file: pathlib.Path) -> types.ModuleType:
    """Runs a user's file as a module.

    Raises:
      UserError: it fails; the message names the line and the exception.
    """
    name = f"kgv_plugin{len(_loaded)}_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise UserError(f"--plugin names {file}, which is no Python file; expected FILE.py.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where dataclasses look up the names in their annotations
    try:
        spec.loader.exec_module(module)
        return module
    except SyntaxError as error:
        del sys.modules[name]
        raise UserError(f"The plugin {error.filename} cannot be read: line {error.lineno}: {error.msg}.") from error
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        frames = traceback.extract_tb(error.__traceback__)
        line = max((frame.lineno or 0 for frame in frames if frame.filename == str(file)), default=0)
        text = " ".join(str(error).split())
        raise UserError(f"The plugin {file} fails on line {line}: {type(error).__name__}: {text}") from error
