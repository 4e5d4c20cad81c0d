"""`kgv compare`: many methods, amounts of data and seeds; one table per amount, with paired tests.

    kgv compare --config=configs/roadsigns.py --workdir=DIR --methods=ce,kgv --seeds=3 --fractions=1,0.1
    kgv compare ... --methods=ce,kgv,dgp,ebv --fractions=1,0.1 --shots=4 --shot_methods=ce,kgv,dgp

Each run is a `kgv_jax.main` process in a folder of its own, `DIR/<method>/fraction<f>/seed<s>` or
`DIR/<method>/shots<k>/seed<s>`, so a comparison that was cut off goes on where it was. `DIR/compare.json` holds the
records of every run and a summary per method, amount of data, domain and head. Everything is read from files of
predictions and outcomes; `--archive=FILE.tar.xz` keeps the latter of all runs for others (`report/archive.py`).
"""

from __future__ import annotations

import concurrent.futures
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

from kgv_jax.config import schema as config_schema
from kgv_jax.config.flags import Options, require_config
from kgv_jax.config.methods import METHODS
from kgv_jax.report import archive
from kgv_jax.report.costs import cost_table
from kgv_jax.report.gap import gap_records, gap_tables
from kgv_jax.report.runs import RunKey, make_comparison
from kgv_jax.report.summary import (
    chosen_only,
    overview_table,
    summarise,
    summarise_zero_shot,
    summary_tables,
    summary_text,
)
from kgv_jax.report.table import markdown, print_tables
from kgv_jax.run.workdir import Workdir
from kgv_jax.util.errors import UserError, nearest

_log = logging.getLogger(__name__)


def plan(
    methods: Sequence[str],
    fractions: Sequence[str],
    seeds: int,
    *,
    shots: Sequence[str] = (),
    shot_methods: Sequence[str] = (),
    whole_methods: Sequence[str] = (),
) -> list[RunKey]:
    """Returns every run, seed by seed, so that a comparison cut off has whole seeds of all methods.

    Args:
      methods: `NAME` or `NAME:SEEDS`.
      fractions: shares of the training images, for all of `methods`.
      seeds: of the methods that do not say.
      shots: numbers of training images of every class.
      shot_methods: whom `shots` is for, written like `methods`, with the same seeds unless they say; empty: `methods`.
      whole_methods: further methods, written like `methods`, that are run on all training images and on no less.

    Raises:
      UserError: a method is not known, a number is none, or nothing is asked for.
    """
    counts = _seeds_of(methods, "--methods", seeds)
    shot_counts = _seeds_of(shot_methods, "--shot_methods", seeds, counts) if shot_methods else counts
    whole_counts = _seeds_of(whole_methods, "--whole_methods", seeds)
    if not (counts or shot_counts or whole_counts):
        raise UserError(f"--methods is empty; expected NAME or NAME:SEEDS of {', '.join(METHODS)}.")
    try:
        shares = [float(fraction) for fraction in fractions]
    except ValueError as error:
        raise UserError(f"--fractions is {','.join(fractions)}; expected numbers, such as 1,0.1.") from error
    if bad := [text for text in shots if not text.isdecimal() or not int(text)]:
        raise UserError(f"--shots has {bad[0]!r}; expected whole numbers from 1 on, such as 1,4.")
    if shot_methods and not shots:
        raise UserError("--shot_methods is given without --shots; say how many images of a class: --shots=4.")
    amounts = [(share, 0, counts) for share in shares] + [(1.0, int(text), shot_counts) for text in shots]
    amounts += [(1.0, 0, whole_counts)] if whole_counts else []
    if not amounts:
        raise UserError("--fractions and --shots are both empty; expected an amount of data, such as --fractions=1.")
    keys = [
        RunKey(method, share, seed, number)
        for seed in range(max([*counts.values(), *shot_counts.values(), *whole_counts.values()]))
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
        if method not in METHODS:
            raise UserError(f"{flag} names {method!r}{nearest(method, METHODS)}; known: {', '.join(METHODS)}.")
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

    def run_on_share(key: RunKey) -> RunKey:
        share = shares.get()
        try:
            _run_one(key, root, config_arguments, share)
        finally:
            shares.put(share)
        return key

    start = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        futures = [pool.submit(run_on_share, key) for key in todo]
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


def _check_archive(file: pathlib.Path) -> None:
    """Checks before any run that the archive can be written after them all."""
    if not file.name.endswith(".tar.xz") or not file.absolute().parent.is_dir():
        raise UserError(f"--archive is {file}; expected NAME.tar.xz in a folder that is there.")


def _page(chosen: str, every: str) -> str:
    return f"## The chosen heads\n\n{chosen}\n\n## Every head\n\n{every}\n"


def run(options: Options) -> None:
    """Trains what is not finished, summarises, prints."""
    values = require_config(options)
    config = config_schema.resolve(values)
    if options.archive:
        _check_archive(pathlib.Path(options.archive))
    # Without --methods every method that sees nothing of the target.
    every = [name for name, method in METHODS.items() if not method.sees]
    methods = every if options.methods is None else options.methods
    keys = plan(
        methods,
        options.fractions,
        options.seeds,
        shots=options.shots,
        shot_methods=options.shot_methods,
        whole_methods=options.whole_methods,
    )
    root = pathlib.Path(options.workdir).absolute()
    claim_all(keys, root, values.to_dict())
    # The runs read the same file and overrides; their method, amount of data and seed come last and win.
    run_all(keys, root, options.config_arguments, jobs=options.jobs)
    # Records of earlier versions may lack the shots, which means none.
    records = [{"shots": 0, **record} for key in keys for record in Workdir(key.folder(root)).read_results()]
    # The source is not among them where all of its images were trained on.
    domains = list(dict.fromkeys(record["domain"] for record in records))
    study = make_comparison(keys, root, domains, source=config.data.source)
    summary = summarise(study)
    unseen = summarise_zero_shot(study) if config.zero_shot.holds_out else None
    gaps = gap_records(study)
    report: Mapping[str, Any] = {"records": records, "summary": summary, **({"gap": gaps} if gaps else {})}
    (root / "compare.json").write_text(json.dumps(report, indent=1) + "\n")
    overview = overview_table(summary, source=config.data.source)
    chosen, every = (summary_text(rows, source=config.data.source) for rows in (chosen_only(summary), summary))
    extra = [*gap_tables(gaps), *filter(None, [cost_table(study)])]
    page = "\n\n".join([markdown(overview), _page(chosen, every), *map(markdown, extra)])
    (root / "compare.md").write_text(page.rstrip() + "\n")
    print_tables([overview, *summary_tables(chosen_only(summary), source=config.data.source), *extra])
    if options.archive:
        archive.pack([key.folder(root) for key in keys], root, pathlib.Path(options.archive))
    if unseen:
        chosen, every = ("\n\n".join(map(markdown, tables)) for tables in (unseen.chosen, unseen.every))
        (root / "zero_shot.md").write_text(_page(chosen, every))
        (root / "zero_shot.json").write_text(json.dumps(unseen.records, indent=1) + "\n")
        print_tables(unseen.chosen)
    print(f"Every head: {root / 'compare.md'}; records and paired tests: {root / 'compare.json'}")
