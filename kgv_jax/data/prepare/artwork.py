"""The real sign artwork, fetched once and rendered: `kgv prepare roadsigns`.

Three packages are fetched with their registries' clients and checked by digest. Every image that
`sources/artwork_classes.csv` names is then rendered once. The cache holds `artwork.npy` [n, 96, 96, 4] uint8
RGBA, and `manifest.json` with the class, the file, the package and the licence of each row.
"""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import importlib.resources
import os
import pathlib
import re
import sys
import tempfile

import numpy as np

from kgv_jax.data.decode import decode
from kgv_jax.data.prepare.rendered import cropped, is_prepared, read_rendered, write_rendered
from kgv_jax.util import packages as packages_lib
from kgv_jax.util.cache import cache_dir
from kgv_jax.util.errors import UserError
from kgv_jax.util.packages import Package, from_debian, from_npm, from_pypi

VERSION = "1"
SIZE_PX = 96
COMMAND = "kgv prepare roadsigns"

PACKAGES = (
    from_npm(
        "@rapideditor/mapillary_sprite_source",
        "1.8.0",
        title="mapillary",
        sha256="c45ded5696b2c15740398472a37c217d3a0a27a7642bda6b63de7b8cdd4d3efb",
        folder="package/package_signs/",
        licence="MIT",
    ),
    from_pypi(
        "commonroad-io",
        "2026.1",
        title="commonroad",
        sha256="6f138197081c83884dcca4a0627444552e4e0be66ee9158a88cf69f1bcbe40f5",
        folder="commonroad/visualization/traffic_signs/TrafficSignIDGermany/",
        licence="BSD-3-Clause",
    ),
    from_debian(
        "openclipart-svg",
        title="openclipart",
        sha256="989712d90d57dfa3230049f553bb43b76c30ee4d4b8c5f6e106e33f7db5cbdc5",
        folder="usr/share/openclipart/svg/transportation/roadsigns/",
        licence="public domain",
    ),
)

# Rendered large first, then cropped: a sign may fill only a corner of its sheet.
_SHEET_PX = 512
# Pixels per unit in the program that wrote the clip art, whose files have no viewBox (90 dpi).
_UNITS = {"mm": 90 / 25.4, "cm": 900 / 25.4, "in": 90.0, "pt": 1.25, "pc": 15.0}


@dataclasses.dataclass(frozen=True)
class ArtworkEntry:
    """A row of the reviewed table: a file of a package, its class, and its domain (the drawing convention)."""

    package: str
    file: str
    label: str
    domain: str
    sha256: str

    @property
    def id(self) -> str:
        """Unique and stable: `domain/class/name`."""
        return f"{self.domain}/{self.label}/{pathlib.PurePath(self.file).stem}"


@dataclasses.dataclass(frozen=True)
class Prepared:
    """The cache in memory: `pixels[row[entry.id]]` is a source image, [96, 96, 4] uint8 RGBA."""

    pixels: np.ndarray
    row: dict[str, int]


def read_table() -> tuple[ArtworkEntry, ...]:
    """Returns the reviewed table that kgv_jax carries."""
    table = importlib.resources.files("kgv_jax.data.sources").joinpath("artwork_classes.csv")
    with table.open(encoding="utf-8", newline="") as lines:
        return tuple(
            ArtworkEntry(row["package"], row["file"], row["class"], row["domain"], row["sha256"])
            for row in csv.DictReader(lines)
        )


def artwork_folder(cache: str | os.PathLike | None = None) -> pathlib.Path:
    """Returns the folder of the prepared artwork: `cache`, or one in the user's cache folder."""
    return pathlib.Path(cache) if cache is not None else cache_dir("roadsigns", VERSION)


def open_prepared(folder: pathlib.Path, table: tuple[ArtworkEntry, ...]) -> Prepared:
    """Reads what `prepare_roadsigns` wrote, and checks it.

    Raises:
      UserError: nothing is prepared there, or it is damaged, or it lacks images of the table.
    """
    pixels, entries = read_rendered(folder, "artwork", what="The sign artwork", command=COMMAND)
    ids = [entry["id"] for entry in entries]
    digests = [entry["sha256"] for entry in entries]
    known = dict(zip(ids, digests, strict=True))
    if missing := [entry for entry in table if known.get(entry.id) != entry.sha256]:
        raise UserError(
            f"{folder}: prepared by another version of kgv_jax: {len(missing)} of {len(table)}"
            f" images are not in it, the first is {missing[0].id}. Run `{COMMAND}` again."
        )
    return Prepared(pixels, {name: i for i, name in enumerate(ids)})


def prepare_roadsigns(
    *,
    cache: str | os.PathLike | None = None,
    archives: str | os.PathLike | None = None,
    packages: tuple[Package, ...] = PACKAGES,
    table: tuple[ArtworkEntry, ...] | None = None,
) -> bool:
    """Fetches, checks, renders and caches the sign artwork.

    Args:
      cache: where to; the user's cache folder by default.
      archives: a folder of archives that were downloaded beforehand; nothing is fetched then.
      packages: where the images come from.
      table: the images; the reviewed table by default.

    Returns:
      False if all was prepared already.

    Raises:
      UserError: a client or an archive is missing or fails, or a digest differs.
    """
    table = read_table() if table is None else table
    folder = artwork_folder(cache)
    if is_prepared(folder):
        try:
            open_prepared(folder, table)
            return False
        except UserError as error:
            print(f"{error}\npreparing again ...", file=sys.stderr)

    # One package after another: fetch it, check the files of the table, render them.
    rendered: dict[str, np.ndarray] = {}
    with tempfile.TemporaryDirectory(prefix="kgv_jax_") as scratch:
        for package in packages:
            entries = [entry for entry in table if entry.package == package.name]
            print(f"{package.name}: fetching and rendering {len(entries)} images ...", file=sys.stderr)
            archive = packages_lib.open_archive(package, pathlib.Path(scratch), archives)
            images = packages_lib.read_files(package, archive, {entry.file for entry in entries})
            for entry in entries:
                rendered[entry.id] = _render(entry, images[entry.file], archive, pathlib.Path(scratch))
    write_prepared(folder, table, rendered, {package.name: package.licence for package in packages})
    return True


def _render(entry: ArtworkEntry, data: bytes, archive: pathlib.Path, scratch: pathlib.Path) -> np.ndarray:
    found = hashlib.sha256(data).hexdigest()
    # A package that keeps only its newest revision (Debian's) is accepted if the files of the table are unchanged.
    if found != entry.sha256:
        raise UserError(
            f"{archive}: {entry.file} has SHA-256 {found}, the reviewed image has {entry.sha256}."
            " The package has changed; use the version that kgv_jax/data/prepare/artwork.py names."
        )
    path = scratch / f"image{pathlib.PurePath(entry.file).suffix}"
    path.write_bytes(_plain_svg(data) if path.suffix == ".svg" else data)
    sheet = decode(path, _SHEET_PX)
    sign = cropped(sheet, SIZE_PX)
    if sign is None:
        raise UserError(f"{archive}: {entry.file} renders to nothing. Fetch the package again.")
    return sign


def _plain_svg(svg: bytes) -> bytes:
    """Makes an SVG render alike everywhere.

    A size such as 210mm becomes a plain number, which resvg can read without a viewBox. Text elements are
    dropped, because they depend on the machine's fonts: they are plates and advertisements, while the letters of
    a sign are outlines.
    """

    def plain(match: re.Match[bytes]) -> bytes:
        return match[1] + b'="%g"' % (float(match[2]) * _UNITS[match[3].decode()])

    svg = re.sub(rb"<text\b.*?</text>", b"", svg, flags=re.DOTALL)
    tag = re.search(rb"<svg\b[^>]*>", svg)
    if tag is None:
        return svg
    pattern = rb'(?<![\w:-])(width|height)\s*=\s*"([\d.]+)(mm|cm|in|pt|pc)"'
    return svg[: tag.start()] + re.sub(pattern, plain, tag[0]) + svg[tag.end() :]


def write_prepared(
    folder: pathlib.Path,
    table: tuple[ArtworkEntry, ...],
    rendered: dict[str, np.ndarray],
    licences: dict[str, str],
) -> None:
    """Writes the cache. The manifest is written last, so where it exists the cache is complete.

    Args:
      folder: where to.
      table: what the images are.
      rendered: id of an entry -> [s, s, 4] uint8 RGBA.
      licences: package name -> licence.
    """
    pixels = np.stack([rendered[entry.id] for entry in table])
    described = {
        "version": VERSION,
        "pictures": [
            {
                "id": entry.id,
                "package": entry.package,
                "file": entry.file,
                "sha256": entry.sha256,
                "class": entry.label,
                "domain": entry.domain,
                "licence": licences[entry.package],
            }
            for entry in table
        ],
    }
    write_rendered(folder, "artwork", pixels, described)
