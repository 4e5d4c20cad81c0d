"""A comparison in one row a setting, head and domain: accuracy with its interval, and paired tests against controls."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kgv_jax.report import stats
from kgv_jax.report.comparison import Comparison
from kgv_jax.report.runs import Setting
from kgv_jax.report.table import TARGETS

CONTROLS = (
    "ce",
    "attribute_bce",
    "attribute_bce_elements",
    "shuffled_kg",
    "attribute_bce_compose",
    "shuffled_kg_compose",
    "ce_compose_labelled",
    "infuse_random",
)


def summarise(comparison: Comparison, *, targets: Sequence[str]) -> list[dict[str, Any]]:
    """Returns a summary row for every method, amount of data, head and domain, the mean over targets included.

    Drawings (class x domain) and seeds are resampled, not photographs. `chosen` marks the head that is best
    on the source's held-out drawings; `versus` holds the paired difference to the chosen head of each control.
    """
    places = {domain: (domain,) for domain in comparison.domains} | ({TARGETS: tuple(targets)} if targets else {})
    rows = []
    for setting, runs in comparison.runs.items():
        controls = {name: dataclasses.replace(setting, method=name) for name in CONTROLS if name != setting.method}
        for head, (name, averaged) in itertools.product(comparison.heads(setting), places.items()):
            groups = {domain: comparison.groups[domain] for domain in averaged}
            mine = {domain: comparison.correct(setting, head, domain, [*runs]) for domain in averaged}
            row = {**dataclasses.asdict(setting), "domain": name, "head": head, "seeds": len(runs)}
            row |= stats.mean_interval_over_domains(mine, groups)._asdict()
            row["chosen"] = comparison.chosen[setting] == head
            row["versus"] = {
                name: _paired(comparison, setting, head, control, groups)
                for name, control in controls.items()
                if control in comparison.runs
            }
            rows.append(row)
    return rows


def _paired(
    comparison: Comparison, setting: Setting, head: str, control: Setting, groups: Mapping[str, np.ndarray]
) -> dict[str, Any]:
    """Returns the difference to the control's chosen head over the seeds that both have."""
    seeds = [seed for seed in comparison.runs[setting] if seed in comparison.runs[control]]
    control_head = comparison.chosen[control]
    result = stats.paired_difference_over_domains(
        {domain: comparison.correct(setting, head, domain, seeds) for domain in groups},
        {domain: comparison.correct(control, control_head, domain, seeds) for domain in groups},
        groups,
    )
    return result._asdict() | {"head": control_head, "seeds": len(seeds)}
