"""Icon sets in Iconify's format, from npm: all icons of a set in one file, by name.

The format: https://iconify.design/docs/types/iconify-json.html.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from kgv_jax.util.errors import UserError
from kgv_jax.util.packages import Package, from_npm

FILES = ("icons.json", "chars.json")  # icons by name; code points -> name, empty in some sets


class Icons(NamedTuple):
    """An icon set: the content of `icons.json`, and code points -> name of an icon."""

    content: Mapping[str, Any]
    by_code: Mapping[str, str]

    def names(self) -> tuple[str, ...]:
        """Returns the names of the icons, aliases last."""
        return (*self.content["icons"], *self.content.get("aliases", {}))

    def svg(self, name: str) -> bytes:
        """Returns an icon as an SVG file."""
        # An alias is another icon, perhaps mirrored; an alias of an alias may mirror it back.
        flipped, content = False, self.content
        while name not in content["icons"]:
            alias = content["aliases"][name]
            flipped, name = flipped != bool(alias.get("hFlip")), alias["parent"]
        icon = content["icons"][name]
        defaults = {"left": 0, "top": 0, "width": 16, "height": 16}
        left, top, width, height = (icon.get(key, content.get(key, default)) for key, default in defaults.items())
        body = icon["body"]
        if flipped:
            body = f'<g transform="translate({2 * left + width} 0) scale(-1 1)">{body}</g>'
        frame = f'viewBox="{left} {top} {width} {height}" width="{width}" height="{height}"'
        spaces = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
        return f"<svg {spaces} {frame}>{body}</svg>".encode()


def icon_set(name: str, version: str, sha256: str, licence: str) -> Package:
    """Returns the npm package of an icon set."""
    return from_npm(f"@iconify-json/{name}", version, sha256=sha256, folder="package/", licence=licence)


def read_icons(files: Mapping[str, bytes], package: Package, *, command: str) -> Icons:
    """Reads name -> content of `FILES`.

    Raises:
      UserError: they are not what the set publishes; `command` is what to run again.
    """
    try:
        icons = Icons(*(json.loads(files[name]) for name in FILES))
        if not all(isinstance(icon["body"], str) for icon in icons.content["icons"].values()):
            raise ValueError("an icon without a body")
        if not all(alias["parent"] in icons.names() for alias in icons.content.get("aliases", {}).values()):
            raise ValueError("an alias of no icon")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{package.name}: its files are not those of the published version ({error!r}). Delete the archive and run"
            f" `{command}` again."
        ) from error
    return icons
