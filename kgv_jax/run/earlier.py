"""Names in predictions, outcomes and records files of earlier versions, and what they are called today."""

from __future__ import annotations

_HEADS = {"both": "combined"}
_ARRAYS = {"picture": "group"}


def current_head(name: str) -> str:
    """Returns today's name of a prediction head."""
    return _HEADS.get(name, name)


def current_array(name: str) -> str:
    """Returns today's name of an array `FIELD`, `HEAD` or `HEAD.FIELD`."""
    head, dot, field = name.partition(".")
    return current_head(_ARRAYS.get(head, head)) + dot + _ARRAYS.get(field, field)
