"""Studies made of run folders, and the checks that their runs can be compared."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kgv_jax.config.schema import differences, to_dict
from kgv_jax.data.types import VALIDATION
from kgv_jax.report.study import Run, Setting, Study, choose_head
from kgv_jax.report.table import TARGETS
from kgv_jax.run.workdir import Workdir
from kgv_jax.util.errors import UserError, nearest


def read_run(text: str) -> Run:
    """Opens the run `FOLDER`, or `NAME=FOLDER`, where the name takes the place of the method's.

    Raises:
      UserError: there is no such folder, no run in it, or the run is not finished.
    """
    name, equals, rest = text.partition("=")
    return open_run(text) if not equals or pathlib.Path(text).exists() else open_run(rest, name=name)


def open_run(path: str | os.PathLike, *, name: str = "") -> Run:
    """Opens the run in a folder, as its method or as `name`.

    Raises:
      UserError: there is no such folder, no run in it, or the run is not finished.
    """
    folder = pathlib.Path(path)
    if not folder.is_dir():
        there = [str(path) for path in folder.parent.glob("*") if path.is_dir()]
        raise UserError(f"{folder}: no such folder{nearest(str(folder), there)}; name the --workdir of a run.")
    workdir = Workdir(folder)
    if not (folder / "config.json").exists() and (inside := sorted(folder.glob("**/config.json"))):
        raise UserError(
            f"{folder} has no config.json, so no run is there, but there are {len(inside)} runs below it, such as "
            f"{inside[0].parent}; name these."
        )
    unnamed = Run(folder, Setting(name, 1.0, 0), 0, ())
    config = unnamed.config
    results = workdir.read_results()
    if results is None:
        raise UserError(
            f"{folder} has no results.json, so its run is not finished; run its command again: it goes on where it was."
        )
    domains = tuple(dict.fromkeys(record["domain"] for record in results if record["domain"] != TARGETS))
    setting = Setting(name or config.method, config.fraction, config.shots)
    return dataclasses.replace(unnamed, setting=setting, seed=config.seed, domains=domains)


def make_study(runs: Sequence[Run], *, head: str = "chosen") -> Study:
    """Groups runs by setting, and checks that they can be compared.

    Args:
      runs: in any order.
      head: decoder, density, combined, all there are, or the one chosen on the source's held-out images.

    Raises:
      UserError: two runs of one setting have one seed, or runs differ in their images or their source, or a method
        does not have the head, or a predictions file cannot be read.
    """
    groups: dict[Setting, dict[int, Run]] = {}
    for run in runs:
        _check_same(runs[0], run)
        same = groups.setdefault(run.setting, {})
        if run.seed in same:
            raise UserError(
                f"{same[run.seed].folder} and {run.folder} are both {run.setting.name}, seed {run.seed}; "
                "leave one out, or give it another name: NAME=FOLDER."
            )
        for twin in same.values():
            _check_settings(twin, run)
        same[run.seed] = run
    by_setting = {setting: {seed: same[seed] for seed in sorted(same)} for setting, same in groups.items()}
    chosen = _choose_heads(by_setting)
    heads = {setting: _heads(of, head, chosen[setting]) for setting, of in by_setting.items()}
    source = runs[0].config.data.source
    if source not in runs[0].domains:
        raise UserError(
            f"{runs[0].folder} was tested on no image of its source {source!r}: it has too few to keep some from "
            "training. Give every class of config.data.source another image; kgv_jax.compare needs none."
        )
    domains = (source, *(domain for domain in runs[0].domains if domain not in (source, VALIDATION)))
    return Study(by_setting, heads, chosen, source, domains)


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

    def folder(self, root: pathlib.Path) -> pathlib.Path:
        """Returns the run's folder."""
        amount = f"shots{self.shots}" if self.shots else f"fraction{self.fraction:g}"
        return root / self.method / amount / f"seed{self.seed}"

    def settings(self) -> dict[str, Any]:
        """Returns what it sets in the config."""
        settings = dataclasses.asdict(self)
        return settings if self.shots else {name: settings[name] for name in ("method", "fraction", "seed")}


def make_comparison(keys: Sequence[RunKey], root: pathlib.Path, domains: Sequence[str], *, source: str) -> Study:
    """Returns the study of a comparison's runs, with every head they have.

    A comparison has claimed their folders for one config, so nothing is checked, and outcomes files are enough.

    Args:
      keys: the runs, the seeds of a setting in order.
      root: folder of the comparison.
      domains: those that were tested.
      source: the domain that was trained on.
    """
    runs: dict[Setting, dict[int, Run]] = {}
    for key in keys:
        setting = Setting(key.method, key.fraction, key.shots)
        runs.setdefault(setting, {})[key.seed] = Run(key.folder(root), setting, key.seed, tuple(domains))
    heads = {setting: next(iter(of.values())).heads() for setting, of in runs.items()}
    return Study(runs, heads, _choose_heads(runs), source, tuple(domains))


def _choose_heads(runs: Mapping[Setting, Mapping[int, Run]]) -> dict[Setting, str]:
    """Returns setting -> the head that all its runs' held-out images choose; the decoder, if a run lacks them."""
    chosen = {}
    for setting, of in runs.items():
        there = all(run.has(VALIDATION) for run in of.values())
        chosen[setting] = choose_head([run.outcomes(VALIDATION) for run in of.values()] if there else [])
    return chosen


def _heads(runs: Mapping[int, Run], head: str, chosen: str) -> tuple[str, ...]:
    run = next(iter(runs.values()))
    there = run.heads()
    if head == "all":
        return there
    if head == "chosen":
        return (chosen,)
    if head not in there:
        raise UserError(
            f"{run.setting.name} has no head {head!r}, only {', '.join(there)} ({run.folder}); leave its runs out, or "
            "take --head=chosen."
        )
    return (head,)


def _check_settings(first: Run, other: Run) -> None:
    seedless = [to_dict(run.config) | {"seed": 0} for run in (first, other)]
    if found := differences(*seedless):
        raise UserError(
            f"{first.folder} and {other.folder} are both {first.setting.name}, but differ in more than the seed:\n  "
            + "\n  ".join(found)
            + "\nGive one another name: NAME=FOLDER."
        )


def _check_same(first: Run, other: Run) -> None:
    pair = f"{first.folder} and {other.folder}"
    if first.config.data.source != other.config.data.source:
        raise UserError(
            f"{pair} differ in the domain they were trained on, {first.config.data.source!r} and "
            f"{other.config.data.source!r}; compare runs of one source."
        )
    domains, others = ({*run.domains} - {VALIDATION} for run in (first, other))
    if domains != others:
        raise UserError(
            f"{pair} differ in their domains: {', '.join(sorted(domains))} and {', '.join(sorted(others))}. Evaluate "
            "both on the same config.data.targets."
        )
    for domain in sorted(domains):
        mine, theirs = first.predictions(domain), other.predictions(domain)
        for field in ("classes", "id", "label", "group", "role"):
            if not np.array_equal(getattr(mine, field), getattr(theirs, field)):
                raise UserError(
                    f"{pair} differ in the {field} of {domain!r}: they were tested on other images. Compare runs of "
                    "one data set, split_seed and test_views."
                )
