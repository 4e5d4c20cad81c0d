"""The folder of one run: its config, its results, and whether a command may use it again."""

from __future__ import annotations

import json
import logging
import os
import pathlib
from typing import Any

from kgv_jax.config import earlier
from kgv_jax.config.schema import Config, differences, to_dict
from kgv_jax.run.earlier import rename_heads
from kgv_jax.util.errors import UserError
from kgv_jax.util.plugin import loaded_plugins
from kgv_jax.util.writers import METRICS_FILE, naming_full_disk

_PLUGINS = "plugins.json"

_log = logging.getLogger(__name__)


class Workdir:
    """Paths of a run, and the two files that decide whether it goes on: `config.json` and `results.json`.

    Attributes:
      path: the folder.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        self.path = pathlib.Path(path).absolute()

    @property
    def checkpoints(self) -> pathlib.Path:
        """Folder of the checkpoints."""
        return self.path / "checkpoints"

    @property
    def predictions(self) -> pathlib.Path:
        """Folder of the predictions files."""
        return self.path / "predictions"

    @property
    def outcomes(self) -> pathlib.Path:
        """Folder of the files that say which predictions are right."""
        return self.path / "outcomes"

    def claim(self, config: Config) -> None:
        """Makes the folder and writes `config.json`, or checks that it holds the same config.

        A setting that is newer than the run counts as its default, which does what was done before it was there.
        Settings that have other names now are compared under these.

        Raises:
          UserError: the folder holds a run of another config (the differences are listed), or cannot be written.
        """
        file, plugins = self.path / "config.json", loaded_plugins()
        if file.exists():
            found = differences(earlier.with_defaults(_read_json(file)), to_dict(config))
            found += differences({"--plugin": self._read_plugins()}, {"--plugin": plugins})
            if found and self._has_run():
                raise UserError(
                    f"{self.path} holds a run of another config ({len(found)} differences, in the folder -> now):\n  "
                    + "\n  ".join(found)
                    + "\nUse another --workdir, or delete this one."
                )
            if not found:
                return
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._write("config.json", earlier.with_version(config))
            if plugins or self._read_plugins():
                self._write(_PLUGINS, plugins)
        except OSError as error:
            raise UserError(
                f"--workdir={self.path} cannot be written: {error.strerror}. Choose another folder."
            ) from error

    def _has_run(self) -> bool:
        """Returns whether anything was trained here; a command that failed before its first step left nothing."""
        files = (self.path / "results.json", self.path / METRICS_FILE)
        return any(file.exists() for file in files) or any(self.checkpoints.glob("*"))

    def read_config(self) -> Config:
        """Returns the config of the run that is in the folder, also of one that an earlier version wrote.

        Raises:
          UserError: there is no run, it was trained with a plugin that is not loaded, or this version cannot read its
            config.
        """
        file = self.path / "config.json"
        if not file.exists():
            raise UserError(f"{self.path} has no config.json, so no run is there. Train first, with --config=FILE.")
        self._check_plugins()
        return earlier.read_config(_read_json(file), str(file))

    def _read_plugins(self) -> list[dict[str, str]]:
        """Returns the plugins of the run in the folder: what each file is called, and its SHA-256."""
        file = self.path / _PLUGINS
        return _read_json(file) if file.exists() else []

    def _check_plugins(self) -> None:
        """Raises a UserError if a plugin of the run is not loaded: a folder never starts a user's code itself."""
        loaded = {plugin["file"]: plugin["sha256"] for plugin in loaded_plugins()}
        for plugin in self._read_plugins():
            name = plugin["file"]
            if plugin["sha256"] in loaded.values():
                continue
            if name not in loaded:
                raise UserError(
                    f"The run in {self.path} was trained with the plugin {name}, which is not loaded. Name the file: "
                    f"--plugin={name}."
                )
            _log.warning("The plugin %s has changed since the run in %s was trained with it.", name, self.path)

    def read_results(self) -> list[dict[str, Any]] | None:
        """Returns the records of a finished run, or None."""
        return self.read_records("results.json")

    def read_records(self, name: str) -> list[dict[str, Any]] | None:
        """Returns the records of the file `name` under today's names of the heads, or None where there is no file."""
        file = self.path / name
        return rename_heads(_read_json(file)) if file.exists() else None

    def write_records(self, name: str, records: list[dict[str, Any]]) -> None:
        """Writes records as `name`; `results.json` is the mark of a finished run."""
        self._write(name, records)

    def _write(self, name: str, value: Any) -> None:
        """Writes JSON so that the file is whole or not there."""
        target, partial = self.path / name, self.path / f".{name}.partial"
        try:
            with naming_full_disk(target):
                partial.write_text(json.dumps(value, indent=1) + "\n")
                os.replace(partial, target)
        finally:
            partial.unlink(missing_ok=True)


def _read_json(file: pathlib.Path) -> Any:
    try:
        return json.loads(file.read_text())
    except ValueError as error:  # no JSON, or no text at all
        raise UserError(f"{file} is no JSON ({error}). Train again, or copy the file again.") from error
