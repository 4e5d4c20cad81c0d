"""Emoji in eleven styles, fetched once and rendered: `kgv prepare emoji`.

Eleven npm packages are fetched and checked by digest. A class is a concept of which every style has an icon, and whose
icon differs from those of all other concepts in every style. An icon is matched to its concept by its code points, or,
where a package leaves them out, by its name in Unicode or CLDR. Each icon lies on a white card, as it does where emoji
are read: without one, black line art would be invisible on dark backgrounds. The cache holds `emoji.npy`
[n, 72, 72, 4] uint8 RGBA, and `manifest.json` with the class, the style, the package and the licence of each row.
"""

from __future__ import annotations

import collections
import concurrent.futures
import dataclasses
import functools
import hashlib
import os
import pathlib
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from kgv_jax.data.prepare import iconify
from kgv_jax.data.prepare.iconify import icon_set, read_icons
from kgv_jax.data.prepare.rendered import is_prepared, read_rendered, render_on_card, write_rendered
from kgv_jax.kg import emoji as concepts_lib
from kgv_jax.kg.emoji import COMMAND, Concept
from kgv_jax.kg.wordnet import WordNet, find_wordnet
from kgv_jax.util.cache import cache_dir
from kgv_jax.util.cores import usable_cores
from kgv_jax.util.errors import UserError
from kgv_jax.util.packages import Package, from_npm, open_archive, read_files

VERSION = "2"
SIZE_PX = 72


@dataclasses.dataclass(frozen=True)
class Style:
    """One drawing style of emoji and the package of its icons; `family` is the same for styles that share icons."""

    name: str
    family: str
    package: Package
    folder: str = ""  # of a package with one file per icon: `<folder><code>.svg`


_OPENMOJI = from_npm(
    "openmoji",
    "17.0.0",
    sha256="55ee7d13485dec86e9f38c1f3a645a13382d33ff97c0cd845ee824b0aef45e68",
    folder="package/",
    licence="CC-BY-SA-4.0",
)
STYLES = (
    Style("noto", "noto", icon_set(
        "noto", "1.2.9", "3e918d88fc945c0bb3d468dbace6f88caef67f01c9f0e7bcae0915a042e8f1ad", "Apache-2.0")),
    Style("noto_v1", "noto", icon_set(
        "noto-v1", "1.2.5", "2bf62c26c2c2884aa99e90aec942cdaee17a5921f05690694f4978ad4b017c37", "Apache-2.0")),
    Style("twemoji", "twemoji", icon_set(
        "twemoji", "1.2.5", "19046dff7d8707ce96212ec86468b36ac5f8e60409629dd13f809265c6d0ebb7", "CC-BY-4.0")),
    Style("emojione", "emojione", icon_set(
        "emojione", "1.2.3", "26a14f44284407e8bcde91799388dca2bfd91dbcd55a97f425524a1c5b73610e", "CC-BY-4.0")),
    Style("emojione_v1", "emojione", icon_set(
        "emojione-v1", "1.2.3", "6641d59d48a42823fdc2b84e7427e9f302944eb98d2c7d94d6e67c139e7b37b3", "CC-BY-SA-4.0")),
    Style("emojione_monotone", "emojione", icon_set(
        "emojione-monotone", "1.2.1", "40b90004bafb406b59266155ef9b7e1dd67bf2947fc8db8d07388776f4d0d04e", "CC-BY-4.0")),
    Style("fxemoji", "fxemoji", icon_set(
        "fxemoji", "1.2.2", "f3e72b3c59d05e1db03b7e308d55c0d05bd7ba3f625a90da1b79313c12858eef", "Apache-2.0")),
    Style("fluent_flat", "fluent", icon_set(
        "fluent-emoji-flat", "1.2.6", "7d064769dee690815f823bc5bcc511d957198caf9f5edd8dd9c1aa48a6aeb175", "MIT")),
    Style("fluent_contrast", "fluent", icon_set(
        "fluent-emoji-high-contrast", "1.2.6", "0b92d48c90d2200bd499e3cdd09a127ca6a8c8ddefd34c35eb5a1e4994012ae0",
        "MIT")),
    Style("openmoji", "openmoji", _OPENMOJI, "color/svg/"),
    Style("openmoji_black", "openmoji", _OPENMOJI, "black/svg/"),
)  # fmt: skip


def emoji_folder(cache: str | os.PathLike | None = None) -> pathlib.Path:
    """Returns the folder of the prepared icons: `cache`, or one in the user's cache folder."""
    return pathlib.Path(cache) if cache is not None else cache_dir("emoji", VERSION)


def open_emoji(folder: pathlib.Path) -> tuple[np.ndarray, list[dict[str, Any]]]:
    """Returns the icons `[n, 72, 72, 4]` and, for each, a record of its `id, style, family, class, ...`.

    Raises:
      UserError: nothing is prepared there, or it is damaged.
    """
    return read_rendered(folder, "emoji", what="The emoji artwork", command=COMMAND)


def prepare_emoji(
    *,
    cache: str | os.PathLike | None = None,
    archives: str | os.PathLike | None = None,
    styles: Sequence[Style] = STYLES,
    concepts_package: Package = concepts_lib.PACKAGE,
    wordnet: WordNet | None = None,
) -> int:
    """Fetches, checks, renders and caches the icons, and writes the graph.

    Args:
      cache: where to; the user's cache folder by default.
      archives: a folder of archives that were downloaded beforehand; nothing is fetched then.
      styles: the drawing styles, each is a domain.
      concepts_package: the list of concepts, with their names, tags and categories.
      wordnet: where their hypernyms come from; the system's or a fetched one by default.

    Returns:
      How many icons were written, or 0 if all was prepared already.

    Raises:
      UserError: a client or an archive is missing or fails, or a digest differs.
    """
    folder = emoji_folder(cache)
    if is_prepared(folder):
        try:
            open_emoji(folder)
            concepts_lib.graph_path()
            return 0
        except UserError as error:
            print(f"{error}\npreparing again ...", file=sys.stderr)

    # Fetch the packages, and match icons to concepts.
    wordnet = wordnet or find_wordnet(archives=archives)
    with tempfile.TemporaryDirectory(prefix="kgv_jax_") as scratch:
        fetch = functools.partial(_fetch, scratch=pathlib.Path(scratch), archives=archives)
        concepts = concepts_lib.read_concepts(fetch(concepts_package, concepts_lib.FILES))
        icons = {style.name: _icons(style, concepts, fetch) for style in styles}
        for name, found in icons.items():
            print(f"{name}: {len(found)} of {len(concepts)} concepts", file=sys.stderr)

        # Keep concepts that every style has, so that all domains have the same classes; render their icons.
        kept = [concept for concept in concepts if all(concept.code in found for found in icons.values())]
        if not kept:
            raise UserError(f"No concept has an icon in all of {', '.join(icons)}; use the versions that"
                            " kgv_jax/data/prepare/emoji.py names.")  # fmt: skip
        print(f"{len(kept)} of {len(concepts)} concepts have an icon in every style; rendering ...", file=sys.stderr)
        jobs = [(style, concept, icons[style.name][concept.code]) for style in styles for concept in kept]
        with concurrent.futures.ThreadPoolExecutor(usable_cores()) as pool:
            pixels = np.stack(list(pool.map(functools.partial(_render, pathlib.Path(scratch)), jobs)))

    # Leave out concepts that share an icon: no model can distinguish two classes that have the same pixels.
    if alike := _rendered_alike(jobs, pixels):
        print(f"left out, because a style has one icon for several: {', '.join(sorted(alike))}", file=sys.stderr)
    rows = [row for row, (_, concept, _) in enumerate(jobs) if concept.label not in alike]

    # Write the graph of the classes, the pixels and the manifest.
    images = [
        {"id": f"{style.name}/{concept.label}", "style": style.name, "family": style.family, "class": concept.label,
         "code": concept.code, "package": style.package.name, "licence": style.package.licence,
         "sha256": hashlib.sha256(svg).hexdigest()}
        for style, concept, svg in (jobs[row] for row in rows)
    ]  # fmt: skip
    concepts_lib.write_graph([concept for concept in kept if concept.label not in alike], wordnet)
    write_rendered(folder, "emoji", pixels[rows], {"version": VERSION, "pictures": images})
    return len(images)


def _fetch(
    package: Package, files: Sequence[str], *, scratch: pathlib.Path, archives: str | os.PathLike | None
) -> dict[str, bytes]:
    print(f"{package.name}: fetching ...", file=sys.stderr)
    return read_files(package, open_archive(package, scratch, archives), files)


def _icons(style: Style, concepts: Sequence[Concept], fetch: Callable[..., dict[str, bytes]]) -> dict[str, bytes]:
    """Returns code -> SVG of the concepts that a style has icons of."""
    if style.folder:
        files = {f"{style.folder}{concept.code}.svg": concept.code for concept in concepts}
        return {files[name]: svg for name, svg in fetch(style.package, tuple(files)).items()}
    icon_files = read_icons(fetch(style.package, iconify.FILES), style.package, command=COMMAND)
    names = _by_code(concepts, icon_files.by_code) if icon_files.by_code else _by_name(concepts, icon_files.names())
    return {code: icon_files.svg(name) for code, name in names.items()}


def _by_code(concepts: Sequence[Concept], codes: Mapping[str, str]) -> dict[str, str]:
    """Returns code -> icon; a variation selector may be left out."""
    found = {c.code: codes.get(c.code.lower()) or codes.get(c.code.lower().replace("-fe0f", "")) for c in concepts}
    return {code: name for code, name in found.items() if name}


def _by_name(concepts: Sequence[Concept], icons: Sequence[str]) -> dict[str, str]:
    """Returns code -> icon for names that mean one concept only.

    Hyphens do not count, since one package leaves most of them out.
    """
    owners = collections.Counter(key for c in concepts for key in {name.replace("-", "") for name in c.names})
    known = {name.replace("-", ""): name for name in icons}
    found = {}
    for concept in concepts:
        for key in (name.replace("-", "") for name in concept.names):
            if key in known and owners[key] == 1:
                found.setdefault(concept.code, known[key])
    return found


def _render(scratch: pathlib.Path, job: tuple[Style, Concept, bytes]) -> np.ndarray:
    style, concept, svg = job
    pixels = render_on_card(svg, f"{style.name}-{concept.label}", scratch, size_px=SIZE_PX)
    if pixels is None:
        raise UserError(f"{style.package.name}: {concept.label} renders to nothing. Fetch the package again.")
    return pixels


def _rendered_alike(jobs: Sequence[tuple[Style, Concept, bytes]], pixels: np.ndarray) -> set[str]:
    """Returns the labels of concepts whose icon in some style has the very pixels of another concept's."""
    labels: dict[tuple[str, bytes], list[str]] = {}
    for (style, concept, _), image in zip(jobs, pixels, strict=True):
        labels.setdefault((style.name, image.tobytes()), []).append(concept.label)
    return {label for alike in labels.values() if len(alike) > 1 for label in alike}
