"""Packages that carry sign artwork: fetched with their registry's ordinary client, checked, read in place."""

from __future__ import annotations

import dataclasses
import fnmatch
import hashlib
import io
import lzma
import pathlib
import posixpath
import subprocess
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Collection

from kgv_jax.util.errors import UserError

_CLIENT_SECONDS = 600
_DAMAGE = (zipfile.BadZipFile, tarfile.TarError, lzma.LZMAError, zlib.error)


@dataclasses.dataclass(frozen=True)
class Package:
    """One published package.

    Attributes:
      name: what the table of classes calls it.
      pattern: the archive's file name, `*` where the client or a later revision may differ.
      sha256: digest of the archive.
      revisable: another archive is accepted, since the registry serves only its newest
        revision; the digests of the single pictures decide then.
      folder: where the pictures lie in the archive.
      command: fetches the archive into the current folder.
      remedy: what to do when the client is missing.
      licence: SPDX name, or the package's own words.
    """

    name: str
    pattern: str
    sha256: str
    folder: str
    command: tuple[str, ...]
    remedy: str
    licence: str
    revisable: bool = False


PACKAGES = (
    Package(
        name="mapillary",
        pattern="rapideditor-mapillary_sprite_source-1.8.0.tgz",
        sha256="c45ded5696b2c15740398472a37c217d3a0a27a7642bda6b63de7b8cdd4d3efb",
        folder="package/package_signs/",
        command=("npm", "pack", "--silent", "@rapideditor/mapillary_sprite_source@1.8.0"),
        remedy="install npm (Debian: apt-get install npm)",
        licence="MIT",
    ),
    Package(
        name="commonroad",
        pattern="commonroad_io-2026.1-py3-none-any.whl",
        sha256="6f138197081c83884dcca4a0627444552e4e0be66ee9158a88cf69f1bcbe40f5",
        folder="commonroad/visualization/traffic_signs/TrafficSignIDGermany/",
        command=(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:",
                 "commonroad-io==2026.1"),
        remedy=f"install pip ({sys.executable} -m ensurepip)",
        licence="BSD-3-Clause",
    ),
    Package(
        name="openclipart",
        pattern="openclipart-svg_*_all.deb",
        sha256="989712d90d57dfa3230049f553bb43b76c30ee4d4b8c5f6e106e33f7db5cbdc5",
        folder="usr/share/openclipart/svg/transportation/roadsigns/",
        command=("apt-get", "download", "openclipart-svg"),
        remedy="run this on Debian or Ubuntu after apt-get update",
        licence="public domain",
        revisable=True,
    ),
)


def find_archive(package: Package, folder: pathlib.Path) -> pathlib.Path | None:
    """Returns the package's archive in a folder, the last by name if there are several."""
    matches = fnmatch.filter(sorted(path.name for path in folder.iterdir()), package.pattern)
    return folder / matches[-1] if matches else None


def fetch_archive(
    package: Package, folder: pathlib.Path, *, by_hand: str = "put it into a folder DIR, and add --from DIR"
) -> pathlib.Path:
    """Downloads a package's archive into a folder with the registry's own client.

    Args:
      package: what.
      folder: where to.
      by_hand: for messages, what to do with an archive that was fetched on another machine.

    Raises:
      UserError: the client is missing, fails, or leaves no archive.
    """
    by_hand = f"{package.remedy}, or fetch {package.pattern} on another machine, {by_hand}"
    shown = " ".join(package.command)
    try:
        done = subprocess.run(package.command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, errors="replace", timeout=_CLIENT_SECONDS, check=False)
    except FileNotFoundError as error:
        raise UserError(f"{package.command[0]!r} was not found, and {package.name} is fetched by"
                        f" `{shown}`; {by_hand}.") from error
    except subprocess.TimeoutExpired as error:
        raise UserError(
            f"`{shown}` gave no answer in {_CLIENT_SECONDS} s; try again later: {by_hand}."
        ) from error
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()[-1]
        raise UserError(f"`{shown}` failed with exit code {done.returncode} ({last}); {by_hand}.")
    archive = find_archive(package, folder)
    if archive is None:
        raise UserError(f"`{shown}` ended well, but left no file named {package.pattern}; {by_hand}.")
    return archive


def read_pictures(package: Package, archive: pathlib.Path, files: Collection[str]) -> dict[str, bytes]:
    """Returns the named pictures of a package's archive; nothing is unpacked to disk.

    Raises:
      UserError: the archive is not the published one, is damaged, or lacks a picture.
    """
    data = archive.read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != package.sha256 and not package.revisable:
        raise UserError(f"{archive}: SHA-256 is {found}, but {package.name}'s published archive has"
                        f" {package.sha256}; the file ({len(data)} bytes) is truncated or another version,"
                        " delete it and fetch it again.")
    read = {".whl": _read_zip, ".tgz": _read_tar, ".deb": _read_deb}[archive.suffix]
    try:
        pictures = read(data, {package.folder + file: file for file in files})
    except (*_DAMAGE, EOFError, OSError, ValueError) as error:
        raise UserError(f"{archive}: cannot be unpacked ({error}); delete it and fetch it again.") from error
    if missing := sorted(set(files) - set(pictures)):
        raise UserError(f"{archive}: lacks {len(missing)} of {len(files)} pictures, the first is"
                        f" {package.folder}{missing[0]}; use the version that {package.pattern} names.")
    return pictures


def _read_zip(data: bytes, wanted: dict[str, str]) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = set(archive.namelist())
        return {file: archive.read(member) for member, file in wanted.items() if member in names}


def _read_tar(data: bytes, wanted: dict[str, str]) -> dict[str, bytes]:
    """Reads members in one pass; links (clip art with two titles) to other members in a second one."""
    pictures, links = {}, {}
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for member in archive:
            name = member.name.removeprefix("./")
            if name in wanted and member.isfile():
                pictures[wanted[name]] = archive.extractfile(member).read()
            elif name in wanted and (member.issym() or member.islnk()):
                beside = posixpath.dirname(name) if member.issym() else ""
                target = posixpath.normpath(posixpath.join(beside, member.linkname))
                links.setdefault(target, []).append(wanted[name])
    if links:
        targets = _read_tar(data, {target: target for target in links})
        pictures.update({file: picture for target, picture in targets.items() for file in links[target]})
    return pictures


def _read_deb(data: bytes, wanted: dict[str, str]) -> dict[str, bytes]:
    """Reads a Debian package: an `ar` archive whose member data.tar.* holds the files."""
    if not data.startswith(b"!<arch>\n"):
        raise ValueError(f"a Debian package starts with '!<arch>', this with {data[:8]!r}")
    start = 8
    while start + 60 <= len(data):
        header = data[start : start + 60]
        size = int(header[48:58])
        if header[:16].startswith(b"data.tar"):
            if start + 60 + size > len(data):
                raise EOFError(f"truncated: {len(data) - start - 60} of {size} bytes of data.tar are there")
            return _read_tar(data[start + 60 : start + 60 + size], wanted)
        start += 60 + size + size % 2
    raise EOFError("truncated: no member data.tar")
