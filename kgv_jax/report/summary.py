"""The summary of a comparison: accuracies with intervals, paired tests against controls, and the tables of both.

A row of the summary is of a method, an amount of data, a domain (or the mean over targets) and a head. It is printed
twice: as one overview with a row per method, and as two tables per amount of data.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from kgv_jax.data.types import UNSEEN, VALIDATION
from kgv_jax.report import stats
from kgv_jax.report.paired import corrected, paired_gain
from kgv_jax.report.study import Run, Setting, Study
from kgv_jax.report.table import (
    MISSING,
    TARGETS,
    Record,
    Table,
    data_label,
    distinct,
    gain_text,
    interval_text,
    markdown,
    source_first,
)
from kgv_jax.report.zero_shot_study import GzslRun, ZeroShotStudy
from kgv_jax.util.errors import UserError

CONTROLS = (
    "ce",
    "attribute_bce",
    "attribute_bce_elements",
    "shuffled_kg",
    "attribute_bce_compose",
    "shuffled_kg_compose",
    "ce_compose_labelled",
    "shuffled_kg_compose_labelled",
    "infuse_random",
)
_OVERVIEW_CONTROL = "ce"
_ZERO_SHOT_CONTROLS = ("shuffled_kg", "shuffled_kg_compose")  # the first that was run


def summarise(study: Study) -> list[dict[str, Any]]:
    """Returns a summary row for every setting, reported head and domain, the mean over targets included.

    `chosen` marks the head that is best on the source's held-out images; `versus` holds the paired difference to the
    chosen head of each control with the same amount of data.
    """
    rows = []
    for setting, heads in study.heads.items():
        controls = {name: study.control_of(setting, name) for name in CONTROLS}
        for head, (name, domains) in itertools.product(heads, study.averaged.items()):
            row = {**dataclasses.asdict(setting), "domain": name, "head": head, "seeds": len(study.runs[setting])}
            correct, groups = study.correct(setting, head, domains), study.groups(domains)
            row |= stats.mean_interval_over_domains(correct, groups)._asdict()
            row["chosen"] = study.chosen[setting] == head
            row["versus"] = {
                name: _versus(study, setting, head, control, domains) for name, control in controls.items() if control
            }
            rows.append(row)
    return rows


def _versus(study: Study, setting: Setting, head: str, control: Setting, domains: Sequence[str]) -> dict[str, Any]:
    gain = paired_gain(study, setting, head, control, domains)
    return gain.difference._asdict() | {"head": gain.control_head, "seeds": len(gain.seeds)}


def chosen_only(summary: Sequence[Record]) -> list[Record]:
    """Returns the rows of each method's chosen head: the one that is best on the source's held-out images."""
    return [row for row in summary if row["chosen"]]


def overview_table(summary: Sequence[Record], *, source: str, control: str = _OVERVIEW_CONTROL) -> Table:
    """Returns a row per method with, for each amount of data, its accuracies and its gain over a control.

    Every method is shown with its chosen head. The gain is that of the mean over targets, paired over source images
    and seeds; its p is corrected by Holm's method over all tests of the table.

    Args:
      summary: the rows of `compare.json`, all heads or the chosen ones.
      source: the domain that was trained on.
      control: the method that gains are over.
    """
    chosen = chosen_only(summary)
    amounts = list(dict.fromkeys(map(_amount, chosen)))
    cells: dict[str, dict[tuple[str, str], Record]] = {}
    for row in chosen:
        if row["domain"] in (source, TARGETS):
            cells.setdefault(row["method"], {})[_amount(row), row["domain"]] = row
    gains = _corrected_gains(cells, control)
    header, rows = ["method", "head"], []
    for amount in amounts:
        header += [f"{amount}: {source}", "mean over targets", f"over {control}"]
    for method, found in cells.items():
        line = [method, ", ".join(dict.fromkeys(row["head"] for row in found.values()))]
        for amount in amounts:
            shown = (found.get((amount, domain)) for domain in (source, TARGETS))
            line += [interval_text(row) if row else MISSING for row in shown]
            line.append(gain_text(gains[method, amount]) if (method, amount) in gains else MISSING)
        rows.append(tuple(line))
    return Table(tuple(header), tuple(rows), 2, f"Chosen heads; p corrected for {len(gains)} tests")


def _amount(row: Record) -> str:
    return data_label(row, short=True)


def _corrected_gains(
    cells: Mapping[str, Mapping[tuple[str, str], Record]], control: str
) -> dict[tuple[str, str], Record]:
    """Returns method and amount -> the gain on the mean over targets, whose `p` is the corrected one."""
    tests = {
        (method, amount): row["versus"][control]
        for method, found in cells.items()
        for (amount, domain), row in found.items()
        if domain == TARGETS and control in row["versus"]
    }
    return {key: {**test, "p": test["p_holm"]} for key, test in zip(tests, corrected([*tests.values()]), strict=True)}


def summary_tables(summary: Sequence[Record], *, source: str) -> list[Table]:
    """Returns for each amount of data a table of accuracies by domain, and one of paired gains over the controls.

    Gains are on the mean over targets, with interval and p. A star marks the head that the source's held-out images
    choose.

    Args:
      summary: the rows of `compare.json`.
      source: the domain that was trained on.
    """
    tables = []
    for amount in dict.fromkeys(map(data_label, summary)):
        of_amount = [row for row in summary if data_label(row) == amount]
        tables.append(accuracy_table(of_amount, source=source, title=f"{amount}: accuracy"))
        gains = _gain_table(
            [r for r in of_amount if r["domain"] == TARGETS], title=f"{amount}: gain on the mean over targets"
        )
        tables += [gains] if gains.header[2:] else []
    return tables


def summary_text(summary: Sequence[Record], *, source: str) -> str:
    """Returns the tables of a summary as Markdown."""
    return "\n\n".join(map(markdown, summary_tables(summary, source=source)))


def accuracy_table(summary: Sequence[Record], *, source: str, title: str) -> Table:
    """Returns a row per method and head, with a column per domain and for the mean over targets.

    Args:
      summary: rows of one amount of data.
      source: the domain that was trained on.
      title: of the table.
    """
    domains = source_first((row["domain"] for row in summary), source)
    rows = []
    for method, head in dict.fromkeys((row["method"], row["head"]) for row in summary):
        by_domain = {r["domain"]: r for r in summary if (r["method"], r["head"]) == (method, head)}
        cells = [interval_text(by_domain[d]) if d in by_domain else MISSING for d in domains]
        seeds = str(max(row["seeds"] for row in by_domain.values()))
        rows.append((method, _starred_head(next(iter(by_domain.values()))), seeds, *cells))
    names = ["mean over targets" if domain == TARGETS else domain for domain in domains]
    return Table(("method", "head", "seeds", *names), tuple(rows), 3, title)


def _gain_table(summary: Sequence[Record], *, title: str) -> Table:
    """Returns a row per method and head, with a column per control."""
    compared = {name for row in summary for name in row["versus"]}
    controls = [method for method in distinct(summary, "method") if method in compared]
    rows = [
        (r["method"], _starred_head(r), *(gain_text(r["versus"][c]) if c in r["versus"] else MISSING for c in controls))
        for r in summary
    ]
    return Table(("method", "head", *(f"over {control}" for control in controls)), tuple(rows), 2, title)


def _starred_head(row: Record) -> str:
    return row["head"] + (" *" if row.get("chosen") else "")


class ZeroShotSummary(NamedTuple):
    """The tables of the chosen heads, those of every head, and the records of the latter."""

    chosen: list[Table]
    every: list[Table]
    records: list[Record]


def summarise_zero_shot(study: Study) -> ZeroShotSummary | None:
    """Returns seen against unseen classes, with gains over a control of wrong facts; None where all classes are seen.

    Raises:
      UserError: the outcomes of a run are from a version that did not write seen-unseen margins.
    """
    role = study.first.outcomes(study.domains[0]).role
    if role is None:
        raise _without_margins(study.first, study.domains[0])
    if not (role == UNSEEN).any():
        return None
    choosing = bool((role == VALIDATION).any())
    classes = int((role == UNSEEN).sum()), int((role != VALIDATION).sum())
    zero_shot = ZeroShotStudy(study, lambda run, head: _gzsl_run(run, head, choosing=choosing), classes=classes)
    methods = {setting.method for setting in study.runs}
    control = next((control for control in _ZERO_SHOT_CONTROLS if control in methods), "")
    _, chosen = zero_shot.report({setting: (head,) for setting, head in study.chosen.items()}, control)
    records, every = zero_shot.report(study.heads, control)
    return ZeroShotSummary(chosen, every, records)


def _gzsl_run(run: Run, head: str, *, choosing: bool) -> GzslRun:
    """Returns a head's GZSL outcomes, with those of the classes that choose `gamma`, where the run has any."""
    needed = [*run.domains, VALIDATION] if choosing and run.has(VALIDATION) else [*run.domains]
    for domain in needed:
        if head not in run.outcomes(domain).gzsl_outcomes:
            raise _without_margins(run, domain)
    found = {domain: run.outcomes(domain).gzsl_outcomes[head] for domain in needed}
    choice = found.pop(VALIDATION, None)
    return GzslRun(found, choice)


def _without_margins(run: Run, domain: str) -> UserError:
    return UserError(
        f"{run.folder / 'outcomes' / domain}.npz, of an earlier version, lacks seen against unseen classes; write it "
        f"again: python -m kgv_jax.main --mode=eval --workdir={run.folder}."
    )
