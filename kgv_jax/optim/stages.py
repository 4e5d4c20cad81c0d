"""The stages of training: from which step to which, which terms of the objective count, and what is frozen meanwhile.

    config.train.stages = "align 0.7 terms=reg; head 0.3 terms=ce freeze=encoder/.*,projection/.* rate=2"

A stage has a name, its share of the steps, and may have settings: `terms` of the objective (all, if left out),
patterns of parameters (`optim/parameters.py`) to `freeze`, or to train `slow`, at a tenth of the rate of the others,
and its peak learning `rate` as a multiple of the config's. Each has a warm-up and a cosine of its own. Between stages
an objective may change its parameters (`Objective.begin`).
"""

from __future__ import annotations

import dataclasses
import itertools
import math

from kgv_jax.config.schema import Config, Optim
from kgv_jax.optim.parameters import ENCODER
from kgv_jax.util.errors import UserError, nearest
from kgv_jax.util.lists import split_names

_SETTINGS = ("terms", "freeze", "slow", "rate")
_EXAMPLE = "config.train.stages='align 0.7 terms=reg; head 0.3 terms=ce freeze=encoder/.*'"


@dataclasses.dataclass(frozen=True)
class Stage:
    """Steps `[start, stop)` at a peak learning rate.

    `frozen` holds patterns of `optim.parameters` that are not trained in them, `slow` those that are at a tenth of the
    rate, `terms` what of the objective counts; without any, all does.
    """

    name: str
    start: int
    stop: int
    learning_rate: float
    frozen: tuple[str, ...] = ()
    terms: tuple[str, ...] = ()
    slow: tuple[str, ...] = ()


def plan_stages(config: Config) -> tuple[Stage, ...]:
    """Returns the stages of `config.train.stages`, or a probe, if asked for (LP-FT, arXiv 2202.10054), and training.

    Raises:
      UserError: the text is none of the form above, or a stage is shorter than its warm-up.
    """
    transfer, steps, frozen = config.transfer, config.train.steps, split_names(config.transfer.freeze)
    if config.train.stages and steps:
        return _read(config.train.stages, config.optim, steps, frozen)
    probe = min(transfer.probe_steps, steps)
    planned = (
        Stage("probe", 0, probe, transfer.probe_learning_rate, (*frozen, ENCODER)),
        Stage("train", probe, steps, config.optim.learning_rate, frozen),
    )
    return tuple(stage for stage in planned if stage.stop > stage.start)


def _read(text: str, optim: Optim, steps: int, frozen: tuple[str, ...]) -> tuple[Stage, ...]:
    entries = [entry.split() for entry in text.split(";") if entry.strip()]
    shares = []
    for words in entries:
        try:
            shares.append(float(words[1]))
        except (IndexError, ValueError):
            shares.append(math.nan)
        if not 0 < shares[-1] <= 1:
            raise UserError(f"config.train.stages has {' '.join(words)!r}; expected NAME SHARE, such as {_EXAMPLE}.")
    if not math.isclose(sum(shares), 1, abs_tol=1e-6):
        raise UserError(f"The shares of config.train.stages add up to {sum(shares):g}; expected 1, such as {_EXAMPLE}.")
    ends = [round(steps * share) for share in itertools.accumulate(shares)]
    stages = []
    for words, start, stop in zip(entries, [0, *ends], ends, strict=False):
        if stop - start <= optim.warmup_steps:
            raise UserError(
                f"config.optim.warmup_steps is {optim.warmup_steps}; expected less than the {stop - start} steps of "
                f"stage {words[0]!r}, which it warms up."
            )
        settings = dict(_setting(word) for word in words[2:])
        stages.append(
            Stage(
                name=words[0],
                start=start,
                stop=stop,
                learning_rate=optim.learning_rate * _rate(settings.get("rate", "1")),
                frozen=(*frozen, *split_names(settings.get("freeze", ""))),
                terms=split_names(settings.get("terms", "")),
                slow=split_names(settings.get("slow", "")),
            )
        )
    return tuple(stages)


def _setting(word: str) -> tuple[str, str]:
    key, equals, value = word.partition("=")
    if not equals or key not in _SETTINGS:
        raise UserError(
            f"config.train.stages has {word!r}{nearest(key, _SETTINGS)}; expected {'=, '.join(_SETTINGS)}=, such as "
            f"{_EXAMPLE}."
        )
    return key, value


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = math.nan
    if not 0 <= rate < math.inf:
        raise UserError(f"config.train.stages has rate={text}; expected a number from 0, such as rate=0.1.")
    return rate
