"""The settings as a list of rows: what the schema says of each, for `kgv settings [WORD]` and the docs."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterator
from typing import Any, NamedTuple

from kgv_jax.config.schema import config_class
from kgv_jax.config.values import is_tuple
from kgv_jax.util.errors import UserError, nearest


class Row(NamedTuple):
    """One setting.

    Attributes:
      name: `section.name`, as `--config.section.name=` sets it.
      type: `int`, `float`, `bool`, `str`, or `X, ...` for a list of these or of stages.
      default: its value where nothing sets it, as the command line writes it.
      allowed: its range or its choices; empty: any value.
      meaning: in one line.
    """

    name: str
    type: str
    default: str
    allowed: str
    meaning: str


def describe(word: str = "") -> list[Row]:
    """Returns the settings whose name or meaning contains `word`, in the order of the schema; without a word, all.

    Raises:
      UserError: no setting has the word; the message has the nearest names.
    """
    rows = list(_rows(config_class(), ""))
    lower = word.lower().removeprefix("--").removeprefix("config.")
    found = [row for row in rows if lower in row.name.lower() or lower in row.meaning.lower()]
    if not found:
        full = [row.name for row in rows]
        last = {name.rpartition(".")[-1]: name for name in full}
        close = nearest(lower, full) or nearest(lower, last)
        raise UserError(f"No setting has {word!r} in its name or meaning{close or '.'} kgv settings lists all of them.")
    return found


def _rows(cls: type, prefix: str) -> Iterator[Row]:
    """Yields the settings of a section, and of the sections in it."""
    types = typing.get_type_hints(cls)
    for field in dataclasses.fields(cls):
        type_, name = types[field.name], prefix + field.name
        if dataclasses.is_dataclass(type_):
            yield from _rows(type_, f"{name}.")
        else:
            yield Row(name, _type(type_), _text(field.default, field.metadata["separator"]), _allowed(field),
                      field.metadata["about"])  # fmt: skip


def _type(type_: Any) -> str:
    if not is_tuple(type_):
        return type_.__name__
    inner, _ = typing.get_args(type_)
    name = inner.__name__.removesuffix("Settings").lower() if dataclasses.is_dataclass(inner) else inner.__name__
    return f"{name}, ..."


def _text(value: Any, separator: str = ",") -> str:
    if isinstance(value, tuple):
        return separator.join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _allowed(field: dataclasses.Field) -> str:
    low, high, choices = (field.metadata[key] for key in ("low", "high", "choices"))
    choices = choices() if callable(choices) else choices
    if choices is not None:
        return ", ".join(map(str, choices))
    if low is None and high is None:
        return ""
    return f"from {low}" if high is None else f"{low} to {high}" if low is not None else f"up to {high}"
