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

    def __init__(
        self,
        kind: str,
        *,
        attribute: str,
        package: str | None = None,
        entries: Mapping[str, T] | None = None,
        of: type = object,
    ) -> None:
        """Makes a table.

        Args:
          kind, attribute: see the attributes.
          package: the subpackage whose modules state entries; None if `entries` are all there are.
          entries: further entries that are stated here.
          of: what an entry is an instance of; a user's file is checked for it.
        """
        self.kind, self.attribute = kind, attribute
        self._of = of
        self._package = package
        self._stated = dict(entries or {})
        self._entries: dict[str, T] | None = None
        self._added: dict[str, T] = {}

    def _read(self) -> dict[str, T]:
        if self._entries is None:
            entries = dict(self._stated)
            for module in _modules(self._package) if self._package else ():
                stated = vars(module).get(self.attribute, {})
                if stated is self:  # a module that imports the table
                    continue
                if twice := entries.keys() & stated.keys():
                    raise ValueError(f"{module.__name__} states the {self.kind} {sorted(twice)} a second time.")
                entries |= stated
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

    def check(self, entries: Mapping[str, T], *, where: str) -> None:
        """Raises a UserError that names `where`, the user's file with these entries, if one cannot be added."""
        for name, entry in entries.items():
            if not isinstance(entry, self._of):
                found = f"{self.attribute}[{name!r}] is {entry!r} ({type(entry).__name__})"
                raise UserError(f"{where}: {found}; expected an entry of type {self._of.__name__}.")
            if name in self:
                raise UserError(f"{where} adds the {self.kind} {name!r}, which exists already. Give it another name.")

    def add(self, entries: Mapping[str, T], *, where: str) -> None:
        """Adds the entries of a user's file.

        Args:
          entries: name -> entry.
          where: the file, for messages.

        Raises:
          UserError: a name is taken, or an entry is of another type.
        """
        self.check(entries, where=where)
        self._added |= entries


def _modules(package: str) -> Iterator:
    """Imports the modules of a subpackage, in the order of their names."""
    paths = importlib.import_module(package).__path__
    for name in sorted(module.name for module in pkgutil.iter_modules(paths)):
        yield importlib.import_module(f"{package}.{name}")
