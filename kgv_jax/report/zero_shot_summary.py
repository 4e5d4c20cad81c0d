"""Seen against unseen classes of a comparison that held classes out."""

from __future__ import annotations

from typing import NamedTuple

from kgv_jax.data.types import UNSEEN, VALIDATION
from kgv_jax.report.comparison import Comparison, RunKey
from kgv_jax.report.rows import Record
from kgv_jax.report.table import Table
from kgv_jax.report.zero_shot_study import GzslRun, ZeroShotStudy

_CONTROLS = ("shuffled_kg", "shuffled_kg_compose")  # the first that was run


class ZeroShotSummary(NamedTuple):
    """The tables of the chosen heads, those of every head, and the records of the latter."""

    chosen: list[Table]
    every: list[Table]
    records: list[Record]


def summarise_zero_shot(comparison: Comparison, *, source: str) -> ZeroShotSummary | None:
    """Returns the zero-shot protocol of a comparison, with gains over its control; None where all classes are seen.

    Raises:
      UserError: the outcomes of a run are of before they had contests.
    """
    role = comparison.role
    if role is not None and not (role == UNSEEN).any():
        return None
    study = ZeroShotStudy(
        {
            (setting, head): {seed: _gzsl_run(comparison, key, head) for seed, key in runs.items()}
            for setting, runs in comparison.runs.items()
            for head in comparison.heads(setting)
        },
        chosen=comparison.chosen,
        source=source,
        classes=(int((role == UNSEEN).sum()), int((role != VALIDATION).sum())),
    )
    methods = {setting.method for setting in comparison.runs}
    control = next((control for control in _CONTROLS if control in methods), "")
    _, chosen = study.report({setting: (head,) for setting, head in comparison.chosen.items()}, control)
    records, every = study.report({setting: comparison.heads(setting) for setting in comparison.runs}, control)
    return ZeroShotSummary(chosen, every, records)


def _gzsl_run(comparison: Comparison, key: RunKey, head: str) -> GzslRun:
    tests = {domain: comparison.gzsl_outcome(key, domain, head) for domain in comparison.domains}
    chooses = (comparison.role == VALIDATION).any() and comparison.has(key, VALIDATION)
    return GzslRun(tests, comparison.gzsl_outcome(key, VALIDATION, head) if chooses else None)
