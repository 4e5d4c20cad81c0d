"""One setting of the schema: its default, its meaning and its range."""

from __future__ import annotations

import dataclasses
from typing import Any


def setting(default: Any, about: str, *, low: float | None = None, high: float | None = None, choices=None) -> Any:
    """Returns a dataclass field of the schema.

    Args:
      default: its value where a config does not set it; its type is the field's annotation.
      about: what it means, in one line.
      low, high: inclusive range of a number (of every number of a tuple).
      choices: the values allowed, or a function without arguments that returns them when they are first needed.
    """
    return dataclasses.field(default=default, metadata={"about": about, "low": low, "high": high, "choices": choices})
