"""Effective robustness: each run against the line through the runs of baseline methods."""

from __future__ import annotations

import numpy as np

from kgv_jax.report import robustness, rows
from kgv_jax.report.protocols.base import Options, Result
from kgv_jax.report.rows import label, percent
from kgv_jax.report.runs import Setting, Study


def report(study: Study, options: Options) -> Result:
    """Returns the residual of every run on every target, averaged over seeds."""
    columns = {"source": percent(study.source), "target": percent("target"), "line": percent("the line's")}
    columns |= {"effective_robustness": rows.Column("effective robustness", lambda share: f"{100 * share:+.1f}")}
    records = []
    for target in study.targets:
        line = _line(study, options, target)
        for setting, heads in study.heads.items():
            for head in heads:
                x, y = _accuracies(study, setting, head, target)
                values = {"source": x, "target": y, "line": line.predict(x)}
                values["effective_robustness"] = robustness.effective_robustness(line, x, y)
                means = {key: float(value.mean()) for key, value in values.items()}
                records.append(label(setting, head=head, domain=target) | means | line._asdict())
    source, _ = _baselines(study, options, study.source)
    spread = f"{100 * source.min():.1f} to {100 * source.max():.1f} on {study.source}"
    title = f"Effective robustness against {len(source)} runs of {', '.join(options.baselines)}, {spread}"
    return Result(records, [rows.tabulate(title, records, ("head", "domain"), columns)])


def lacks(study: Study, options: Options) -> str:
    """Says whether targets, baselines, or a line through them are missing."""
    if not study.targets:
        return "the runs have no target domain; set config.data.targets"
    if not options.baselines:
        return "no line is given; name the methods that give it: --baselines=ce"
    for target in study.targets:
        try:
            _line(study, options, target)
        except ValueError as error:
            names = ", ".join(options.baselines)
            return f"{error} ({target!r}); give more runs of {names}, of other fractions or shots, or other --baselines"
    return ""


def _line(study: Study, options: Options, target: str) -> robustness.Line:
    return robustness.fit_line(*_baselines(study, options, target))


def _baselines(study: Study, options: Options, target: str) -> np.ndarray:
    """Returns `[2, m]`: accuracy on the source and on a target, of every run of the baseline methods."""
    settings = [setting for method in options.baselines for setting in study.settings_of(method)]
    return np.concatenate([_accuracies(study, of, study.chosen[of], target) for of in settings], axis=1)


def _accuracies(study: Study, setting: Setting, head: str, target: str) -> np.ndarray:
    """Returns `[2, S]`: accuracy on the source and on a target, of every seed."""
    correct = study.correct(setting, head, (study.source, target))
    return np.stack([correct[study.source].mean(1), correct[target].mean(1)])
