"""Names in predictions, outcomes and records files of earlier versions, and what they are called today."""

from __future__ import annotations

from typing import Any

_HEADS = {"both": "combined"}
_ARRAYS = {"picture": "group"}


def current_head(name: str) -> str:
    """Returns today's name of a prediction head."""
    return _HEADS.get(name, name)


def current_array(name: str) -> str:
    """Returns today's name of an array `FIELD`, `HEAD` or `HEAD.FIELD`."""
    head, dot, field = name.partition(".")
    return current_head(_ARRAYS.get(head, head)) + dot + _ARRAYS.get(field, field)


def rename_heads(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns the records of a results file under today's names of the heads."""
    return [record | {"head": current_head(record["head"])} if "head" in record else record for record in records]
