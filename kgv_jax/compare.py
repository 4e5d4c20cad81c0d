"""`python -m kgv_jax.compare`: many methods, fractions and seeds; one table, with paired tests.

    python -m kgv_jax.compare --config=configs/roadsigns.py --workdir=DIR --methods=ce,kgv --seeds=3 --fractions=1,0.1

Each run is a `kgv_jax.main` process in a folder of its own, `DIR/<method>/fraction<f>/seed<s>`, so a
comparison that was cut off goes on where it was. `DIR/compare.json` holds the records of every run and a summary
a method, fraction, domain and head. Everything is read from predictions files.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import itertools
import json
import logging
import os
import pathlib
import queue
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from absl import flags
from ml_collections import config_flags

from kgv_jax import config_schema
from kgv_jax.flags import run_command
from kgv_jax.methods.presets import PRESETS
from kgv_jax.predictions import HEADS, VALIDATION, Predictions
from kgv_jax.report import stats
from kgv_jax.report.protocols import generalised_zero_shot
from kgv_jax.report.protocols.base import Options
from kgv_jax.report.runs import choose_head, make_study, read_run
from kgv_jax.report.table import TARGETS, Table, chosen_only, markdown, print_tables, summary_tables, summary_text
from kgv_jax.util.errors import UserError, nearest
from kgv_jax.workdir import Workdir

_CONFIG = config_flags.DEFINE_config_file("config", None, "Config file; `FILE.py:artwork` names a variant.")
_WORKDIR = flags.DEFINE_string("workdir", "runs/compare", "Folder of the comparison.")
_METHODS = flags.DEFINE_list("methods", list(PRESETS), "Methods; `NAME:SEEDS` gives one its own number of seeds.")
_SEEDS = flags.DEFINE_integer("seeds", 3, "Seeds of every method.", lower_bound=1)
_FRACTIONS = flags.DEFINE_list("fractions", ["1"], "Shares of the training photographs.")
_JOBS = flags.DEFINE_integer(
    "jobs", os.cpu_count() or 1, "Runs at a time, each on its share of the cores.", lower_bound=1
)

CONTROLS = (
    "ce",
    "attribute_bce",
    "attribute_bce_elements",
    "shuffled_kg",
    "attribute_bce_compose",
    "shuffled_kg_compose",
    "ce_compose_labelled",
)
_ZERO_SHOT_CONTROL = "shuffled_kg"

_log = logging.getLogger("kgv_jax.compare")  # by name: as a command this module is `__main__`


@dataclasses.dataclass(frozen=True, order=True)
class RunKey:
    """One run of a comparison."""

    method: str
    fraction: float
    seed: int

    def folder(self, root: pathlib.Path) -> pathlib.Path:
        """Returns the run's folder."""
        return root / self.method / f"fraction{self.fraction:g}" / f"seed{self.seed}"


def plan(methods: Sequence[str], fractions: Sequence[str], seeds: int) -> list[RunKey]:
    """Returns every run, seed by seed, so that a comparison cut off has whole seeds of all methods."""
    counts: dict[str, int] = {}
    for entry in methods:
        method, _, own = entry.partition(":")
        if method not in PRESETS:
            raise UserError(f"--methods names {method!r}{nearest(method, PRESETS)}; known: {', '.join(PRESETS)}.")
        if own and not own.isdecimal():
            raise UserError(f"--methods has {entry!r}; expected NAME or NAME:SEEDS, such as {method}:5.")
        counts[method] = int(own) if own else seeds
    try:
        shares = [float(fraction) for fraction in fractions]
    except ValueError as error:
        raise UserError(f"--fractions is {','.join(fractions)}; expected numbers, such as 1,0.1.") from error
    return [
        RunKey(method, share, seed)
        for seed, share, method in itertools.product(range(max(counts.values())), shares, counts)
        if seed < counts[method]
    ]


def claim_all(keys: Sequence[RunKey], root: pathlib.Path, values: Mapping[str, Any]) -> None:
    """Claims every run's folder for the config it will have, so that no result of another config is taken for it.

    Raises:
      UserError: a folder holds a run of another config; the differences are listed.
    """
    for key in keys:
        Workdir(key.folder(root)).claim(config_schema.resolve({**values, **dataclasses.asdict(key)}))


def run_all(keys: Sequence[RunKey], root: pathlib.Path, config_arguments: Sequence[str], *, jobs: int) -> None:
    """Runs what is not finished, `jobs` at a time.

    Raises:
      UserError: if a run fails; its last lines are shown, and its log's place.
    """
    todo = [key for key in keys if Workdir(key.folder(root)).read_results() is None]
    _log.info("%d runs, %d to do, %d at a time.", len(keys), len(todo), jobs)
    cores = sorted(os.sched_getaffinity(0))
    shares: queue.Queue[list[int]] = queue.Queue()
    for job in range(jobs):
        shares.put(cores[job::jobs] or cores)

    def run(key: RunKey) -> RunKey:
        share = shares.get()
        try:
            _run_one(key, root, config_arguments, share)
        finally:
            shares.put(share)
        return key

    start = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        futures = [pool.submit(run, key) for key in todo]
        try:
            for number, future in enumerate(concurrent.futures.as_completed(futures), 1):
                key = future.result()
                each = (time.monotonic() - start) / number
                left = each * (len(todo) - number) / 60
                _log.info(
                    "%d/%d %s fraction %g seed %d; %.0f min left", number, len(todo), *dataclasses.astuple(key), left
                )
        except BaseException:
            for future in futures:
                future.cancel()
            raise


def _run_one(key: RunKey, root: pathlib.Path, config_arguments: Sequence[str], cores: Sequence[int]) -> None:
    folder = key.folder(root)
    folder.mkdir(parents=True, exist_ok=True)
    command = [
        sys.executable, "-m", "kgv_jax.main", *config_arguments, f"--workdir={folder}",
        f"--config.method={key.method}", f"--config.seed={key.seed}", f"--config.fraction={key.fraction}",
    ]  # fmt: skip
    log = folder / "log.txt"
    # Of this thread; the process inherits it, and XLA sizes its thread pool by the cores it may use.
    os.sched_setaffinity(0, cores)
    with open(log, "a") as file:
        done = subprocess.run(
            command,
            stdout=file,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    if done.returncode:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        raise UserError(f"{key} failed with exit code {done.returncode}; its log {log} ends:\n{tail}")


class _Comparison:
    """The predictions of every run, read once, and who has which seeds."""

    def __init__(self, keys: Sequence[RunKey], root: pathlib.Path, domains: Sequence[str]) -> None:
        self.root = root
        self.seeds: dict[tuple[str, float], list[int]] = {}
        for key in keys:
            self.seeds.setdefault((key.method, key.fraction), []).append(key.seed)
        self.loaded = {(key, domain): self._load(key, domain) for key in keys for domain in domains}
        self.groups = {domain: self.loaded[keys[0], domain].picture for domain in domains}
        self.chosen = {method: self._choose(*method) for method in self.seeds}

    def _load(self, key: RunKey, domain: str) -> Predictions:
        return Predictions.load(Workdir(key.folder(self.root)).predictions / f"{domain}.npz")

    def heads(self, method: str, fraction: float) -> tuple[str, ...]:
        """Returns the heads that a method has."""
        return next(
            p.heads() for (key, _), p in self.loaded.items() if (key.method, key.fraction) == (method, fraction)
        )

    def correct(self, method: str, fraction: float, head: str, domain: str, seeds: Sequence[int]) -> np.ndarray:
        """Returns `[S, n]` bool."""
        return np.stack([self.loaded[RunKey(method, fraction, seed), domain].correct(head) for seed in seeds])

    def _choose(self, method: str, fraction: float) -> str:
        """Returns the head that is best on the source's held-out drawings; the decoder, if there are none."""
        runs = [RunKey(method, fraction, seed) for seed in self.seeds[method, fraction]]
        if not all((Workdir(run.folder(self.root)).predictions / f"{VALIDATION}.npz").exists() for run in runs):
            return HEADS[0]
        held_out = [self._load(run, VALIDATION) for run in runs]
        return choose_head(held_out)


def summarise(
    keys: Sequence[RunKey], root: pathlib.Path, *, source: str, targets: Sequence[str]
) -> list[dict[str, Any]]:
    """Returns a summary row for every method, fraction, head and domain, the mean over targets included.

    Drawings (class x domain) and seeds are resampled, not photographs. `chosen` marks the head that is best
    on the source's held-out drawings; `versus` holds the paired difference to the chosen head of each control.
    """
    comparison = _Comparison(keys, root, (source, *targets))
    places = {domain: (domain,) for domain in (source, *targets)} | ({TARGETS: tuple(targets)} if targets else {})
    rows = []
    for (method, fraction), seeds in comparison.seeds.items():
        for head, (name, domains) in itertools.product(comparison.heads(method, fraction), places.items()):
            groups = {domain: comparison.groups[domain] for domain in domains}
            mine = {domain: comparison.correct(method, fraction, head, domain, seeds) for domain in domains}
            row = {"method": method, "fraction": fraction, "domain": name, "head": head, "seeds": len(seeds)}
            row |= stats.mean_interval_over_domains(mine, groups)._asdict()
            row["chosen"] = comparison.chosen[method, fraction] == head
            row["versus"] = {
                control: _paired(comparison, (method, fraction, head), control, groups)
                for control in CONTROLS
                if control != method and (control, fraction) in comparison.seeds
            }
            rows.append(row)
    return rows


def _paired(
    comparison: _Comparison, mine: tuple[str, float, str], control: str, groups: Mapping[str, np.ndarray]
) -> dict[str, Any]:
    """Returns the difference to the control's chosen head over the seeds that both have."""
    method, fraction, head = mine
    theirs = comparison.seeds[control, fraction]
    seeds = [seed for seed in comparison.seeds[method, fraction] if seed in theirs]
    control_head = comparison.chosen[control, fraction]
    result = stats.paired_difference_over_domains(
        {domain: comparison.correct(method, fraction, head, domain, seeds) for domain in groups},
        {domain: comparison.correct(control, fraction, control_head, domain, seeds) for domain in groups},
        groups,
    )
    return result._asdict() | {"head": control_head, "seeds": len(seeds)}


def _zero_shot(keys: Sequence[RunKey], root: pathlib.Path) -> list[Table]:
    """Returns the zero-shot tables of the chosen heads; writes those of every head, and the curves, beside the rest."""
    runs = [read_run(str(key.folder(root))) for key in keys]
    texts, records = [], []
    for head in ("all", "chosen"):
        study = make_study(runs, head=head)
        compared = any(setting.method == _ZERO_SHOT_CONTROL for setting in study.runs)
        found = generalised_zero_shot.report(study, Options(control=_ZERO_SHOT_CONTROL if compared else ""))
        texts.append("\n\n".join(map(markdown, found.tables)))
        records.append(found.records)
    (root / "zero_shot.json").write_text(json.dumps(records[0], indent=1) + "\n")
    (root / "zero_shot.md").write_text("## The chosen heads\n\n{1}\n\n## Every head\n\n{0}\n".format(*texts))
    return found.tables


def main(argv: list[str]) -> None:
    """Runs, summarises, prints."""
    if _CONFIG.value is None:
        raise UserError("--config is missing; name a config file, such as --config=configs/roadsigns.py:artwork.")
    config = config_schema.resolve(_CONFIG.value)
    keys = plan(_METHODS.value, _FRACTIONS.value, _SEEDS.value)
    root = pathlib.Path(_WORKDIR.value).absolute()
    claim_all(keys, root, _CONFIG.value.to_dict())
    # The runs read the same file and overrides; their method, fraction and seed come last and win.
    arguments = [argument for argument in sys.argv[1:] if argument.startswith("--config")]
    run_all(keys, root, arguments, jobs=_JOBS.value)
    records = [record for key in keys for record in Workdir(key.folder(root)).read_results()]
    targets = list(dict.fromkeys(r["domain"] for r in records if r["domain"] != config.data.source))
    summary = summarise(keys, root, source=config.data.source, targets=targets)
    report: Mapping[str, Any] = {"records": records, "summary": summary}
    (root / "compare.json").write_text(json.dumps(report, indent=1) + "\n")
    texts = [summary_text(rows, source=config.data.source) for rows in (chosen_only(summary), summary)]
    (root / "compare.md").write_text("## The chosen heads\n\n{}\n\n## Every head\n\n{}\n".format(*texts))
    print_tables(summary_tables(chosen_only(summary), source=config.data.source))
    if config.zero_shot.unseen:
        print_tables(_zero_shot(keys, root))
    print(f"Every head: {root / 'compare.md'}; records and paired tests: {root / 'compare.json'}")


if __name__ == "__main__":
    run_command(main)
