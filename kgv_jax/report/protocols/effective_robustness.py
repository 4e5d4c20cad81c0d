"""Effective robustness: each run against the line through the runs of baseline methods."""

from __future__ import annotations

import numpy as np

from kgv_jax.report import robustness, rows
from kgv_jax.report.protocols.base import Options, Result
from kgv_jax.report.rows import label, percent
from kgv_jax.report.runs import Setting, Study
from kgv_jax.util.errors import UserError


def report(study: Study, options: Options) -> Result:
    """Returns the residual of every run on every target, averaged over seeds."""
    baselines = [setting for method in options.baselines for setting in study.settings_of(method)]
    sources = np.concatenate([_accuracies(study, of, study.chosen[of], study.source)[0] for of in baselines])
    columns = {"source": percent(study.source), "target": percent("target"), "line": percent("the line's")}
    columns |= {"effective_robustness": rows.Column("effective robustness", lambda share: f"{100 * share:+.1f}")}
    records = []
    for target in study.targets:
        points = [_accuracies(study, setting, study.chosen[setting], target) for setting in baselines]
        try:
            line = robustness.fit_line(*np.concatenate(points, axis=1))
        except ValueError as error:
            raise UserError(
                f"Effective robustness on {target!r}: {error}. Give more runs of {', '.join(options.baselines)}, of "
                "other fractions or shots, or other --baselines."
            ) from error
        for setting, heads in study.heads.items():
            for head in heads:
                x, y = _accuracies(study, setting, head, target)
                values = {"source": x, "target": y, "line": line.predict(x)}
                values["effective_robustness"] = robustness.effective_robustness(line, x, y)
                means = {key: float(value.mean()) for key, value in values.items()}
                records.append(label(setting, head=head, domain=target) | means | line._asdict())
    spread = f"{100 * sources.min():.1f} to {100 * sources.max():.1f} on {study.source}"
    title = f"Effective robustness against {len(sources)} runs of {', '.join(options.baselines)}, {spread}"
    return Result(records, [rows.tabulate(title, records, ("head", "domain"), columns)])


def _accuracies(study: Study, setting: Setting, head: str, target: str) -> np.ndarray:
    """Returns `[2, S]`: accuracy on the source and on a target, of every seed."""
    correct = study.correct(setting, head, (study.source, target))
    return np.stack([correct[study.source].mean(1), correct[target].mean(1)])


def lacks(study: Study, options: Options) -> str:
    """Says whether baselines and targets are missing."""
    if not study.targets:
        return "the runs have no target domain; set config.data.targets"
    return "" if options.baselines else "no line is given; name the methods that give it: --baselines=ce"
