"""Tables of what can be chosen by name: methods, data sets, graphs, encoders, losses, renderers.

A table is filled from the modules of one subpackage. Each module states what it adds in a module-level dictionary, such
as `METHODS = {"ce": Method(...)}`, so adding an entry touches that module alone. A user's file adds entries in the same
way (`--plugin=FILE.py`, `kgv_jax/util/plugin.py`). Modules are imported when the table is first read, not before.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar

from kgv_jax.util.errors import UserError, nearest

T = TypeVar("T")


class Registry(Mapping[str, T], Generic[T]):
    """Name -> entry, read from the modules of a subpackage when it is first needed.

    Attributes:
      kind: what the entries are, for messages: "method", "data set".
      attribute: name of the module-level dictionary that holds a module's entries: "METHODS".
    """

    def __init__(self, kind: str, *, package: str, attribute: str) -> None:
        self.kind, self.attribute = kind, attribute
        self._package = package
        self._entries: dict[str, T] | None = None
        self._added: dict[str, T] = {}

    def _read(self) -> dict[str, T]:
        if self._entries is None:
            entries: dict[str, T] = {}
            package = importlib.import_module(self._package)
            for found in sorted(pkgutil.iter_modules(package.__path__), key=lambda module: module.name):
                module = importlib.import_module(f"{self._package}.{found.name}")
                entries |= vars(module).get(self.attribute, {})
            self._entries = entries
        return self._entries | self._added

    def __getitem__(self, name: str) -> T:
        entries = self._read()
        if name not in entries:
            raise UserError(f"There is no {self.kind} {name!r}{nearest(name, entries)}; known: {', '.join(entries)}.")
        return entries[name]

    def __contains__(self, name: object) -> bool:
        return name in self._read()

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())

    def add(self, entries: Mapping[str, T], *, where: str) -> None:
        """Adds the entries of a user's file.

        Args:
          entries: name -> entry.
          where: the file, for messages.

        Raises:
          UserError: a name is taken.
        """
        for name in entries:
            if name in self:
                raise UserError(f"{where} adds the {self.kind} {name!r}, which exists already. Give it another name.")
        self._added |= entries
