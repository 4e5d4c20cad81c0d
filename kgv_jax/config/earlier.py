"""Run folders of earlier versions: what their `config.json` and their records call something else today.

Every rename of a setting, of a value or of a head adds a line to the tables below, and nothing else.
"""

from __future__ import annotations

import dataclasses
import pathlib
import typing
from typing import Any

import kgv_jax
from kgv_jax.config.schema import Config, config_class, resolve, to_dict
from kgv_jax.config.values import is_tuple, read_value, to_json
from kgv_jax.util.errors import UserError
from kgv_jax.util.lists import split_names

VERSION = "version"  # the key of config.json that says which version wrote it; the first ones did not say

# Setting -> its name today.
_RENAMED = {
    "data.photographs": "data.render_views",
    "data.train_photographs": "data.train_views",
    "data.test_photographs": "data.test_views",
    "data.fake_pictures": "data.fake_images",
    "data.fake_test_pictures": "data.fake_test_images",
    "synthetic.photographs": "synthetic.views",
    "synthetic.hands": "synthetic.drawing_styles",
    "kgv.start": "kg.vectors",
    "kgv.start_epochs": "kg.vectors_epochs",
}
# Setting -> earlier value -> today's.
_REVALUED = {
    "data.name": {"drawn": "rendered"},
    "synthetic.legends": {"drawn": "rendered"},
    "kgv.score": {"fast": "whole"},
}
# Settings that are gone, with the value that does what is always done today; with another, a run cannot be read.
_GONE = {"data.nuisance": 1.0, "synthetic.element_facts": False}
# One text that meant a number, names, a file or `published`: now a setting each, with the text's name before it.
_CHOICES = ("zero_shot.unseen", "zero_shot.validation")
# Head of a record -> today's.


def with_version(config: Config) -> dict[str, Any]:
    """Returns what `config.json` holds: the settings, after the version that writes them."""
    return {VERSION: kgv_jax.__version__, **to_dict(config)}


def read_config(values: dict[str, Any], where: str) -> Config:
    """Returns the config of a `config.json` that this version or an earlier one wrote.

    Args:
      values: what the file holds.
      where: its name, for messages.

    Raises:
      UserError: it has settings that this version does not read; the message names the version that wrote it.
    """
    try:
        return resolve(_renamed(values))
    except UserError as error:
        if values.get(VERSION) == kgv_jax.__version__:
            raise UserError(f"{where}: {error}") from error
        raise UserError(
            f"{where} is of {_written_by(values)} and this is kgv_jax {kgv_jax.__version__}, which cannot read it: "
            f"{error} Read it with that version, or train again."
        ) from error


def with_defaults(values: dict[str, Any]) -> dict[str, Any]:
    """Returns the settings of a `config.json` under today's names, and the defaults of those that are newer than it."""
    return _merged(config_class(), to_dict(Config()), _renamed(values), "config")


def _written_by(values: dict[str, Any]) -> str:
    return f"kgv_jax {values[VERSION]}" if VERSION in values else "an earlier kgv_jax, which did not record its version"


def _renamed(values: dict[str, Any]) -> dict[str, Any]:
    """Returns the settings under today's names, in nested dictionaries."""
    found: dict[str, Any] = {}
    for section, inner in values.items():
        if not isinstance(inner, dict):
            found[section] = inner
            continue
        for name, value in inner.items():
            for key, today in _today(f"{section}.{name}", value).items():
                section_today, _, name_today = key.partition(".")
                found.setdefault(section_today, {})[name_today] = today
    found.pop(VERSION, None)
    return found


def _today(key: str, value: Any) -> dict[str, Any]:
    """Returns the setting, or none, that one of an earlier version is today."""
    if key in _GONE and value == _GONE[key]:
        return {}
    if key in _CHOICES and isinstance(value, str):
        return _choice(key, value)
    key = _RENAMED.get(key, key)
    return {key: _REVALUED.get(key, {}).get(value, value) if isinstance(value, str) else value}


def _choice(key: str, text: str) -> dict[str, Any]:
    """Returns the one setting that a text of several meanings gives today."""
    if not text:
        return {}
    if text.isdecimal():
        return {f"{key}_count": int(text)}
    if text == "published":
        return {f"{key}_published": True}
    return {f"{key}_file": text} if pathlib.Path(text).is_file() else {f"{key}_classes": list(split_names(text))}


def _merged(cls: type, defaults: dict[str, Any], values: dict[str, Any], prefix: str) -> dict[str, Any]:
    """Returns a section's defaults with its values over them, lists in today's form; unknown names stay."""
    types, fields = typing.get_type_hints(cls), {field.name: field for field in dataclasses.fields(cls)}
    merged = dict(defaults)
    for name, value in values.items():
        if name in fields and dataclasses.is_dataclass(types[name]) and isinstance(value, dict):
            value = _merged(types[name], defaults[name], value, f"{prefix}.{name}")
        elif name in fields and is_tuple(types[name]):
            value = _as_list(types[name], value, f"{prefix}.{name}", fields[name].metadata)
        merged[name] = value
    return merged


def _as_list(type_: Any, value: Any, key: str, metadata: typing.Mapping[str, Any]) -> Any:
    """Returns a tuple's value as JSON would give it back; one that cannot be read as it is."""
    try:
        read = read_value(type_, value, key, metadata)
    except UserError:
        return value
    return to_json(read)
