"""Runs that are kept in a file, one JSON line each, so that what was interrupted goes on where it stopped."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable, Mapping
from typing import Any


class Kept:
    """What was asked and what came of it; without a file, kept for this process alone."""

    def __init__(self, path: pathlib.Path | None) -> None:
        self._path = path
        self._known: dict[str, dict[str, Any]] = {}
        if path and path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                asked, reported = json.loads(line)
                self._known[_key(asked)] = reported

    def get(self, asked: Mapping[str, Any], run: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Returns what `run` returned when this was asked before; otherwise runs it and keeps what it returns."""
        key = _key(asked)
        if key not in self._known:
            self._known[key] = run()
            if self._path:
                with self._path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps([asked, self._known[key]]) + "\n")
        return self._known[key]


def _key(asked: Mapping[str, Any]) -> str:
    return json.dumps(asked, sort_keys=True)
