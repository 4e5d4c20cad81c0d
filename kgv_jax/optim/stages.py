"""The stages of training in steps: from which step to which, which terms count, and what is frozen meanwhile.

`config.train.stages` (`config/stages.py`) gives shares of the steps. Every stage has a warm-up and a cosine of its own
(`optim/optimizer.py`). Between stages an objective may change its parameters (`Objective.begin`).
"""

from __future__ import annotations

import dataclasses
import itertools

from kgv_jax.config.schema import Config
from kgv_jax.optim.parameters import ENCODER
from kgv_jax.util.errors import UserError


@dataclasses.dataclass(frozen=True)
class Stage:
    """Steps `[start, stop)` at a peak learning rate.

    Attributes:
      name: for messages.
      start, stop: steps.
      learning_rate: its peak.
      frozen: patterns (`optim/parameters.py`) of what is not trained meanwhile.
      terms: of the objective that count; without any, all do.
      slow: patterns of what is trained at a tenth of the rate.
    """

    name: str
    start: int
    stop: int
    learning_rate: float
    frozen: tuple[str, ...] = ()
    terms: tuple[str, ...] = ()
    slow: tuple[str, ...] = ()


def plan_stages(config: Config) -> tuple[Stage, ...]:
    """Returns the stages of `config.train.stages`; without any, a probe if one is set (LP-FT, arXiv 2202.10054), and
    training.

    Raises:
      UserError: a stage is no longer than its warm-up.
    """
    train, transfer, frozen = config.train, config.transfer, config.transfer.freeze
    if not train.stages:
        probe = min(transfer.probe_steps, train.steps)
        planned = (
            Stage("probe", 0, probe, transfer.probe_learning_rate, (*frozen, ENCODER)),
            Stage("train", probe, train.steps, config.optim.learning_rate, frozen),
        )
        return tuple(stage for stage in planned if stage.stop > stage.start)
    if not train.steps:
        return ()
    # Rounding the running sum of shares, not each share, makes the stages add up to the steps.
    stops = [round(train.steps * share) for share in itertools.accumulate(stage.share for stage in train.stages)]
    stages = []
    for stage, start, stop in zip(train.stages, [0, *stops], stops, strict=False):
        if stop - start <= config.optim.warmup_steps:
            raise UserError(
                f"config.optim.warmup_steps is {config.optim.warmup_steps}; expected less than the {stop - start} "
                f"steps of stage {stage.name!r}, which it warms up."
            )
        rate = config.optim.learning_rate * stage.rate
        stages.append(Stage(stage.name, start, stop, rate, (*frozen, *stage.freeze), stage.terms, stage.slow))
    return tuple(stages)
