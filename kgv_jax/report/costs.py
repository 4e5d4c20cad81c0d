"""What the runs of a study cost, a row per method."""

from __future__ import annotations

import statistics

from kgv_jax.report.study import Study
from kgv_jax.report.table import MISSING, Table
from kgv_jax.run.cost import FILE
from kgv_jax.run.workdir import Workdir

_COLUMNS = {
    "images_per_second": "images per second",
    "seconds_to_first_step": "seconds until the first step",
    "peak_memory_mb": "peak memory, MB",
    "peak_device_memory_mb": "of a device, MB",
}


def cost_table(study: Study) -> Table | None:
    """Returns the median over the seeds of each setting; None where no run has noted its cost."""
    costs = {
        setting: [cost for run in runs.values() for cost in Workdir(run.folder).read_records(FILE) or ()]
        for setting, runs in study.runs.items()
    }
    columns = {key: title for key, title in _COLUMNS.items() if any(key in c for own in costs.values() for c in own)}
    if not columns:
        return None
    rows = []
    for setting, own in costs.items():
        cells = ([cost[key] for cost in own if key in cost] for key in columns)
        medians = (f"{statistics.median(found):.0f}" if found else MISSING for found in cells)
        rows.append((setting.name, f"{100 * setting.fraction:g} %", *medians))
    return Table(("method", "images", *columns.values()), tuple(rows), 2, "Cost, the median over seeds")
