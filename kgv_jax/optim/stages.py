"""The stages of training: from which step to which, and what is frozen meanwhile."""

from __future__ import annotations

import dataclasses

from kgv_jax.config_schema import Transfer
from kgv_jax.optim.parameters import ENCODER


@dataclasses.dataclass(frozen=True)
class Stage:
    """Steps `[start, stop)`; `frozen` holds patterns of `optim.parameters` that are not trained in them."""

    name: str
    start: int
    stop: int
    frozen: tuple[str, ...]


def plan_stages(transfer: Transfer, steps: int) -> tuple[Stage, ...]:
    """Returns the stages: if asked for, a probe of the frozen encoder (LP-FT, arXiv 2202.10054); then training."""
    frozen = tuple(pattern.strip() for pattern in transfer.freeze.split(",") if pattern.strip())
    probe = min(transfer.probe_steps, steps)
    stages = (Stage("probe", 0, probe, (*frozen, ENCODER)), Stage("train", probe, steps, frozen))
    return tuple(stage for stage in stages if stage.stop > stage.start)
