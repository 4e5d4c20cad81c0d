"""`kgv prepare icons --graph=GRAPH --types=TYPE --out=DIR`: icons of a graph's nodes from published icon sets.

A node's images are the icons that are named like its label, or like one of its other names (`altLabel`, with commas),
one per name and icon set. They are written with a manifest, which a run reads with `config.synthetic.manifest=DIR`.

An icon of a class is a drawing of that class by another artist. Types choose: icons of nodes that are no classes
(parts, relatives, categories) show a model no more images of its classes than it had.
"""

from __future__ import annotations

import functools
import os
import pathlib
import sys
import tempfile
from collections.abc import Collection, Sequence

from kgv_jax.data.prepare import emoji, emoji_elements, iconify
from kgv_jax.data.prepare.iconify import read_icons
from kgv_jax.data.prepare.rendered import render_on_card, resized
from kgv_jax.data.types import SourceImage
from kgv_jax.data.user_renderer import write_images
from kgv_jax.kg.emoji import slug
from kgv_jax.kg.graph import Graph
from kgv_jax.kg.mask import INSTANCE_OF
from kgv_jax.util.errors import UserError, nearest
from kgv_jax.util.packages import Package, open_archive, read_files

COMMAND = "kgv prepare icons"
SIZE_PX = 128
# General icon sets, then the emoji that are published as icon sets: line art, silhouettes and coloured drawings.
SETS = (*emoji_elements.SETS, *(style.package for style in emoji.STYLES if not style.folder))


def prepare_icons(
    graph: Graph,
    out: str | os.PathLike,
    *,
    types: Collection[str],
    archives: str | os.PathLike | None = None,
    sets: Sequence[Package] = SETS,
    size_px: int = SIZE_PX,
) -> int:
    """Writes the icons of a graph's nodes and their manifest; returns how many there are.

    Args:
      graph: whose labels are looked up.
      out: folder to write to.
      types: types of the nodes.
      archives: a folder of archives that were downloaded beforehand; nothing is fetched then.
      sets: icon sets.
      size_px: side of the images.

    Raises:
      UserError: no node has one of the types, no set has an icon of one, the folder has a manifest already, a client or
        an archive is missing or fails, or a digest differs.
    """
    names = icon_names(graph, types)
    with tempfile.TemporaryDirectory(prefix="kgv_jax_") as scratch:
        images = []
        for package in sets:
            print(f"{package.name}: fetching ...", file=sys.stderr)
            files = read_files(package, open_archive(package, pathlib.Path(scratch), archives), iconify.FILES)
            icons = read_icons(files, package, command=COMMAND)
            title = package.name.rpartition("/")[2]
            for name in sorted(names.keys() & set(icons.names())):
                card = render_on_card(icons.svg(name), f"{title}-{name}", pathlib.Path(scratch), size_px=size_px)
                if card is not None:
                    depicts = tuple((INSTANCE_OF, graph.nodes[node]) for node in names[name])
                    load = functools.partial(resized, card)
                    images.append(SourceImage(f"{title}/{name}", "elements", None, load, depicts))
    if not images:
        raise UserError(
            f"No icon of {len(sets)} sets is named like one of the {len(names)} names of nodes of type"
            f" {', '.join(types)}. Name other types, or add other names as altLabel."
        )
    return write_images(images, out, size_px=size_px)


def icon_names(graph: Graph, types: Collection[str]) -> dict[str, list[int]]:
    """Returns name of an icon -> the nodes of these types that it shows.

    Raises:
      UserError: no node has one of the types.
    """
    if unknown := sorted(set(types) - set(graph.types)):
        known = sorted(filter(None, set(graph.types)))
        raise UserError(
            f"No node of the graph is of type {unknown[0]!r}{nearest(unknown[0], known)}; expected one of"
            f" {', '.join(known)}."
        )
    names: dict[str, list[int]] = {}
    for kind in types:
        for node in graph.nodes_of_type(kind):
            others = graph.attributes.get(node, {}).get("altLabel", "").split(",")
            for name in dict.fromkeys(filter(None, map(slug, (graph.labels[node], *others)))):
                names.setdefault(name, []).append(node)
    return names
