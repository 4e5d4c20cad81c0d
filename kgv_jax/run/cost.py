"""What a run cost: seconds until its first step, images per second, peak memory. Written once, as `cost.json`."""

from __future__ import annotations

import resource
import time

import jax

from kgv_jax.run.workdir import Workdir

FILE = "cost.json"


class Stopwatch:
    """Starts when it is made: before data are read and images are rendered."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._first: tuple[float, int] | None = None

    def stepped(self, step: int) -> None:
        """Takes note of a step that was sent to the device; only the first one counts."""
        if self._first is None:
            self._first = time.monotonic(), step

    def write(self, workdir: Workdir, *, step: int, images_per_step: int) -> None:
        """Writes the cost of a run that has just done its last `step`; nothing where it did one step or none."""
        if self._first is None or step <= self._first[1]:
            return
        began, first = self._first
        cost = {
            "seconds_to_first_step": began - self._begun,
            "images_per_second": (step - first) * images_per_step / (time.monotonic() - began),
            # Of the process; Linux counts in kilobytes. A device's only where its runtime counts.
            "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }
        stats = jax.local_devices()[0].memory_stats() or {}
        if "peak_bytes_in_use" in stats:
            cost["peak_device_memory_mb"] = stats["peak_bytes_in_use"] / 2**20
        workdir.write_records(FILE, [cost])
