"""`python -m kgv_jax.compare`: many methods, amounts of data and seeds; one table an amount, with paired tests.

    python -m kgv_jax.compare --config=configs/roadsigns.py --workdir=DIR --methods=ce,kgv --seeds=3 --fractions=1,0.1
    python -m kgv_jax.compare ... --methods=ce,kgv,dgp,ebv --fractions=1,0.1 --shots=4 --shot_methods=ce,kgv,dgp

Each run is a `kgv_jax.main` process in a folder of its own, `DIR/<method>/fraction<f>/seed<s>` or
`DIR/<method>/shots<k>/seed<s>`, so a comparison that was cut off goes on where it was. `DIR/compare.json` holds the
records of every run and a summary a method, amount of data, domain and head. Everything is read from files of
predictions and outcomes; `--archive=FILE.tar.xz` keeps the latter of all runs for others (`report/archive.py`).
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
from kgv_jax.contest import Contest
from kgv_jax.flags import run_command
from kgv_jax.methods.presets import PRESETS
from kgv_jax.predictions import HEADS, UNSEEN, VALIDATION, Outcomes
from kgv_jax.report import archive, stats
from kgv_jax.report.overview import overview_table
from kgv_jax.report.runs import Setting, choose_head, read_outcomes
from kgv_jax.report.table import TARGETS, Table, chosen_only, markdown, print_tables, summary_tables, summary_text
from kgv_jax.report.zero_shot_study import Trial, ZeroShotStudy
from kgv_jax.util.cores import usable_cores
from kgv_jax.util.errors import UserError, nearest
from kgv_jax.workdir import Workdir

_CONFIG = config_flags.DEFINE_config_file("config", None, "Config file; `FILE.py:artwork` names a variant.")
_WORKDIR = flags.DEFINE_string("workdir", "runs/compare", "Folder of the comparison.")
_METHODS = flags.DEFINE_list("methods", list(PRESETS), "Methods; `NAME:SEEDS` gives one its own number of seeds.")
_SEEDS = flags.DEFINE_integer("seeds", 3, "Seeds of every method.", lower_bound=1)
_FRACTIONS = flags.DEFINE_list("fractions", ["1"], "Shares of the training photographs; may be empty with --shots.")
_SHOTS = flags.DEFINE_list("shots", [], "Numbers of training images of every class, beside the fractions.")
_SHOT_METHODS = flags.DEFINE_list(
    "shot_methods", [], "Methods that --shots is for, `NAME` or `NAME:SEEDS`; empty: those of --methods."
)
_JOBS = flags.DEFINE_integer(
    "jobs", usable_cores(), "Runs at a time, each on its share of the cores.", lower_bound=1
)
_ARCHIVE = flags.DEFINE_string(
    "archive", "", "File `NAME.tar.xz` to write of what the tables are made of (`kgv_jax/report/archive.py`)."
)

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
_ZERO_SHOT_CONTROLS = ("shuffled_kg", "shuffled_kg_compose")  # the first that was run

_log = logging.getLogger("kgv_jax.compare")  # by name: as a command this module is `__main__`


@dataclasses.dataclass(frozen=True, order=True)
class RunKey:
    """One run of a comparison, on a share of the training images or on so many of every class.

    Attributes:
      method: its name.
      fraction: the share; 1 where shots are counted.
      seed: the seed.
      shots: training images of every class; 0: a fraction.
    """

    method: str
    fraction: float
    seed: int
    shots: int = 0

    @property
    def setting(self) -> Setting:
        """What it shares with other seeds."""
        return Setting(self.method, self.fraction, self.shots)

    def folder(self, root: pathlib.Path) -> pathlib.Path:
        """Returns the run's folder."""
        amount = f"shots{self.shots}" if self.shots else f"fraction{self.fraction:g}"
        return root / self.method / amount / f"seed{self.seed}"

    def settings(self) -> dict[str, Any]:
        """Returns what it sets in the config."""
        settings = dataclasses.asdict(self)
        return settings if self.shots else {name: settings[name] for name in ("method", "fraction", "seed")}


def plan(
    methods: Sequence[str],
    fractions: Sequence[str],
    seeds: int,
    *,
    shots: Sequence[str] = (),
    shot_methods: Sequence[str] = (),
) -> list[RunKey]:
    """Returns every run, seed by seed, so that a comparison cut off has whole seeds of all methods.

    Args:
      methods: `NAME` or `NAME:SEEDS`.
      fractions: shares of the training images, for all of `methods`.
      seeds: of the methods that do not say.
      shots: numbers of training images of every class.
      shot_methods: whom `shots` is for, written like `methods`, with the same seeds unless they say; empty: `methods`.

    Raises:
      UserError: a method is not known, a number is none, or nothing is asked for.
    """
    counts = _seeds_of(methods, "--methods", seeds)
    shot_counts = _seeds_of(shot_methods, "--shot_methods", seeds, counts) if shot_methods else counts
    if not (counts or shot_counts):
        raise UserError(f"--methods is empty; expected NAME or NAME:SEEDS of {', '.join(PRESETS)}.")
    try:
        shares = [float(fraction) for fraction in fractions]
    except ValueError as error:
        raise UserError(f"--fractions is {','.join(fractions)}; expected numbers, such as 1,0.1.") from error
    if bad := [text for text in shots if not text.isdecimal() or not int(text)]:
        raise UserError(f"--shots has {bad[0]!r}; expected whole numbers from 1 on, such as 1,4.")
    if shot_methods and not shots:
        raise UserError("--shot_methods is given without --shots; say how many images of a class: --shots=4.")
    amounts = [(share, 0, counts) for share in shares] + [(1.0, int(text), shot_counts) for text in shots]
    if not amounts:
        raise UserError("--fractions and --shots are both empty; expected an amount of data, such as --fractions=1.")
    keys = [
        RunKey(method, share, seed, number)
        for seed in range(max([*counts.values(), *shot_counts.values()]))
        for share, number, of in amounts
        for method in of
        if seed < of[method]
    ]
    return list(dict.fromkeys(keys))


def _seeds_of(entries: Sequence[str], flag: str, seeds: int, known: Mapping[str, int] | None = None) -> dict[str, int]:
    """Returns method -> number of its seeds, of `NAME:SEEDS` or `NAME`, which has those of `known`, else `seeds`."""
    counts: dict[str, int] = {}
    for entry in entries:
        method, _, own = entry.partition(":")
        if method not in PRESETS:
            raise UserError(f"{flag} names {method!r}{nearest(method, PRESETS)}; known: {', '.join(PRESETS)}.")
        if own and not (own.isdecimal() and int(own)):
            raise UserError(f"{flag} has {entry!r}; expected NAME or NAME:SEEDS, SEEDS from 1, such as {method}:5.")
        counts[method] = int(own) if own else (known or {}).get(method, seeds)
    return counts


def claim_all(keys: Sequence[RunKey], root: pathlib.Path, values: Mapping[str, Any]) -> None:
    """Claims every run's folder for the config it will have, so that no result of another config is taken for it.

    Raises:
      UserError: a folder holds a run of another config; the differences are listed. Or the config counts shots itself.
    """
    if values.get("shots") and any(key.shots for key in keys):
        raise UserError(
            f"config.shots is {values['shots']} with --shots, and the runs of --fractions would have them too; leave "
            "config.shots at 0."
        )
    for key in keys:
        Workdir(key.folder(root)).claim(config_schema.resolve({**values, **key.settings()}))


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
                _log.info("%d/%d %s; %.0f min left", number, len(todo), key.folder(pathlib.Path()), left)
        except BaseException:
            for future in futures:
                future.cancel()
            raise


def _run_one(key: RunKey, root: pathlib.Path, config_arguments: Sequence[str], cores: Sequence[int]) -> None:
    folder = key.folder(root)
    folder.mkdir(parents=True, exist_ok=True)
    command = [
        sys.executable, "-m", "kgv_jax.main", *config_arguments, f"--workdir={folder}",
        *(f"--config.{name}={value}" for name, value in key.settings().items()),
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
    """What every run got right, read once, and who has which seeds."""

    def __init__(self, keys: Sequence[RunKey], root: pathlib.Path, domains: Sequence[str]) -> None:
        self.root = root
        self.runs: dict[Setting, dict[int, RunKey]] = {}
        for key in keys:
            self.runs.setdefault(key.setting, {})[key.seed] = key
        self.loaded = {(key, domain): self._load(key, domain) for key in keys for domain in domains}
        self.groups = {domain: self.loaded[keys[0], domain].picture for domain in domains}
        self.chosen = {setting: self._choose(setting) for setting in self.runs}

    def _has(self, key: RunKey, domain: str) -> bool:
        workdir = Workdir(key.folder(self.root))
        return any((folder / f"{domain}.npz").exists() for folder in (workdir.outcomes, workdir.predictions))

    def _load(self, key: RunKey, domain: str) -> Outcomes:
        return read_outcomes(Workdir(key.folder(self.root)), domain)

    def heads(self, setting: Setting) -> tuple[str, ...]:
        """Returns the heads that a setting has."""
        return next(p.heads() for (key, _), p in self.loaded.items() if key.setting == setting)

    def correct(self, setting: Setting, head: str, domain: str, seeds: Sequence[int]) -> np.ndarray:
        """Returns `[S, n]` bool."""
        return np.stack([self.loaded[self.runs[setting][seed], domain].correct(head) for seed in seeds])

    def contest(self, key: RunKey, domain: str, head: str) -> Contest:
        """Returns how unseen classes do against seen ones.

        Raises:
          UserError: the run's outcomes do not say.
        """
        outcomes = self.loaded[key, domain] if domain != VALIDATION else self._load(key, domain)
        if head in outcomes.contests:
            return outcomes.contests[head]
        folder = key.folder(self.root)
        raise UserError(
            f"{folder / 'outcomes' / domain}.npz, of an earlier version, lacks seen against unseen classes; write it "
            f"again: python -m kgv_jax.main --mode=eval --workdir={folder}."
        )

    def _choose(self, setting: Setting) -> str:
        """Returns the head that is best on the source's held-out drawings; the decoder, if there are none."""
        runs = self.runs[setting].values()
        if not all(self._has(run, VALIDATION) for run in runs):
            return HEADS[0]
        return choose_head([self._load(run, VALIDATION) for run in runs])


def summarise(
    keys: Sequence[RunKey], root: pathlib.Path, *, domains: Sequence[str], targets: Sequence[str]
) -> list[dict[str, Any]]:
    """Returns a summary row for every method, amount of data, head and domain, the mean over targets included.

    Drawings (class x domain) and seeds are resampled, not photographs. `chosen` marks the head that is best
    on the source's held-out drawings; `versus` holds the paired difference to the chosen head of each control.
    """
    comparison = _Comparison(keys, root, domains)
    places = {domain: (domain,) for domain in domains} | ({TARGETS: tuple(targets)} if targets else {})
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
    comparison: _Comparison, setting: Setting, head: str, control: Setting, groups: Mapping[str, np.ndarray]
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


def _zero_shot(keys: Sequence[RunKey], root: pathlib.Path, domains: Sequence[str], source: str) -> list[Table]:
    """Returns the zero-shot tables of the chosen heads; writes those of every head, and the curves, beside the rest."""
    comparison = _Comparison(keys, root, domains)
    role = comparison.loaded[keys[0], source].role
    study = ZeroShotStudy(
        {
            (setting, head): {seed: _trial(comparison, key, head, domains) for seed, key in runs.items()}
            for setting, runs in comparison.runs.items()
            for head in comparison.heads(setting)
        },
        chosen=comparison.chosen,
        source=source,
        classes=(int((role == UNSEEN).sum()), int((role != VALIDATION).sum())),
    )
    methods = {setting.method for setting in comparison.runs}
    control = next((control for control in _ZERO_SHOT_CONTROLS if control in methods), "")
    _, chosen = study.report({setting: (head,) for setting, head in comparison.chosen.items()}, control)
    records, every = study.report({setting: comparison.heads(setting) for setting in comparison.runs}, control)
    pages = ("\n\n".join(map(markdown, tables)) for tables in (chosen, every))
    (root / "zero_shot.md").write_text("## The chosen heads\n\n{}\n\n## Every head\n\n{}\n".format(*pages))
    (root / "zero_shot.json").write_text(json.dumps(records, indent=1) + "\n")
    return chosen


def _trial(comparison: _Comparison, key: RunKey, head: str, domains: Sequence[str]) -> Trial:
    tests = {domain: comparison.contest(key, domain, head) for domain in domains}
    chooses = (comparison.loaded[key, domains[0]].role == VALIDATION).any()
    return Trial(tests, comparison.contest(key, VALIDATION, head) if chooses else None)


def _check_archive(file: pathlib.Path) -> None:
    """Tells before any run what would stop the archive after them all."""
    if not file.name.endswith(".tar.xz") or not file.absolute().parent.is_dir():
        raise UserError(f"--archive is {file}; expected NAME.tar.xz in a folder that is there.")


def main(argv: list[str]) -> None:
    """Runs, summarises, prints."""
    if _CONFIG.value is None:
        raise UserError("--config is missing; name a config file, such as --config=configs/roadsigns.py:artwork.")
    config = config_schema.resolve(_CONFIG.value)
    if _ARCHIVE.value:
        _check_archive(pathlib.Path(_ARCHIVE.value))
    keys = plan(
        _METHODS.value, _FRACTIONS.value, _SEEDS.value, shots=_SHOTS.value, shot_methods=_SHOT_METHODS.value
    )
    root = pathlib.Path(_WORKDIR.value).absolute()
    claim_all(keys, root, _CONFIG.value.to_dict())
    # The runs read the same file and overrides; their method, amount of data and seed come last and win.
    arguments = [argument for argument in sys.argv[1:] if argument.startswith("--config")]
    run_all(keys, root, arguments, jobs=_JOBS.value)
    # Runs of before records told their shots have none.
    records = [{"shots": 0, **record} for key in keys for record in Workdir(key.folder(root)).read_results()]
    # The source is none of them where all of its pictures were trained on.
    domains = list(dict.fromkeys(record["domain"] for record in records))
    targets = [domain for domain in domains if domain != config.data.source]
    summary = summarise(keys, root, domains=domains, targets=targets)
    report: Mapping[str, Any] = {"records": records, "summary": summary}
    (root / "compare.json").write_text(json.dumps(report, indent=1) + "\n")
    overview = overview_table(summary, source=config.data.source)
    chosen, every = (summary_text(rows, source=config.data.source) for rows in (chosen_only(summary), summary))
    page = f"{markdown(overview)}\n\n## The chosen heads\n\n{chosen}\n\n## Every head\n\n{every}\n"
    (root / "compare.md").write_text(page)
    print_tables([overview, *summary_tables(chosen_only(summary), source=config.data.source)])
    if _ARCHIVE.value:
        archive.pack([key.folder(root) for key in keys], root, pathlib.Path(_ARCHIVE.value))
    if config.zero_shot.unseen:
        print_tables(_zero_shot(keys, root, domains, config.data.source))
    print(f"Every head: {root / 'compare.md'}; records and paired tests: {root / 'compare.json'}")


if __name__ == "__main__":
    run_command(main)
