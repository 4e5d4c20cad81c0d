"""`kgv demo`: three methods on a few road signs, one table, and one sentence on what the knowledge bought.

Cross-entropy, KGV with composed signs, and the same with the facts of the classes dealt to other classes: what the
second gains over the third is due to what the graph says, and not to the images and the loss that come with it. The
runs follow each other in one process, so that compiled programs and rendered views serve all three.
"""

from __future__ import annotations

import dataclasses
import logging
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from kgv_jax.compare import claim_all
from kgv_jax.config import schema
from kgv_jax.config.flags import Options, require_config
from kgv_jax.report.runs import RunKey, make_comparison
from kgv_jax.report.summary import chosen_only, summarise, summary_tables
from kgv_jax.report.table import TARGETS, print_tables
from kgv_jax.run.workdir import Workdir

METHOD, CONTROLS = "kgv_compose", ("ce", "shuffled_kg_compose")
# The method that shares its programs with the last one comes before it.
METHODS = (CONTROLS[0], METHOD, CONTROLS[1])

_log = logging.getLogger(__name__)


def run(options: Options) -> None:
    """Trains what is not finished, and prints the table, the sentence and what to type next."""
    values = require_config(options)
    root = pathlib.Path(options.workdir).absolute()
    keys = [RunKey(method, 1.0, 0) for method in METHODS]
    claim_all(keys, root, values.to_dict())
    _train_all(keys, root, values.to_dict())

    records = [record for key in keys for record in Workdir(key.folder(root)).read_results()]
    source = schema.resolve(values).data.source
    domains = list(dict.fromkeys(record["domain"] for record in records))
    targets = [domain for domain in domains if domain != source]
    rows = chosen_only(summarise(make_comparison(keys, root, domains, source=source)))
    table = dataclasses.replace(summary_tables(rows, source=source)[0], title="")
    print_tables([table])
    (row,) = (row for row in rows if row["method"] == METHOD and row["domain"] == TARGETS)
    print(conclusion(row["versus"], targets))
    print("\n" + next_commands(options.workdir, targets, options.config_arguments))


def _train_all(keys: Sequence[RunKey], root: pathlib.Path, values: Mapping[str, Any]) -> None:
    todo = [key for key in keys if Workdir(key.folder(root)).read_results() is None]
    if not todo:
        return
    from kgv_jax import train
    from kgv_jax.parallel import distributed

    distributed.start()
    once = _Once()
    handlers = logging.getLogger().handlers
    for handler in handlers:
        handler.addFilter(once)
    try:
        for key in todo:
            _log.info("Run %d of %d: %s.", keys.index(key) + 1, len(keys), key.method)
            config = schema.resolve({**values, **key.settings()})
            train.train_and_evaluate(config, Workdir(key.folder(root)))
    finally:
        for handler in handlers:
            handler.removeFilter(once)


class _Once(logging.Filter):
    """Lets every note through once: runs of one data set and graph would repeat the same notes."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        note = record.getMessage()
        is_new = note not in self._seen
        self._seen.add(note)
        return is_new


def conclusion(versus: Mapping[str, Mapping[str, float]], targets: Sequence[str]) -> str:
    """Returns what the knowledge bought and how sure that is, given the paired differences to both controls."""
    plain, shuffled = (versus[control] for control in CONTROLS)
    domains = " and ".join((", ".join(targets[:-1]), targets[-1])) if len(targets) > 1 else targets[0]
    return (
        f"On the mean over {domains}, {METHOD} is {_points(plain)} against {CONTROLS[0]} and {_points(shuffled)} "
        f"against {CONTROLS[1]}, whose facts are wrong: {_reading(plain, shuffled)} "
        "(95 % intervals over source images, one seed)."
    )


def _points(difference: Mapping[str, float]) -> str:
    mean, low, high = (100 * difference[name] for name in ("mean", "low", "high"))
    return f"{mean:+.1f} points [{low:+.1f}, {high:+.1f}]"


def _reading(plain: Mapping[str, float], shuffled: Mapping[str, float]) -> str:
    if shuffled["low"] > 0 and plain["low"] > 0:
        return "the facts of the graph raise accuracy"
    if shuffled["low"] > 0:
        return "right facts beat wrong ones, but a gain over training without a graph is not established"
    if shuffled["high"] < 0:
        return "right facts do worse than wrong ones"
    if plain["low"] > 0:
        return "the method gains, but that right facts are the reason is not established"
    return "a gain from the facts of the graph is not established"


def next_commands(workdir: str, targets: Sequence[str], config_arguments: Sequence[str]) -> str:
    """Returns commands that go on from here."""
    run = f"{workdir}/{METHOD}/fraction1/seed0"
    config = " ".join(config_arguments)
    lines = (
        f"kgv compare {config} --workdir={workdir} --methods={','.join(METHODS)} --seeds=3    # and chance in seeds",
        f"kgv report {workdir}/*/fraction1/seed0 --control={CONTROLS[0]}    # calibration and more of these runs",
        f"kgv explain --workdir={run} --domain={targets[0]}    # where it looks",
        "kgv settings kgv    # what can be set",
    )
    return "\n".join(("Next:", *(f"  {line}" for line in lines)))
