"""The models by name, each with the settings that it is trained with by default."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from kgv_jax.embed import gaussians, losses
from kgv_jax.embed.complex import complex_
from kgv_jax.embed.distmult import distmult
from kgv_jax.embed.losses import Loss, with_n3
from kgv_jax.embed.model import Model, choose
from kgv_jax.embed.nfe import nfe
from kgv_jax.embed.reciprocal import reciprocal
from kgv_jax.embed.rotate import rotate
from kgv_jax.embed.train import Settings
from kgv_jax.embed.transe import transe
from kgv_jax.embed.transh import transh


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How to train a model: everything but the dimension and the number of epochs.

    Attributes:
      make: the model, with its own options as arguments.
      loss: a name of `losses.LOSSES`.
      loss_settings: arguments of that loss.
      n3: weight of the nuclear 3-norm of the rows, for scores that are products.
      options: arguments of `make`.
      reciprocal: whether relations have inverses of their own.
    """

    make: Callable[..., Model]
    loss: str = "softmax"
    loss_settings: Mapping[str, float] = dataclasses.field(default_factory=dict)
    n3: float = 0.0
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    batch: int = 256
    learning_rate: float = 0.03
    last_rate: float = 0.0
    reciprocal: bool = False

    def model(self) -> Model:
        """Returns the model."""
        model = self.make(**self.options)
        return reciprocal(model) if self.reciprocal else model

    def loss_function(self) -> Loss:
        """Returns the loss."""
        loss = losses.named(self.loss, **self.loss_settings)
        return with_n3(loss, self.n3) if self.n3 else loss

    def settings(self, dim: int, epochs: int) -> Settings:
        """Returns the settings of training."""
        return Settings(dim, epochs, self.batch, self.learning_rate, self.last_rate)

    def behind_convolutions(self) -> Recipe:
        """Returns the recipe of the model behind graph convolutions, whose units larger steps kill (docs/embed.md)."""
        return dataclasses.replace(self, learning_rate=min(self.learning_rate, 0.05))

    def changed(self, *, loss: str | None = None, **changes: Any) -> Recipe:
        """Returns the recipe with other settings; None leaves one as it is. Another loss has its own settings."""
        kept = {name: value for name, value in changes.items() if value is not None}
        if loss not in (None, self.loss):
            kept |= {"loss": choose(loss, losses.LOSSES, "The loss"), "loss_settings": {}}
        return dataclasses.replace(self, **kept)


# Chosen by validation MRR on UMLS, one seed (docs/embed.md). By the runs of benchmarks/results/kge_kept.jsonl, better
# there are transe at 0.1 (worse on Kinships), rotate at 0.3, and transh at 0.1 with L1 and rows of length 1.
RECIPES: dict[str, Recipe] = {
    "transe": Recipe(
        transe,
        loss_settings={"scale": 2.0},
        options={"distance": "l1", "lengths": "sphere"},
    ),
    "transh": Recipe(transh, options={"mean_scale": 0.1}, learning_rate=0.01),
    "distmult": Recipe(distmult, n3=0.03, learning_rate=0.3),
    "complex": Recipe(complex_, n3=0.01, learning_rate=0.3),
    "rotate": Recipe(rotate, learning_rate=0.1),
    "kg2e": Recipe(gaussians.kg2e, learning_rate=0.1),
    "nfe": Recipe(nfe, learning_rate=0.3),
    "kgv": Recipe(gaussians.kgv, learning_rate=0.05),
}


def recipe(name: str) -> Recipe:
    """Returns the recipe of the model `name`."""
    return RECIPES[choose(name, RECIPES, "The model")]
