"""A study: finished runs grouped by setting, with who is right on which image, read as it is needed.

This is the one model of results that every table is made from. `report/runs.py` makes a study of run folders or of the
runs of a comparison; the protocols, the summary of a comparison and the zero-shot tables read nothing but the study.
"""

from __future__ import annotations

import dataclasses
import functools
import pathlib
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from kgv_jax.config.schema import Config
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

    def label(self, **names: str) -> dict[str, Any]:
        """Returns the part of a record that says what it is about; `names` are a head, a domain and the like."""
        return {"method": self.name, "fraction": self.fraction, "shots": self.shots, **names}


@dataclasses.dataclass(frozen=True)
class Run:
    """A finished run. Its files are read when they are first needed, and kept.

    Attributes:
      folder: where it is.
      setting: what it is compared as.
      seed: its seed.
      domains: those that it was tested on.
    """

    folder: pathlib.Path
    setting: Setting
    seed: int
    domains: tuple[str, ...]
    _read: dict[tuple[str, str], Any] = dataclasses.field(default_factory=dict, repr=False, compare=False)

    @functools.cached_property
    def config(self) -> Config:
        """Its config."""
        workdir = Workdir(self.folder)
        try:
            return workdir.read_config()
        except ValueError as error:  # also of a file that is no JSON
            if not (workdir.path / "config.json").exists():
                raise
            raise UserError(
                f"{workdir.path}: config.json is not of this version: {error} Train again, or leave it out."
            ) from error

    def has(self, domain: str) -> bool:
        """Whether the run has outcomes or predictions of a domain, or of `validation`."""
        workdir = Workdir(self.folder)
        return any((folder / f"{domain}.npz").exists() for folder in (workdir.outcomes, workdir.predictions))

    def predictions(self, domain: str) -> Predictions:
        """Returns the predictions for a domain.

        Raises:
          UserError: the file is missing or damaged.
        """
        key = ("predictions", domain)
        if key not in self._read:
            self._read[key] = _read_predictions(Workdir(self.folder), domain)
        return self._read[key]

    def outcomes(self, domain: str) -> Outcomes:
        """Returns which images of a domain every head gets right."""
        key = ("outcomes", domain)
        if key not in self._read:
            self._read[key] = read_outcomes(Workdir(self.folder), domain)
        return self._read[key]

    def heads(self) -> tuple[str, ...]:
        """Returns the heads that the run has."""
        return self.outcomes(self.domains[0]).heads()


def read_outcomes(workdir: Workdir, domain: str) -> Outcomes:
    """Returns which images of a domain every head gets right; from the predictions, if a run has no such file."""
    file = workdir.outcomes / f"{domain}.npz"
    return Outcomes.load(file) if file.exists() else _read_predictions(workdir, domain).outcomes()


def _read_predictions(workdir: Workdir, domain: str) -> Predictions:
    file = workdir.predictions / f"{domain}.npz"
    again = f"write it again: python -m kgv_jax.main --mode=eval --workdir={workdir.path}."
    if not zipfile.is_zipfile(file):
        raise UserError(f"{file}: {'cut off, or no .npz' if file.exists() else 'no such file'}; {again}")
    try:
        return Predictions.load(file)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise UserError(f"{file}: no predictions file ({error}); {again}") from error


@dataclasses.dataclass(frozen=True)
class Study:
    """Runs tested on the same images, by setting and seed.

    Attributes:
      runs: setting -> seed -> its run, the seeds in order.
      heads: setting -> the heads that are reported.
      chosen: setting -> the head that the source's held-out images choose (`choose_head`).
      source: the domain that was trained on.
      domains: those that were tested. The source is missing where all of its images were trained on.
    """

    runs: Mapping[Setting, Mapping[int, Run]]
    heads: Mapping[Setting, tuple[str, ...]]
    chosen: Mapping[Setting, str]
    source: str
    domains: tuple[str, ...]

    @property
    def targets(self) -> tuple[str, ...]:
        """The domains other than the source."""
        return tuple(domain for domain in self.domains if domain != self.source)

    @property
    def averaged(self) -> dict[str, tuple[str, ...]]:
        """Name -> the domains that a reported accuracy is averaged over: each alone, then all targets."""
        return {domain: (domain,) for domain in self.domains} | ({TARGETS: self.targets} if self.targets else {})

    @property
    def first(self) -> Run:
        """Any run, for what all share."""
        return next(iter(next(iter(self.runs.values())).values()))

    def predictions(self, setting: Setting, domain: str) -> list[Predictions]:
        """Returns a setting's predictions for a domain, one per seed."""
        return [run.predictions(domain) for run in self.runs[setting].values()]

    def each_head(self) -> Iterator[tuple[Setting, str, str, list[Predictions]]]:
        """Yields setting, reported head, domain and the predictions of every seed."""
        for setting, heads in self.heads.items():
            for head in heads:
                for domain in self.domains:
                    yield setting, head, domain, self.predictions(setting, domain)

    def correct(
        self, setting: Setting, head: str, domains: Sequence[str], seeds: Sequence[int] | None = None
    ) -> dict[str, np.ndarray]:
        """Returns domain -> `[S, n]` bool: what each seed, of all or of those given, gets right."""
        runs = [self.runs[setting][seed] for seed in (self.runs[setting] if seeds is None else seeds)]
        return {domain: np.stack([run.outcomes(domain).correct(head) for run in runs]) for domain in domains}

    def groups(self, domains: Sequence[str]) -> dict[str, np.ndarray]:
        """Returns domain -> `[n]` the source image that each test image shows."""
        return {domain: self.first.outcomes(domain).group for domain in domains}

    def control_of(self, setting: Setting, control: str) -> Setting | None:
        """Returns the setting of a control method with the same amount of data; None: no other setting is that."""
        found = dataclasses.replace(setting, method=control)
        return found if found in self.runs and found != setting else None

    def shared_seeds(self, setting: Setting, control: Setting) -> tuple[int, ...]:
        """Returns the seeds that a setting and its control both have, which a paired test is over.

        Raises:
          UserError: they have none.
        """
        mine, theirs = self.runs[setting], self.runs[control]
        if shared := tuple(seed for seed in mine if seed in theirs):
            return shared
        raise UserError(
            f"{setting.name} and the control {control.name} have no seed in common "
            f"({', '.join(map(str, mine))} and {', '.join(map(str, theirs))}); a paired test needs one. Train the "
            "control with the seeds of the method."
        )

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


def choose_head(held_out: Sequence[Outcomes]) -> str:
    """Returns the head that is best on the source's held-out images; the decoder where there are none.

    Choosing on a target would make the comparison of methods a comparison of their luck on it, so no target is read.
    Where classes are held out to choose with, the best head is the one with the largest area under its seen-unseen
    curve, averaged over seeds; else the most accurate one.

    Args:
      held_out: the outcomes on held-out images, one per run; empty: there are none.
    """
    if not held_out:
        return HEADS[0]
    return max(held_out[0].heads(), key=lambda head: np.mean([_worth(of, head) for of in held_out]))


def _worth(held_out: Outcomes, head: str) -> float:
    gzsl_outcome = held_out.gzsl_outcomes.get(head)
    if gzsl_outcome is None or not gzsl_outcome.has_both_sides():
        return float(np.mean(held_out.correct(head)))
    return zero_shot.area_under_curve(zero_shot.seen_unseen_curve(gzsl_outcome))
