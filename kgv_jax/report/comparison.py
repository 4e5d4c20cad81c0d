"""Finished runs of one comparison, known by what they were run as: who got which photograph right."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from kgv_jax.data.types import VALIDATION
from kgv_jax.report.runs import Setting, choose_head, read_outcomes
from kgv_jax.run.gzsl_outcome import GzslOutcome
from kgv_jax.run.predictions import HEADS, Outcomes
from kgv_jax.run.workdir import Workdir
from kgv_jax.util.errors import UserError


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


class Comparison:
    """What every run of a comparison got right, read once, and who has which seeds.

    Attributes:
      root: folder of the comparison.
      domains: those that are tested.
      runs: setting -> seed -> run.
      groups: domain -> `[n]` the drawing that each photograph shows.
      chosen: setting -> the head that is best on the source's held-out drawings; the decoder, if there are none.
    """

    def __init__(self, keys: Sequence[RunKey], root: pathlib.Path, domains: Sequence[str]) -> None:
        """Reads the outcomes of all runs."""
        self.root, self.domains = root, tuple(domains)
        self.runs: dict[Setting, dict[int, RunKey]] = {}
        for key in keys:
            self.runs.setdefault(key.setting, {})[key.seed] = key
        self._outcomes = {(key, domain): self._load(key, domain) for key in keys for domain in domains}
        self.groups = {domain: self._outcomes[keys[0], domain].group for domain in domains}
        self.chosen = {setting: self._choose(setting) for setting in self.runs}

    def has(self, key: RunKey, domain: str) -> bool:
        """Whether a run has outcomes of a domain."""
        workdir = Workdir(key.folder(self.root))
        return any((folder / f"{domain}.npz").exists() for folder in (workdir.outcomes, workdir.predictions))

    def _load(self, key: RunKey, domain: str) -> Outcomes:
        return read_outcomes(Workdir(key.folder(self.root)), domain)

    def heads(self, setting: Setting) -> tuple[str, ...]:
        """Returns the heads that a setting has."""
        return next(p.heads() for (key, _), p in self._outcomes.items() if key.setting == setting)

    def correct(self, setting: Setting, head: str, domain: str, seeds: Sequence[int]) -> np.ndarray:
        """Returns `[S, n]` bool."""
        return np.stack([self._outcomes[self.runs[setting][seed], domain].correct(head) for seed in seeds])

    @property
    def role(self) -> np.ndarray | None:
        """`[C]` of each class; None: outcomes of an earlier version."""
        return next(iter(self._outcomes.values())).role

    def gzsl_outcome(self, key: RunKey, domain: str, head: str) -> GzslOutcome:
        """Returns how unseen classes do against seen ones.

        Raises:
          UserError: the run's outcomes do not say.
        """
        outcomes = self._outcomes[key, domain] if domain != VALIDATION else self._load(key, domain)
        if head in outcomes.gzsl_outcomes:
            return outcomes.gzsl_outcomes[head]
        folder = key.folder(self.root)
        raise UserError(
            f"{folder / 'outcomes' / domain}.npz, of an earlier version, lacks seen against unseen classes; write it "
            f"again: python -m kgv_jax.main --mode=eval --workdir={folder}."
        )

    def _choose(self, setting: Setting) -> str:
        runs = self.runs[setting].values()
        if not all(self.has(run, VALIDATION) for run in runs):
            return HEADS[0]
        return choose_head([self._load(run, VALIDATION) for run in runs])
