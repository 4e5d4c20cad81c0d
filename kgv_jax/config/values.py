"""Values as a config, the command line or a `config.json` gives them, checked against the schema."""

from __future__ import annotations

import ast
import dataclasses
import math
import typing
from collections.abc import Mapping
from typing import Any

from absl import flags
from ml_collections import config_flags

from kgv_jax.util.errors import UserError, nearest
from kgv_jax.util.lists import split_names


class _AnyListType(type):
    def __instancecheck__(cls, value: Any) -> bool:
        return isinstance(value, (str, tuple, list))


class AnyList(metaclass=_AnyListType):
    """The type of a tuple in a `ConfigDict`, which a config or the command line may set to a tuple, a list or text.

    Left to itself, `ConfigDict` refuses text where the default is a tuple, and its parser reads tuples as Python
    literals: `encoder/.*,decoder/.*` would be an error, `2011,2012` two numbers. So text stays as it is typed until
    `read_value`, which knows the type of the elements.
    """


class _AsTyped(flags.ArgumentParser):
    """Passes on what is typed, and the default, which is a tuple."""

    def parse(self, argument: Any) -> Any:
        return argument


config_flags.register_flag_parser_for_type(AnyList, _AsTyped())


def is_tuple(type_: Any) -> bool:
    """Returns whether the annotation of a field is `tuple[X, ...]`."""
    return typing.get_origin(type_) is tuple


def read_section(cls: type, values: Any, prefix: str) -> Any:
    """Returns the dataclass `cls` with every value checked.

    Args:
      cls: a dataclass whose fields are made by `setting`, or are such dataclasses.
      values: by name; a name that is not there has its default.
      prefix: full name of the section, for messages.

    Raises:
      UserError: for an unknown name, a wrong type, or a value out of range.
    """
    fields = {field.name: field for field in dataclasses.fields(cls)}
    if not isinstance(values, Mapping):
        raise UserError(f"{prefix} is {values!r}; expected its settings by name: {', '.join(fields)}.")
    for key in values:
        if key not in fields:
            raise UserError(f"Unknown setting {prefix}.{key}{nearest(key, fields)}; known: {', '.join(fields)}.")
    types, read = typing.get_type_hints(cls), {}
    for name in (name for name in fields if name in values):
        if dataclasses.is_dataclass(types[name]):
            read[name] = read_section(types[name], values[name], f"{prefix}.{name}")
        else:
            read[name] = read_value(types[name], values[name], f"{prefix}.{name}", fields[name].metadata)
    return cls(**read)


def read_value(type_: Any, value: Any, key: str, metadata: Mapping[str, Any]) -> Any:
    """Returns the value of the setting `key`, checked, as its type.

    Raises:
      UserError: for a wrong type, or a value out of range.
    """
    if metadata.get("read"):
        return metadata["read"](key, value)
    if not is_tuple(type_):
        return _check(type_, value, f"{key} is", metadata)
    inner, _ = typing.get_args(type_)
    elements = _elements(value, key, inner, metadata)
    return tuple(_check(inner, x, f"{key} has", metadata, element=True) for x in elements)


def to_json(value: Any) -> Any:
    """Returns a value of the schema as JSON gives it back: dictionaries for dataclasses, lists for tuples."""
    if dataclasses.is_dataclass(value):
        value = dataclasses.asdict(value)
    if isinstance(value, dict):
        return {name: to_json(inner) for name, inner in value.items()}
    return [to_json(inner) for inner in value] if isinstance(value, (tuple, list)) else value


def read_literal(text: str) -> tuple | list | None:
    """Returns the tuple or list that a text writes as Python does, or None of any other text.

    >>> read_literal("('cn', 'ru')"), read_literal("(encoder|projection)/.*")
    (('cn', 'ru'), None)
    """
    if text.lstrip()[:1] not in ("(", "["):
        return None
    try:
        value = ast.literal_eval(text.strip())
    except (SyntaxError, ValueError):
        return None
    return value if isinstance(value, (tuple, list)) else None


def _elements(value: Any, key: str, inner: type, metadata: Mapping[str, Any]) -> tuple | list:
    """Returns the elements of a tuple, which may be written as text."""
    if isinstance(value, (tuple, list)):
        return value
    if not isinstance(value, str):
        raise UserError(
            f"{key} is {value!r} ({type(value).__name__}); expected a tuple of {inner.__name__}, or text with "
            f"{metadata['separator']!r} between its elements: {metadata['about']}."
        )
    if (literal := read_literal(value)) is not None:
        return literal
    return [_as_number(text, inner) for text in split_names(value, metadata["separator"])]


def _as_number(text: str, type_: type) -> Any:
    """Returns the text as a number where one is expected and the text is one; the check names it otherwise."""
    if type_ is str:
        return text
    try:
        return type_(text)
    except ValueError:
        return text


def _check(type_: type, value: Any, found: str, metadata: Mapping[str, Any], *, element: bool = False) -> Any:
    """Returns a number, a bool or a text that is of its type, in its range and among its choices."""
    about = metadata["about"]
    if type_ is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, type_) or (type_ is int and isinstance(value, bool)):
        raise UserError(f"{found} {value!r} ({type(value).__name__}); expected {type_.__name__}: {about}.")
    if element and value == "":
        raise UserError(f"{found} an empty text; leave it out: {about}.")
    low, high, choices = metadata["low"], metadata["high"], metadata["choices"]
    if type_ is float and not math.isfinite(value):
        raise UserError(f"{found} {value!r}; expected a finite number: {about}.")
    if (low is not None and value < low) or (high is not None and value > high):
        raise UserError(f"{found} {value!r}; expected from {low} to {'any' if high is None else high}: {about}.")
    choices = choices() if callable(choices) else choices
    if choices is not None and value not in choices:
        raise UserError(f"{found} {value!r}{nearest(str(value), choices)}; expected one of {', '.join(choices)}.")
    return value
