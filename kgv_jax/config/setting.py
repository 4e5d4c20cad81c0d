"""One setting of the schema: its default, its meaning and its range."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any


def setting(
    default: Any,
    about: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices=None,
    separator: str = ",",
    read: Callable[[str, Any], Any] | None = None,
) -> Any:
    """Returns a dataclass field of the schema.

    Args:
      default: its value where a config does not set it; its type is the field's annotation.
      about: what it means, in one line.
      low, high: inclusive range of a number (of every number of a tuple).
      choices: the values allowed (of a tuple: its elements), or a function without arguments that returns them when
        they are first needed.
      separator: what stands between the elements of a tuple that is written as text, as on the command line.
      read: a function of (full name of the setting, value found) that checks and returns the value, for a setting that
        is more than a number, a text, or a tuple of them.
    """
    metadata = {"about": about, "low": low, "high": high, "choices": choices, "separator": separator, "read": read}
    return dataclasses.field(default=default, metadata=metadata)
