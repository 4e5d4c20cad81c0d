"""Preparing the artwork from archives built here in the packages' true layouts."""

import dataclasses
import hashlib
import io
import json
import pathlib
import subprocess
import sys
import tarfile
import zipfile

import cv2
import numpy as np
import pytest

from kgv_jax.data.prepare import artwork as prepare
from kgv_jax.util.errors import UserError

SVG = b"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 20 20">
<rect x="5" y="5" width="10" height="10" fill="#00f"/></svg>"""
# An A4 sheet in millimetres without a viewBox, the sign in its upper left; the plate is text.
SHEET = b"""<?xml version="1.0"?><!-- a sign -->
<svg height="297mm" id="svg1" width="210mm" xmlns="http://www.w3.org/2000/svg">
<circle cx="200" cy="200" r="100" fill="#f00"/><text x="500" y="900" font-size="200">WORDS</text></svg>"""
PNG = cv2.imencode(".png", np.full((30, 10, 3), (0, 255, 0), np.uint8))[1].tobytes()


def _tar(members: dict[str, bytes], *, links: dict[str, str] | None = None, mode: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for name, target in (links or {}).items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            archive.addfile(info)
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def _wheel(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def _deb(data_tar: bytes) -> bytes:
    parts = [("debian-binary", b"2.0\n"), ("control.tar.xz", b"odd"), ("data.tar.xz", data_tar)]
    out = b"!<arch>\n"
    for name, data in parts:
        out += f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(data):<10}`\n".encode() + data
        out += b"\n" * (len(data) % 2)
    return out


def _sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class World:
    """A folder of three archives, the packages that name them, and a table of their images."""

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        npm, pip, apt = prepare.PACKAGES
        # Debian's clip art files an image in one folder and links it from others.
        clip_art = _tar(
            {"./usr/share/openclipart/svg/transportation/sheet.svg": SHEET},
            links={f"./{apt.folder}sheet.svg": "../sheet.svg"},
            mode="w:xz",
        )
        self.archives = {
            npm.name: ("signs-1.8.0.tgz", _tar({npm.folder + "a--b--g1.svg": SVG}, mode="w:gz")),
            pip.name: ("roads-2026.1-py3-none-any.whl", _wheel({pip.folder + "101.png": PNG})),
            apt.name: ("openclipart-svg_1%3a0.18_all.deb", _deb(clip_art)),
        }
        for name, data in self.archives.values():
            (folder / name).write_bytes(data)
        self.packages = tuple(
            dataclasses.replace(
                package,
                pattern="openclipart-svg_*_all.deb" if package is apt else self.archives[package.name][0],
                sha256=_sha(self.archives[package.name][1]),
            )
            for package in prepare.PACKAGES
        )
        self.table = (
            prepare.ArtworkEntry(npm.name, "a--b--g1.svg", "blue-sign", "vienna", _sha(SVG)),
            prepare.ArtworkEntry(pip.name, "101.png", "green-sign", "germany", _sha(PNG)),
            prepare.ArtworkEntry(apt.name, "sheet.svg", "red-sign", "clipart", _sha(SHEET)),
        )

    def path(self, package: str) -> pathlib.Path:
        return self.folder / self.archives[package][0]

    def prepare(self, cache: pathlib.Path, **changes) -> bool:
        options = {"archives": self.folder, "packages": self.packages, "table": self.table, **changes}
        return prepare.prepare_roadsigns(cache=cache, **options)


@pytest.fixture
def world(tmp_path):
    folder = tmp_path / "archives"
    folder.mkdir()
    return World(folder)


def test_images_of_all_three_archives_are_rendered_cropped_and_kept(world, tmp_path):
    cache = tmp_path / "cache"
    assert world.prepare(cache)
    prepared = prepare.open_prepared(cache, world.table)
    assert prepared.pixels.shape == (3, 96, 96, 4)
    blue, green, red = (prepared.pixels[prepared.row[d.id]] for d in world.table)
    assert blue[48, 48].tolist() == [0, 0, 255, 255] and blue[2, 2, 3] > 200  # the square fills the image
    assert green[48, 48].tolist() == [0, 255, 0, 255] and green[48, 10, 3] == 0  # letterboxed
    assert red[48, 48].tolist() == [255, 0, 0, 255]  # millimetres are read, text is left out
    assert np.isclose((red[..., 3] > 127).mean(), np.pi / 4, atol=0.04)
    manifest = json.loads((cache / "manifest.json").read_text())
    assert manifest["pictures"][0] == {
        "id": "vienna/blue-sign/a--b--g1",
        "package": "mapillary",
        "file": "a--b--g1.svg",
        "sha256": _sha(SVG),
        "class": "blue-sign",
        "domain": "vienna",
        "licence": "MIT",
    }
    assert sorted(path.name for path in cache.iterdir()) == ["artwork.npy", "manifest.json"]


def test_a_second_run_does_nothing(world, tmp_path):
    world.prepare(tmp_path / "cache")
    before = (tmp_path / "cache" / "artwork.npy").stat().st_mtime_ns
    assert not world.prepare(tmp_path / "cache", archives=tmp_path / "absent")
    assert (tmp_path / "cache" / "artwork.npy").stat().st_mtime_ns == before


def test_archives_are_fetched_by_the_packages_client(world, tmp_path):
    copy = "import shutil, sys; shutil.copy(sys.argv[1], '.')"
    packages = tuple(
        dataclasses.replace(p, command=(sys.executable, "-c", copy, str(world.path(p.name)))) for p in world.packages
    )
    assert world.prepare(tmp_path / "cache", archives=None, packages=packages)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (("no-such-client-of-any-registry", "x"), "'no-such-client-of-any-registry' was not found"),
        ((sys.executable, "-c", "import sys; sys.exit('no route')"), r"exit code 1 \(no route\)"),
        ((sys.executable, "-c", "pass"), "left no file named signs-1.8.0.tgz"),
    ],
)
def test_a_client_that_fails_is_reported_with_the_way_around(world, tmp_path, command, message):
    packages = (dataclasses.replace(world.packages[0], command=command), *world.packages[1:])
    with pytest.raises(UserError, match=message) as caught:
        world.prepare(tmp_path / "cache", archives=None, packages=packages)
    assert "--from DIR" in str(caught.value) and "install npm" in str(caught.value)
    assert not (tmp_path / "cache" / "manifest.json").exists()


@pytest.mark.parametrize("package", ["mapillary", "commonroad"])
def test_an_archive_of_another_digest_is_refused(world, tmp_path, package):
    path = world.path(package)
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(UserError, match=r"truncated or another version\. Delete it and fetch it again"):
        world.prepare(tmp_path / "cache")


@pytest.mark.parametrize("keep", [4, 70, 300])
def test_a_truncated_debian_package_is_refused(world, tmp_path, keep):
    path = world.path("openclipart")
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(UserError, match=r"cannot be unpacked"):
        world.prepare(tmp_path / "cache")


def test_a_later_debian_revision_is_judged_by_its_images(world, tmp_path):
    folder = prepare.PACKAGES[2].folder
    world.path("openclipart").unlink()
    later = world.folder / "openclipart-svg_1%3a0.19_all.deb"
    later.write_bytes(_deb(_tar({"./" + folder + "sheet.svg": SHEET, "./other": b"new"}, mode="w:gz")))
    assert world.prepare(tmp_path / "good")
    later.write_bytes(_deb(_tar({"./" + folder + "sheet.svg": SVG}, mode="w:xz")))
    with pytest.raises(UserError, match=r"sheet.svg has SHA-256 .* the reviewed image has"):
        world.prepare(tmp_path / "bad")


def test_an_image_that_the_archive_lacks_is_named(world, tmp_path):
    more = dataclasses.replace(world.table[1], file="999.png")
    with pytest.raises(UserError, match=r"lacks 1 of 2 files, the first is .*999.png"):
        world.prepare(tmp_path / "cache", table=(*world.table, more))


def test_a_damaged_cache_is_noticed_and_fixed(world, tmp_path, capsys):
    cache = tmp_path / "cache"
    world.prepare(cache)
    pixels = bytearray((cache / "artwork.npy").read_bytes())
    pixels[-1000] ^= 1
    (cache / "artwork.npy").write_bytes(pixels)
    with pytest.raises(UserError, match=r"damaged\. Delete the folder .* and run"):
        prepare.open_prepared(cache, world.table)
    assert world.prepare(cache)
    assert "preparing again" in capsys.readouterr().err
    prepare.open_prepared(cache, world.table)


@pytest.mark.parametrize("text", ["", "[]", '{"sha256": "0"}'])
def test_a_damaged_manifest_is_noticed(world, tmp_path, text):
    world.prepare(tmp_path)
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(UserError, match="not a manifest"):
        prepare.open_prepared(tmp_path, world.table)


def test_a_cache_of_an_older_table_is_noticed_and_renewed(world, tmp_path):
    world.prepare(tmp_path, table=world.table[:2])
    with pytest.raises(UserError, match="1 of 3 images are not in it"):
        prepare.open_prepared(tmp_path, world.table)
    assert world.prepare(tmp_path)


def test_nothing_prepared_names_the_command(tmp_path, world):
    with pytest.raises(UserError, match=r"kgv prepare roadsigns"):
        prepare.open_prepared(tmp_path, world.table)


def test_a_folder_without_archives_names_what_is_missing(tmp_path, world):
    with pytest.raises(UserError, match=r"holds no signs-1.8.0.tgz"):
        world.prepare(tmp_path / "cache", archives=tmp_path)
    with pytest.raises(UserError, match="no such folder"):
        world.prepare(tmp_path / "cache", archives=tmp_path / "absent")


def test_the_command_line_prints_errors_without_a_traceback(tmp_path):
    command = [
        sys.executable,
        "-m",
        "kgv_jax",
        "prepare",
        "roadsigns",
        "--cache",
        str(tmp_path / "cache"),
        "--from",
        str(tmp_path),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("error: --from ") and "Traceback" not in done.stderr
