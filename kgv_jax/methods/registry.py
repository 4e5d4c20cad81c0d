"""From a preset's objective to its class."""

from __future__ import annotations

from kgv_jax.config_schema import Config
from kgv_jax.methods.attribute_bce import AttributeBce
from kgv_jax.methods.ce import CrossEntropy
from kgv_jax.methods.kgv import Kgv
from kgv_jax.methods.knowledge import Knowledge
from kgv_jax.methods.objective import Objective
from kgv_jax.methods.presets import PRESETS

OBJECTIVES: dict[str, type[Objective]] = {"ce": CrossEntropy, "attribute_bce": AttributeBce, "kgv": Kgv}


def make_objective(config: Config, knowledge: Knowledge) -> Objective:
    """Returns the objective of the config's method."""
    return OBJECTIVES[PRESETS[config.method].objective](config, knowledge)
