"""Corrupted copies of test images in ImageNet-C's layout: same seeds, same pixels; a stopped call goes on."""

import functools
import sys

import numpy as np
import pytest
from PIL import Image

from kgv_jax.data.prepare import corruptions
from kgv_jax.data.prepare.corruptions import write_corrupted
from kgv_jax.data.source_images import SourceImages
from kgv_jax.data.types import SourceImage
from kgv_jax.report.protocols.imagenet_c import ALEXNET_ERRORS
from kgv_jax.util.errors import UserError


def _grey(level, size_px):
    return np.full((size_px, size_px, 4), [level, level, level, 255], np.uint8)


def _images(*names):
    return SourceImages(
        [SourceImage(f"val/{name}", "val", name.split("/")[0], functools.partial(_grey, 100)) for name in names],
        classes=("cat", "dog"),
    )


def _noise(image, *, corruption, severity, seed):
    """Stands in for the package: noise of its seed, as strong as the severity."""
    return (image + np.random.default_rng(seed).integers(0, 10 * severity, image.shape)).astype(np.uint8)


def _written(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_the_names_are_those_that_mce_is_measured_on():
    assert set(corruptions.CORRUPTIONS) == ALEXNET_ERRORS.keys()


def test_the_layout_and_the_seeds(tmp_path):
    images, own = _images("dog/a.JPEG", "cat/b.png"), {"corruptions": ["fog", "snow"], "severities": [1, 5]}
    assert write_corrupted(images, tmp_path / "one", _noise, size_px=32, **own) == 8
    expected = {f"{name}/{severity}/{image}.jpg" for name in ("fog", "snow") for severity in (1, 5)
                for image in ("dog/a", "cat/b")}  # fmt: skip
    assert _written(tmp_path / "one") == expected
    write_corrupted(images, tmp_path / "again", _noise, size_px=32, **own)
    write_corrupted(images, tmp_path / "other", _noise, size_px=32, **own, seed=1)
    first, again, other = ([np.asarray(Image.open(tmp_path / run / name)) for name in sorted(expected)]
                           for run in ("one", "again", "other"))  # fmt: skip
    assert first[0].shape == (32, 32, 3)
    np.testing.assert_array_equal(first, again)
    assert all((a != b).any() for a, b in zip(first, other, strict=True))
    assert all((first[0] != image).any() for image in first[1:])


def test_a_stopped_call_goes_on(tmp_path):
    images = _images("dog/a.JPEG")
    assert write_corrupted(images, tmp_path, _noise, size_px=32, corruptions=["fog"]) == 5
    (tmp_path / "fog" / "3" / "dog" / "a.jpg").unlink()
    assert write_corrupted(images, tmp_path, _noise, size_px=32, corruptions=["fog"]) == 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"corruptions": ["frogs"]}, r"no corruption 'frogs', did you mean 'frost'"),
        ({"severities": [6]}, r"severity is 6; expected whole numbers from 1 to 5"),
        ({"size_px": 31}, r"31 px; corruptions need 32 or more"),
    ],
)
def test_what_cannot_be_done(tmp_path, settings, message):
    with pytest.raises(UserError, match=message):
        write_corrupted(_images("dog/a.JPEG"), tmp_path, _noise, **{"size_px": 32} | settings)


def test_two_images_of_one_name(tmp_path):
    with pytest.raises(UserError, match=r"Two images of the class dog are called dog/a\.jpg"):
        write_corrupted(_images("dog/a.JPEG", "dog/x/a.png"), tmp_path, _noise, size_px=32, corruptions=["fog"])


def test_without_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "imagecorruptions", None)
    with pytest.raises(UserError, match=r"Corruptions: the package imagecorruptions is not installed.*\[corruptions\]"):
        corruptions.load_corrupt()
