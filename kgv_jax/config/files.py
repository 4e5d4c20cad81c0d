"""Config files by name: `roadsigns` or `roadsigns:quick`, without a path, wherever the package is installed.

config = find_config("roadsigns").get_config("artwork")    # in a config file that changes another's settings
"""

from __future__ import annotations

import importlib.util
import pathlib
import types

import ml_collections

from kgv_jax.util.errors import UserError, nearest

_PACKAGE = pathlib.Path(__file__).resolve().parents[1]
# An installed package holds its configs, a clone keeps them beside the package.
_FOLDERS = (_PACKAGE / "configs", _PACKAGE.parent / "configs")


def config_folder() -> pathlib.Path:
    """Returns the folder of the configs that come with the package."""
    return next((folder for folder in _FOLDERS if folder.is_dir()), _FOLDERS[0])


def config_names() -> tuple[str, ...]:
    """Returns the names of the configs that come with the package, sorted."""
    return tuple(sorted(path.stem for path in config_folder().glob("*.py") if not path.stem.startswith("_")))


def find_config_path(name: str) -> pathlib.Path:
    """Returns the file of the config `name`.

    Raises:
      UserError: no config has this name.
    """
    names = config_names()
    if name not in names:
        raise UserError(
            f"There is no config {name!r}{nearest(name, names)}; expected a file (FILE.py) or one of "
            f"{', '.join(names)}."
        )
    return config_folder() / f"{name}.py"


def find_config(name: str) -> types.ModuleType:
    """Returns the module of the config `name`, whose `get_config` gives its settings.

    Raises:
      UserError: no config has this name.
    """
    return _load(find_config_path(name))


def load_config_file(name_or_path: str) -> ml_collections.ConfigDict:
    """Returns the settings of `NAME` or `FILE.py`, of its variant where one follows a colon.

    Raises:
      UserError: there is no such file, name or variant.
    """
    name, colon, variant = name_or_path.partition(":")
    path = pathlib.Path(name)
    if path.suffix != ".py":
        path = find_config_path(name)
    elif not path.is_file():
        there = sorted(str(file) for file in path.parent.glob("*.py"))
        raise UserError(
            f"{path} is no file{nearest(str(path), there)}; name a config file, or one of {', '.join(config_names())}."
        )
    return _load(path).get_config(*([variant] if colon else []))


def _load(path: pathlib.Path) -> types.ModuleType:
    spec = importlib.util.spec_from_file_location(f"kgv_jax_config_{path.stem}", path)
    assert spec is not None and spec.loader is not None, path
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
