"""Predictions and outcomes: the files of a run that reports read, so that no report needs the model.

`predictions/<domain>.npz` has the logits and log-scores of every test image. `outcomes/<domain>.npz` has only which
images each prediction head gets right, which is a thousandth of the size and all that accuracies and paired tests need.
"""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Mapping

import numpy as np
from scipy.special import log_softmax

from kgv_jax.data.types import SEEN, UNSEEN, VALIDATION
from kgv_jax.run.earlier import current_array
from kgv_jax.run.gzsl_outcome import GzslOutcome, make_gzsl_outcome

HEADS = ("decoder", "density", "combined")


@dataclasses.dataclass(frozen=True)
class Predictions:
    """The output of a trained model for the `n` test images of one domain.

    Attributes:
      id: `[n]` name of each test image.
      group: `[n]` name of the source image that it shows: the unit that intervals resample (`report/stats.py`).
      label: `[n]` int32 true class.
      logits: `[n, C]` float32 of the decoder.
      scores: `[n, C]` float32 log-scores of the classes from the density head; `[n, 0]` without one.
      classes: `[C]` class names.
      also: `[n, K]` int32 further labels that count as right, -1 pads.
      role: `[C]` of each class: `seen`, `unseen` or `validation`.
    """

    id: np.ndarray
    group: np.ndarray
    label: np.ndarray
    logits: np.ndarray
    scores: np.ndarray
    classes: np.ndarray
    also: np.ndarray
    role: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.role is None:
            object.__setattr__(self, "role", np.full(len(self.classes), SEEN))

    def heads(self) -> tuple[str, ...]:
        """Returns the prediction heads that there are."""
        return HEADS if self.scores.shape[-1] else HEADS[:1]

    def log_probabilities(self, head: str) -> np.ndarray:
        """Returns `[n, C]` of a head. "combined" averages the two others in log space, and does not sum to one."""
        if head == "decoder":
            return log_softmax(self.logits, -1)
        if head == "density":
            return log_softmax(self.scores, -1)
        return 0.5 * (log_softmax(self.logits, -1) + log_softmax(self.scores, -1))

    def correct(self, head: str, *, among: np.ndarray | None = None) -> np.ndarray:
        """Returns `[n]` bool: whether the best class is a right one. `among` `[m]` limits the choice to some labels."""
        log_p = self.log_probabilities(head)
        best = log_p.argmax(-1) if among is None else among[log_p[:, among].argmax(-1)]
        return (best == self.label) | (best[:, None] == self.also).any(-1)

    def present(self) -> np.ndarray:
        """Returns the labels that occur, sorted: of ImageNet-R and -A, 200 of 1,000."""
        return np.unique(np.append(self.label, self.also[self.also >= 0]))

    def save(self, path: pathlib.Path) -> None:
        """Writes an `.npz` of plain arrays."""
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(path, **dataclasses.asdict(self))

    def gzsl_outcome(self, head: str, *, unseen: np.ndarray, seen: np.ndarray) -> GzslOutcome:
        """Returns the GZSL outcome of a head, with these classes as unseen and as seen ones, `[C]` bool each."""
        return make_gzsl_outcome(self.log_probabilities(head), self.label, self.group, unseen=unseen, seen=seen)

    def outcomes(self) -> Outcomes:
        """Returns which images every head gets right, with GZSL outcomes where classes were held out."""
        right = {head: self.correct(head) for head in self.heads()}
        if (self.role == SEEN).all():
            return Outcomes(self.group, right, role=self.role)
        unseen, seen = sides(self.role, self.label)
        gzsl_outcomes = {head: self.gzsl_outcome(head, unseen=unseen, seen=seen) for head in self.heads()}
        return Outcomes(self.group, right, gzsl_outcomes, self.role)

    @classmethod
    def load(cls, path: pathlib.Path) -> Predictions:
        """Reads what `save` wrote."""
        with np.load(path, allow_pickle=False) as arrays:
            kept = {current_array(name): arrays[name] for name in arrays.files}
        # Files from earlier versions have one right label per image, and no roles of classes.
        kept.setdefault("also", np.zeros((len(kept["label"]), 0), np.int32))
        kept.setdefault("role", None)
        return cls(**{field.name: kept[field.name] for field in dataclasses.fields(cls)})


def sides(role: np.ndarray, label: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the unseen and the seen classes of a domain, `[C]` bool each.

    A domain with images of validation classes is the held-out one that `gamma` is chosen on: there the validation
    classes play the part of unseen ones. In every other domain the unseen classes are tested.

    Args:
      role: `[C]` of each class.
      label: `[n]` of the domain's images.
    """
    chooses = (role[label] == VALIDATION).any()
    return role == (VALIDATION if chooses else UNSEEN), role == SEEN


@dataclasses.dataclass(frozen=True)
class Outcomes:
    """Which answers are right: all that accuracies, paired tests and seen-unseen curves need.

    Attributes:
      group: `[n]` name of the source image that each test image shows.
      right: head -> `[n]` bool.
      gzsl_outcomes: head -> its GZSL outcome, where classes were held out.
      role: `[C]` of each class; None: the file is from a version that did not write it.
    """

    group: np.ndarray
    right: Mapping[str, np.ndarray]
    gzsl_outcomes: Mapping[str, GzslOutcome] = dataclasses.field(default_factory=dict)
    role: np.ndarray | None = None

    def heads(self) -> tuple[str, ...]:
        """Returns the prediction heads that there are."""
        return tuple(head for head in HEADS if head in self.right)

    def correct(self, head: str) -> np.ndarray:
        """Returns `[n]` bool: whether the best class is a right one."""
        return self.right[head]

    def arrays(self) -> dict[str, np.ndarray]:
        """Returns name -> array, as a file holds them."""
        found = {"group": self.group, **self.right} | ({} if self.role is None else {"role": self.role})
        for head, gzsl_outcome in self.gzsl_outcomes.items():
            found |= {f"{head}.{name}": array for name, array in vars(gzsl_outcome).items()}
        return found

    def save(self, path: pathlib.Path) -> None:
        """Writes an `.npz` of plain arrays."""
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(path, **self.arrays())

    @classmethod
    def load(cls, path: pathlib.Path) -> Outcomes:
        """Reads what `save` wrote."""
        fields = [field.name for field in dataclasses.fields(GzslOutcome)]
        with np.load(path, allow_pickle=False) as arrays:
            kept = {current_array(name): arrays[name] for name in arrays.files}
        heads = [head for head in HEADS if head in kept]
        gzsl_outcomes = {
            head: GzslOutcome(**{name: kept[f"{head}.{name}"] for name in fields})
            for head in heads
            if f"{head}.margin" in kept
        }
        return cls(kept["group"], {head: kept[head] for head in heads}, gzsl_outcomes, kept.get("role"))
