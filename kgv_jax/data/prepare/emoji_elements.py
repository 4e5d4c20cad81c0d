"""Element images of the emoji graph: icons of its tags and categories from general icon sets, with a manifest.

    kgv prepare emoji      # writes these too; a run reads them with synthetic.manifest=emoji

A node's images are the icons whose name is its label, one per icon set. Classes get no images, and neither does a tag
or category that shares its name with a class: a method with element images must not see more labelled images of
classes than a method without. Near copies of an emoji of any style are left out for the same reason.
"""

from __future__ import annotations

import functools
import os
import pathlib
import shutil
import sys
import tempfile
from collections.abc import Sequence

import numpy as np

from kgv_jax.data.fingerprint import fingerprints, near_pairs
from kgv_jax.data.prepare import iconify
from kgv_jax.data.prepare.iconify import icon_set, read_icons
from kgv_jax.data.prepare.rendered import render_on_card, resized
from kgv_jax.data.synthetic_manifest import NAME
from kgv_jax.data.types import SourceImage
from kgv_jax.data.user_renderer import write_images
from kgv_jax.kg.emoji import COMMAND, slug
from kgv_jax.kg.graph import Graph
from kgv_jax.kg.mask import INSTANCE_OF
from kgv_jax.util.cache import cache_dir
from kgv_jax.util.errors import UserError
from kgv_jax.util.packages import Package, open_archive, read_files

VERSION = "1"
SIZE_PX = 72
SETS = (
    icon_set("mdi", "1.2.3", "ddd817a7213f91de51147943915c0cda8c8b818a53c92b5c068cfa9883c6d7ac", "Apache-2.0"),
    icon_set("tabler", "1.2.41", "3bf99af156d28d05568aff524a35ed1ba238df640a7835a5e02e1f8e439685f6", "MIT"),
    icon_set("ph", "1.2.2", "e3a582a047d9829fc7e8842c660d8065e598d1b68bb58cb68e75a1f1e5a614cc", "MIT"),
    icon_set("lucide", "1.2.137", "e74db8c3a55fff55bc82de21268c4bced9f65ff10aacc0d5f3a395b0e93243c3", "ISC"),
    icon_set("fa6-solid", "1.2.4", "082c792eaad4751626438773fa7360cb23f495b687cf2dd01b2b0fccc7f6af8b", "CC-BY-4.0"),
    icon_set("game-icons", "1.2.4", "f5758efb34d91c4f50b941f355f16ee73938625e5996fabc25171288404460a4", "CC-BY-3.0"),
    icon_set(
        "icon-park-outline", "1.2.4", "e4c29776086e46ed7d113b7d44798a36ca74df6dcfb949da142db34714ab7c8a", "Apache-2.0"
    ),
)


def elements_folder() -> pathlib.Path:
    """Returns the folder of the element images in the user's cache folder.

    Raises:
      UserError: nothing is prepared.
    """
    if not (_folder() / NAME).exists():
        raise UserError(
            f"The element images of emoji are not prepared: no {_folder() / NAME}. Run `{COMMAND}` once (7 MB of"
            " packages)."
        )
    return _folder()


def prepare_elements(
    graph: Graph,
    emoji: np.ndarray,
    *,
    archives: str | os.PathLike | None = None,
    sets: Sequence[Package] = SETS,
) -> int:
    """Writes the images and their manifest; returns how many, or 0 if they existed already.

    Args:
      graph: of the emoji.
      emoji: the icons of all styles `[n, s, s, 4]`; near copies of them are left out.
      archives: a folder of archives that were downloaded beforehand; nothing is fetched then.
      sets: icon sets.

    Raises:
      UserError: a client or an archive is missing or fails, or a digest differs.
    """
    if (_folder() / NAME).exists():
        return 0
    wanted = nodes_with_icons(graph)
    with tempfile.TemporaryDirectory(prefix="kgv_jax_") as scratch:
        # Every icon that is named like a wanted node, from every set.
        images = []
        for package in sets:
            print(f"{package.name}: fetching ...", file=sys.stderr)
            files = read_files(package, open_archive(package, pathlib.Path(scratch), archives), iconify.FILES)
            icons = read_icons(files, package, command=COMMAND)
            title = package.name.rpartition("/")[2]
            for name in sorted(wanted.keys() & set(icons.names())):
                card = render_on_card(icons.svg(name), f"{title}-{name}", pathlib.Path(scratch), size_px=SIZE_PX)
                if card is not None:
                    load = functools.partial(resized, card)
                    depicts = tuple((INSTANCE_OF, graph.nodes[node]) for node in wanted[name])
                    images.append(SourceImage(f"{title}/{name}", "elements", None, load, depicts))
    kept = _without_copies(images, emoji)
    print(f"{len(kept)} element images; {len(images) - len(kept)} near copies of emoji are left out",
          file=sys.stderr)  # fmt: skip
    shutil.rmtree(_folder(), ignore_errors=True)
    return write_images(kept, _folder(), size_px=SIZE_PX)


def nodes_with_icons(graph: Graph) -> dict[str, list[int]]:
    """Returns name of an icon -> the tags and categories that it may show, names of classes left out."""
    names: dict[str, list[int]] = {}
    for node in (*graph.nodes_of_type("Tag"), *graph.nodes_of_type("Category")):
        names.setdefault(slug(graph.labels[node]), []).append(node)
    classes = {slug(graph.labels[node]) for node in graph.nodes_of_type("Class")}
    return {name: nodes for name, nodes in names.items() if name not in classes}


def _without_copies(images: Sequence[SourceImage], emoji: np.ndarray) -> list[SourceImage]:
    tested = [SourceImage(str(row), "", None, functools.partial(resized, card)) for row, card in enumerate(emoji)]
    copies = set(near_pairs(fingerprints(images), fingerprints(tested)).first.tolist())
    return [image for row, image in enumerate(images) if row not in copies]


def _folder() -> pathlib.Path:
    return cache_dir("emoji-elements", VERSION)
