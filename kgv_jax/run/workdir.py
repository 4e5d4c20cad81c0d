"""The folder of one run: its config, its results, and whether it may be used again."""

from __future__ import annotations

import json
import os
import pathlib
from typing import Any

from kgv_jax.config.schema import Config, differences, resolve, to_dict, with_defaults
from kgv_jax.util.errors import UserError
from kgv_jax.util.writers import METRICS_FILE, naming_full_disk


class Workdir:
    """Paths of a run, and the two files that decide whether it goes on.

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

        A setting that is newer than the run counts as its default, which does what was done before there was one.

        Raises:
          UserError: another config's run is in the folder (the differences are listed), or the
            folder cannot be written.
        """
        file = self.path / "config.json"
        if file.exists():
            found = differences(with_defaults(json.loads(file.read_text())), to_dict(config))
            if found and self._has_run():
                raise UserError(
                    f"{self.path} holds a run of another config ({len(found)} differences, there -> here):\n  "
                    + "\n  ".join(found)
                    + "\nUse another --workdir, or delete this one."
                )
            if not found:
                return
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._write("config.json", to_dict(config))
        except OSError as error:
            raise UserError(
                f"--workdir={self.path} cannot be written: {error.strerror}. Choose another folder."
            ) from error

    def _has_run(self) -> bool:
        """Returns whether anything was trained here; a command that failed before its first step left nothing."""
        files = (self.path / "results.json", self.path / METRICS_FILE)
        return any(file.exists() for file in files) or any(self.checkpoints.glob("*"))

    def read_config(self) -> Config:
        """Returns the config of the run that is in the folder."""
        file = self.path / "config.json"
        if not file.exists():
            raise UserError(f"{self.path} has no config.json, so no run is there. Train first, with --config=FILE.")
        return resolve(json.loads(file.read_text()))

    def read_results(self) -> list[dict[str, Any]] | None:
        """Returns the records of a finished run, or None."""
        return self.read_records("results.json")

    def read_records(self, name: str) -> list[dict[str, Any]] | None:
        """Returns the records of the file `name`, or None where there is none."""
        file = self.path / name
        return json.loads(file.read_text()) if file.exists() else None

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
