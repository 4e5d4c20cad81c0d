"""Runs that are compared: their folders read, grouped into settings, and checked to be about the same photographs."""

from __future__ import annotations

import dataclasses
import pathlib
import zipfile
import zlib
from collections.abc import Mapping, Sequence

import numpy as np

from kgv_jax.config.schema import Config, differences, to_dict
from kgv_jax.data.types import VALIDATION
from kgv_jax.report import zero_shot
from kgv_jax.report.table import TARGETS
from kgv_jax.run.predictions import HEADS, Outcomes, Predictions
from kgv_jax.run.workdir import Workdir
from kgv_jax.util.errors import UserError, nearest


@dataclasses.dataclass(frozen=True, order=True)
class Setting:
    """What runs of one method share that differ in their seed alone."""

    method: str
    fraction: float
    shots: int

    @property
    def name(self) -> str:
        """The method, and the shots if they are limited."""
        return f"{self.method}, {self.shots} shots" if self.shots else self.method


@dataclasses.dataclass(frozen=True)
class Run:
    """A finished run.

    Attributes:
      folder: where it is.
      setting: what it is compared as.
      config: its config.
      predictions: by domain; `validation` too where the run has it.
    """

    folder: pathlib.Path
    setting: Setting
    config: Config
    predictions: Mapping[str, Predictions]


def read_outcomes(workdir: Workdir, domain: str) -> Outcomes:
    """Returns who is right in a domain; of a run of before there were such files, from its predictions."""
    file = workdir.outcomes / f"{domain}.npz"
    return Outcomes.load(file) if file.exists() else Predictions.load(workdir.predictions / file.name).outcomes()


def read_run(text: str) -> Run:
    """Reads the run `FOLDER`, or `NAME=FOLDER`, where the name takes the place of the method's.

    Raises:
      UserError: there is no such folder, no run in it, or the run is not finished.
    """
    name, equals, rest = text.partition("=")
    if not equals or pathlib.Path(text).exists():
        name, rest = "", text
    folder = pathlib.Path(rest)
    if not folder.is_dir():
        there = [str(path) for path in folder.parent.glob("*") if path.is_dir()]
        raise UserError(f"{folder}: no such folder{nearest(str(folder), there)}; name the --workdir of a run.")
    workdir = Workdir(folder)
    if not (folder / "config.json").exists() and (inside := sorted(folder.glob("**/config.json"))):
        raise UserError(
            f"{folder} has no config.json, so no run is there, but there are {len(inside)} runs below it, such as "
            f"{inside[0].parent}; name these."
        )
    config = workdir.read_config()
    results = workdir.read_results()
    if results is None:
        raise UserError(
            f"{folder} has no results.json, so its run is not finished; run its command again: it goes on where it was."
        )
    domains = list(dict.fromkeys(record["domain"] for record in results if record["domain"] != TARGETS))
    files = {domain: workdir.predictions / f"{domain}.npz" for domain in domains}
    held_out = workdir.predictions / f"{VALIDATION}.npz"
    if held_out.exists():
        files[VALIDATION] = held_out
    setting = Setting(name or config.method, config.fraction, config.shots)
    return Run(folder, setting, config, {domain: _load(file, folder) for domain, file in files.items()})


def _load(file: pathlib.Path, folder: pathlib.Path) -> Predictions:
    again = f"write it again: python -m kgv_jax.main --mode=eval --workdir={folder}."
    if not zipfile.is_zipfile(file):
        raise UserError(f"{file}: {'cut off, or no .npz' if file.exists() else 'no such file'}; {again}")
    try:
        return Predictions.load(file)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise UserError(f"{file}: no predictions file ({error}); {again}") from error


@dataclasses.dataclass(frozen=True)
class Study:
    """Runs of the same photographs, by setting, each with its seeds in order.

    Attributes:
      runs: setting -> its runs.
      heads: setting -> the heads that are reported.
      chosen: setting -> the head that the source's held-out drawings choose.
      source: the domain that was trained on.
      targets: the other domains.
    """

    runs: Mapping[Setting, tuple[Run, ...]]
    heads: Mapping[Setting, tuple[str, ...]]
    chosen: Mapping[Setting, str]
    source: str
    targets: tuple[str, ...]

    @property
    def domains(self) -> tuple[str, ...]:
        """The source, then the targets."""
        return (self.source, *self.targets)

    @property
    def first(self) -> Run:
        """Any run, for what all share."""
        return next(iter(self.runs.values()))[0]

    def predictions(self, setting: Setting, domain: str) -> list[Predictions]:
        """Returns a setting's predictions for a domain, one a seed."""
        return [run.predictions[domain] for run in self.runs[setting]]

    def correct(self, setting: Setting, head: str, domains: Sequence[str]) -> dict[str, np.ndarray]:
        """Returns domain -> `[S, n]` bool."""
        return {
            domain: np.stack([predictions.correct(head) for predictions in self.predictions(setting, domain)])
            for domain in domains
        }

    def groups(self, domains: Sequence[str]) -> dict[str, np.ndarray]:
        """Returns domain -> `[n]` the drawing each photograph shows."""
        return {domain: self.first.predictions[domain].group for domain in domains}

    def seeds(self, setting: Setting) -> tuple[int, ...]:
        """Returns the seeds of a setting's runs."""
        return tuple(run.config.seed for run in self.runs[setting])

    def with_seeds(self, seeds: Sequence[int]) -> Study:
        """Returns the study of the runs that have one of some seeds."""
        kept = {setting: tuple(run for run in runs if run.config.seed in seeds) for setting, runs in self.runs.items()}
        return dataclasses.replace(self, runs=kept)

    def shared_seeds(self, setting: Setting, control: Setting) -> tuple[int, ...]:
        """Returns the seeds that both settings have, which a paired test is over."""
        return shared_seeds({setting: self.seeds(setting), control: self.seeds(control)})

    def settings_of(self, method: str) -> list[Setting]:
        """Returns the settings of a method.

        Raises:
          UserError: there is no run of it.
        """
        found = [setting for setting in self.runs if setting.method == method]
        if not found:
            names = list(dict.fromkeys(setting.method for setting in self.runs))
            raise UserError(
                f"There is no run of {method!r}{nearest(method, names)}; the runs are of {', '.join(names)}. "
                "Add its folders, or name another."
            )
        return found


def shared_seeds(seeds: Mapping[Setting, Sequence[int]]) -> tuple[int, ...]:
    """Returns the seeds that a setting and its control have both, given their seeds in this order.

    Raises:
      UserError: they have none.
    """
    (setting, mine), (control, theirs) = seeds.items()
    if shared := tuple(seed for seed in mine if seed in theirs):
        return shared
    raise UserError(
        f"{setting.name} and the control {control.name} have no seed in common "
        f"({', '.join(map(str, mine))} and {', '.join(map(str, theirs))}); a paired test needs one. Train the "
        "control with the seeds of the method."
    )


def make_study(runs: Sequence[Run], *, head: str = "chosen") -> Study:
    """Groups runs by setting, and checks that they can be compared.

    Args:
      runs: in any order.
      head: decoder, density, combined, all there are, or the one chosen on the source's held-out drawings.

    Raises:
      UserError: two runs of one setting have one seed, or runs differ in their photographs or their source, or a
        method does not have the head.
    """
    groups: dict[Setting, dict[int, Run]] = {}
    for run in runs:
        _check_same(runs[0], run)
        same = groups.setdefault(run.setting, {})
        if run.config.seed in same:
            raise UserError(
                f"{same[run.config.seed].folder} and {run.folder} are both {run.setting.name}, seed {run.config.seed}; "
                "leave one out, or give it another name: NAME=FOLDER."
            )
        for twin in same.values():
            _check_settings(twin, run)
        same[run.config.seed] = run
    by_setting = {setting: tuple(same[seed] for seed in sorted(same)) for setting, same in groups.items()}
    chosen = {setting: choose_head(_held_out(of)) for setting, of in by_setting.items()}
    heads = {setting: _heads(setting, of[0], head, chosen[setting]) for setting, of in by_setting.items()}
    source = runs[0].config.data.source
    if source not in runs[0].predictions:
        raise UserError(
            f"{runs[0].folder} was tested on no image of its source {source!r}: it has too few to keep some from "
            "training. Give every class of config.data.source another image; kgv_jax.compare needs none."
        )
    targets = tuple(domain for domain in runs[0].predictions if domain not in (source, VALIDATION))
    return Study(by_setting, heads, chosen, source, targets)


def _held_out(runs: Sequence[Run]) -> list[Outcomes]:
    """Returns the outcomes of every run on the held-out drawings, none if a run lacks them."""
    there = all(VALIDATION in run.predictions for run in runs)
    return [run.predictions[VALIDATION].outcomes() for run in runs] if there else []


def choose_head(held_out: Sequence[Outcomes]) -> str:
    """Returns the head that is best on held-out drawings, given a run's outcomes each; the decoder, without any.

    Where classes are held out to choose with, the best is the one with the largest area under their seen-unseen curve.
    """
    if not held_out:
        return HEADS[0]
    return max(held_out[0].heads(), key=lambda head: np.mean([_worth(of, head) for of in held_out]))


def _worth(held_out: Outcomes, head: str) -> float:
    gzsl_outcome = held_out.gzsl_outcomes.get(head)
    if gzsl_outcome is None or not gzsl_outcome.has_both_sides():
        return float(np.mean(held_out.correct(head)))
    return zero_shot.area_under_curve(zero_shot.seen_unseen_curve(gzsl_outcome))


def _heads(setting: Setting, run: Run, head: str, chosen: str) -> tuple[str, ...]:
    there = next(iter(run.predictions.values())).heads()
    if head == "all":
        return there
    if head == "chosen":
        return (chosen,)
    if head not in there:
        raise UserError(
            f"{setting.name} has no head {head!r}, only {', '.join(there)} ({run.folder}); leave its runs out, or take "
            "--head=chosen."
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
    domains, others = ({*run.predictions} - {VALIDATION} for run in (first, other))
    if domains != others:
        raise UserError(
            f"{pair} differ in their domains: {', '.join(sorted(domains))} and {', '.join(sorted(others))}. Evaluate "
            "both on the same config.data.targets."
        )
    for domain in sorted(domains):
        mine, theirs = first.predictions[domain], other.predictions[domain]
        for field in ("classes", "id", "label", "group", "role"):
            if not np.array_equal(getattr(mine, field), getattr(theirs, field)):
                raise UserError(
                    f"{pair} differ in the {field} of {domain!r}: they saw other photographs. Compare runs of one "
                    "data set, split_seed and test_photographs."
                )
