"""The stages that training is divided into, as `config.train.stages` lists them.

A config gives a tuple, with one dictionary per stage:

    config.train.stages = (
        {"name": "align", "share": 0.7, "terms": ("reg",)},
        {"name": "head", "share": 0.3, "terms": ("ce",), "freeze": ("encoder/.*", "projection/.*"), "rate": 2.0},
    )

The same as text, for the command line and for presets:

    align 0.7 terms=reg; head 0.3 terms=ce freeze=encoder/.*,projection/.* rate=2

`optim/stages.py` turns shares into steps.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

from kgv_jax.config.setting import setting
from kgv_jax.config.values import read_literal, read_section
from kgv_jax.util.errors import UserError

EXAMPLE = "config.train.stages='align 0.7 terms=reg; head 0.3 terms=ce freeze=encoder/.*'"


@dataclasses.dataclass(frozen=True)
class StageSettings:
    """One stage: its share of the steps, what counts in it and what it trains."""

    name: str = setting("", "name of the stage, in messages and in the log")
    share: float = setting(1.0, "share of the steps; those of all stages add up to 1", low=1e-6, high=1.0)
    terms: tuple[str, ...] = setting((), "terms of the objective that count; empty: all")
    freeze: tuple[str, ...] = setting((), "regular expressions of parameters that are held constant")
    slow: tuple[str, ...] = setting((), "regular expressions of parameters trained at a tenth of the stage's rate")
    rate: float = setting(1.0, "peak learning rate, as a multiple of config.optim.learning_rate", low=0.0)


def read_stages(key: str, value: Any) -> tuple[StageSettings, ...]:
    """Returns the stages of the setting `key`: a list with one entry per stage, or their text.

    Raises:
      UserError: an entry has no name or no share, a setting that stages do not have, or a value out of range; or the
        shares do not add up to 1.
    """
    if isinstance(value, str):
        literal = read_literal(value)
        value = [_from_text(key, entry) for entry in value.split(";") if entry.strip()] if literal is None else literal
    if not isinstance(value, Sequence):
        raise UserError(f"{key} is {value!r}; expected a list with one entry per stage, or text, such as {EXAMPLE}.")
    stages = tuple(_read_stage(f"{key}[{number}]", entry) for number, entry in enumerate(value))
    total = sum(stage.share for stage in stages)
    if stages and not math.isclose(total, 1, abs_tol=1e-6):
        raise UserError(f"The shares of {key} add up to {total:g}; expected 1, such as {EXAMPLE}.")
    return stages


def _read_stage(key: str, entry: Any) -> StageSettings:
    if isinstance(entry, StageSettings):
        entry = dataclasses.asdict(entry)
    stage = read_section(StageSettings, entry, key)
    for name in ("name", "share"):
        if not entry.get(name):
            raise UserError(f"{key} has no {name}; every stage needs one, such as {EXAMPLE}.")
    return stage


def _from_text(key: str, entry: str) -> dict[str, Any]:
    """Returns the settings that `NAME SHARE terms= freeze= slow= rate=` gives; `read_section` checks them."""
    name, *rest = entry.split()
    share, *rest = rest or [""]
    settings: dict[str, Any] = {"name": name, "share": _number(share)}
    if not isinstance(settings["share"], float):
        raise UserError(f"{key} has {entry.strip()!r}; expected NAME SHARE, such as {EXAMPLE}.")
    for word in rest:
        setting_name, equals, value = word.partition("=")
        if not equals:
            raise UserError(f"{key} has {word!r}; expected NAME=VALUE after the share, such as {EXAMPLE}.")
        settings[setting_name] = _number(value) if setting_name == "rate" else value
    return settings


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
