"""The methods as the schema sees them: what each is called, which settings it fixes, and which it brings along.

Each module of `kgv_jax.methods` states its own part in two dictionaries,

    SETTINGS = {"kgv": KgvSettings}
    METHODS = {"kgv": Method(objective=Kgv, about="KGV as in the paper", settings={"synthetic.elements": True})}

and a user's file does the same (`--plugin=FILE.py`). The tables below read them when they are first needed, which
imports JAX; importing this module does not.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from kgv_jax.util.registry import Registry

if typing.TYPE_CHECKING:
    from kgv_jax.config.schema import Config


class Section:
    """A section of the config that methods bring along. Subclasses are frozen dataclasses of `setting(...)` fields."""

    def check(self, config: Config) -> None:
        """Raises a UserError that names the settings, if some that are fine alone do not go together.

        Called for every config, whatever its method: `self` is `config.<name of the section>`.
        """


@dataclasses.dataclass(frozen=True)
class Method:
    """One method: a row of the comparison table.

    Attributes:
      objective: called as `objective(config, graph_arrays, mesh)`; a subclass of `kgv_jax.methods.objective.Objective`.
      about: one line for the table's legend.
      settings: config values that the method fixes, by "section.name".
      defaults: config values that the method sets where the config leaves the schema's default.
      sees: what it sees of the target, such as `photographs`; empty: nothing. Such a row has an advantage over others,
        so `kgv compare` runs it only where it is named.
    """

    objective: Callable[..., Any]
    about: str
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    defaults: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    sees: str = ""

    def __post_init__(self) -> None:
        for name in ("settings", "defaults"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))


METHODS: Registry[Method] = Registry("method", attribute="METHODS", package="kgv_jax.methods", of=Method)
# Name of a section of the config -> its dataclass.
SETTINGS: Registry[type[Section]] = Registry(
    "section of settings", attribute="SETTINGS", package="kgv_jax.methods", of=type
)
