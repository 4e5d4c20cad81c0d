"""How many cores this process may use."""

from __future__ import annotations

import os


def usable_cores() -> int:
    """Returns the cores that this process may run on: fewer than the machine has where runs share it."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
