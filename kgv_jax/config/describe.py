"""The settings as a list of rows: what the schema says of each, for `kgv settings [WORD]`."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterator
from typing import NamedTuple

from kgv_jax.config.schema import Config
from kgv_jax.util.errors import UserError, nearest


class Row(NamedTuple):
    """One setting."""

    name: str
    type: str
    default: str
    allowed: str
    meaning: str


def describe(word: str = "") -> list[Row]:
    """Returns the settings whose name or meaning contains `word`; without a word, all.

    Raises:
      UserError: no setting has the word.
    """
    rows, lower = list(_rows(Config, "")), word.lower().removeprefix("--").removeprefix("config.")
    found = [row for row in rows if lower in row.name.lower() or lower in row.meaning.lower()]
    if not found:
        close = nearest(lower, [row.name for row in rows])
        raise UserError(f"No setting has {word!r} in its name or meaning{close or '.'} kgv settings lists all of them.")
    return found


def _rows(cls: type, prefix: str) -> Iterator[Row]:
    types = typing.get_type_hints(cls)
    for field in dataclasses.fields(cls):
        kind, name, about = types[field.name], prefix + field.name, field.metadata
        if dataclasses.is_dataclass(kind):
            yield from _rows(kind, f"{name}.")
            continue
        choices = about["choices"]() if callable(about["choices"]) else about["choices"]
        bounds = [str(bound) for bound in (about["low"], about["high"]) if bound is not None]
        yield Row(
            name, kind.__name__, str(field.default), ", ".join(choices or ()) or " to ".join(bounds), about["about"]
        )
