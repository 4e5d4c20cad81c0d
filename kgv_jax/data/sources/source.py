"""What a data set of the table is."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable, Mapping
from types import MappingProxyType

from kgv_jax.data.types import Dataset

# Most data sets hold a share of the source's images out, and many lie in a folder of the user's.
HELD_OUT: Mapping[str, str] = MappingProxyType({"validation_fraction": "validation_fraction"})
FOLDER: Mapping[str, str] = MappingProxyType({"root": "root", **HELD_OUT})


@dataclasses.dataclass(frozen=True)
class Source:
    """An entry of the table of data sets.

    Attributes:
      load: `load(source=..., targets=..., seed=..., **settings)`, which lists the images.
      settings: argument of `load` -> setting of `config.data` that it gets.
      open_classes: whether `load` takes `every_class=True` too, for classes that the targets have and the source lacks.
      elements: returns a folder of element images with a manifest, which preparing the data set writes; None if there
        is none. `config.synthetic.manifest` names it by the data set's name.
    """

    load: Callable[..., Dataset]
    settings: Mapping[str, str]
    open_classes: bool = False
    elements: Callable[[], pathlib.Path] | None = None
