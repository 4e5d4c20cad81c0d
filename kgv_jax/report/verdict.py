"""What the knowledge graph bought, in one sentence: the end of a demonstration.

Two controls on the same images say it. `ce` learns from labels alone. `shuffled_kg_compose` has the same graph with its
facts permuted over the classes, so it has everything but true facts; whatever the method gains over it is due to what
the facts say. Both gains are paired differences with 95 % intervals (`report/stats.py`), averaged over the target
domains.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from kgv_jax.report.paired import paired_gain
from kgv_jax.report.runs import make_study, open_run
from kgv_jax.report.study import Setting, Study
from kgv_jax.report.summary import accuracy_table, summarise
from kgv_jax.report.table import Table
from kgv_jax.util.errors import UserError

METHOD = "kgv_compose"
# Control -> what it stands for.
CONTROLS = {"ce": "labels alone", "shuffled_kg_compose": "wrong facts"}

Folders = Mapping[str, str | os.PathLike]


def verdict(difference: float, low: float, high: float, *, against: str, metric_unit: str = "points") -> str:
    """Returns what an interval allows to say of a difference, as the end of a sentence "the method is ...".

    >>> verdict(0.042, 0.011, 0.073, against="ce")
    '4.2 points above ce (95 % interval +1.1 to +7.3)'
    >>> verdict(0.01, -0.02, 0.04, against="ce")
    'not significantly different from ce (+1.0 points, 95 % interval -2.0 to +4.0): too few images or seeds to say'

    Args:
      difference: of two shares, such as accuracies.
      low: lower end of its 95 % interval.
      high: upper end.
      against: what the difference is to.
      metric_unit: name of a hundredth.
    """
    interval = f"95 % interval {100 * low:+.1f} to {100 * high:+.1f}"
    if low <= 0 <= high:
        return (
            f"not significantly different from {against} ({100 * difference:+.1f} {metric_unit}, {interval}): "
            "too few images or seeds to say"
        )
    return f"{100 * abs(difference):.1f} {metric_unit} {'above' if difference > 0 else 'below'} {against} ({interval})"


def demo_verdict(runs: Study | Folders) -> str:
    """Returns one sentence: what `kgv_compose` gains over `ce` and over wrong facts on the mean over target domains.

    Args:
      runs: a study of one amount of data, or method -> the folder of its run.

    Raises:
      UserError: a method or every target domain is missing, or the runs cannot be compared.
    """
    study = _study(runs)
    if not study.targets:
        raise UserError(
            f"The runs were tested on {study.source!r} alone, where they were trained; set config.data.targets."
        )
    method = _setting(study, METHOD)
    head = study.chosen[method]
    found = []
    for control, meaning in CONTROLS.items():
        gain = paired_gain(study, method, head, _setting(study, control), study.targets)
        mean, low, high, _ = gain.difference
        found.append(verdict(mean, low, high, against=f"{control} ({meaning})"))
    images = sum(len(set(group.tolist())) for group in study.groups(study.targets).values())
    seeds = len(study.runs[method])
    return (
        f"On the mean over {_count(len(study.targets), 'target domain')} ({_count(images, 'source image')}, "
        f"{_count(seeds, 'seed')}), the accuracy of {METHOD} is {found[0]}; and it is {found[1]}."
    )


def demo_table(runs: Study | Folders) -> Table:
    """Returns a row per method, with accuracy and 95 % interval per domain and on the mean over targets.

    Args:
      runs: a study, or method -> the folder of its run.
    """
    study = _study(runs)
    chosen = [row for row in summarise(study) if row["chosen"]]
    return accuracy_table(chosen, source=study.source, title="Accuracy in percent, with 95 % intervals")


def _study(runs: Study | Folders) -> Study:
    if isinstance(runs, Study):
        return runs
    return make_study([open_run(folder, name=method) for method, folder in runs.items()])


def _setting(study: Study, method: str) -> Setting:
    (setting, *others) = study.settings_of(method)
    if others:
        raise UserError(f"There are runs of {method} with several amounts of data; name those of one.")
    return setting


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
