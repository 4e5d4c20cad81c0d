"""A render cache is the same from disk, from memory, alone or among others; a bad file is noticed."""

import concurrent.futures
import dataclasses
import logging
import multiprocessing
import resource

import numpy as np
import pytest

from kgv_jax.data.render_augment import RenderAugmentation
from kgv_jax.data.render_cache import build_render_cache, over_white
from kgv_jax.data.types import SourceImage
from kgv_jax.util.errors import UserError

OPTIONS = {
    "size_px": 16,
    "views_per_image": 3,
    "render_augmentation": RenderAugmentation(),
    "seed": 0,
    "stream": "train",
}


def source_image(name: str, value: int = 200) -> SourceImage:
    def load(size_px):
        pixels = np.zeros((size_px, size_px, 4), np.uint8)
        pixels[2:-2, 2:-2] = (value, 255 - value, 30, 255)
        return pixels

    return SourceImage(f"DE/yield/{name}", "DE", "yield", load)


IMAGES = tuple(source_image(f"{i}.png", 40 * i) for i in range(5))


def build(source_images=IMAGES, **changes):
    return build_render_cache(source_images, **{**OPTIONS, **changes})


def test_views_of_an_image_follow_each_other():
    views = build(render_augmentation=None)
    assert views.shape == (15, 16, 16, 3) and views.dtype == np.uint8
    np.testing.assert_array_equal(views[:, 8, 8, 0], np.repeat(40 * np.arange(5), 3))


def test_a_view_depends_on_its_own_image_alone():
    everything, one = build(), build(IMAGES[3:4], views_per_image=2)
    np.testing.assert_array_equal(everything[9:11], one)
    np.testing.assert_array_equal(build(IMAGES[::-1])[3:6], everything[9:12])


@pytest.mark.parametrize(
    "change",
    [{"seed": 1}, {"stream": "test"}, {"render_augmentation": RenderAugmentation(scale=(0.5, 0.9))}],
    ids=lambda change: next(iter(change)),
)
def test_parameters_change_every_view(change, tmp_path):
    first, second = build(cache_dir=tmp_path), build(cache_dir=tmp_path, **change)
    assert (first != second).any((1, 2, 3)).all()
    assert len(list(tmp_path.glob("*.npy"))) == 2


def test_views_of_one_image_differ():
    images = build()
    assert len({image.tobytes() for image in images}) == len(images)


def test_from_disk_as_from_memory(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr("kgv_jax.data.render_cache._REPORT_EVERY_SECONDS", -1.0)
    caplog.set_level(logging.INFO)
    memory, written = build(), build(cache_dir=tmp_path)
    assert "train: images rendered 5 of 5" in caplog.text
    caplog.clear()
    read = build(cache_dir=tmp_path)
    assert "images rendered" not in caplog.text
    assert isinstance(written, np.memmap) and isinstance(read, np.memmap)
    np.testing.assert_array_equal(memory, written)
    np.testing.assert_array_equal(memory, read)
    assert not read.flags.writeable


def test_changed_pixels_are_rendered_again(tmp_path):
    before = build(cache_dir=tmp_path)
    after = build((*IMAGES[:4], source_image("4.png", 250)), cache_dir=tmp_path)
    np.testing.assert_array_equal(before[:12], after[:12])
    assert (before[12:] != after[12:]).any()


def damage_truncate(path):
    path.write_bytes(path.read_bytes()[:-100])


def damage_empty(path):
    path.write_bytes(b"")


def damage_foreign(path):
    path.write_bytes(b"not numpy at all")


def damage_shape(path):
    np.save(path, np.zeros((15, 16, 16, 4), np.uint8))


def damage_dtype(path):
    np.save(path, np.zeros((15, 16, 16, 3), np.float32))


def damage_pixel(path):
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def damage_no_digest(path):
    path.with_suffix(".blake2b").unlink()


@pytest.mark.parametrize(
    "damage",
    [
        damage_truncate,
        damage_empty,
        damage_foreign,
        damage_shape,
        damage_dtype,
        damage_pixel,
        damage_no_digest,
    ],
)
def test_a_bad_cache_file_is_built_again(tmp_path, damage):
    expected = np.array(build(cache_dir=tmp_path))
    (path,) = tmp_path.glob("*.npy")
    damage(path)
    again = build(cache_dir=tmp_path)
    assert isinstance(again, np.memmap)
    np.testing.assert_array_equal(again, expected)
    np.testing.assert_array_equal(np.load(path), expected)
    assert len(list(tmp_path.iterdir())) == 2


def test_disk_full_falls_back_to_memory_and_leaves_nothing(tmp_path, caplog):
    expected = build()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, limits[1]))  # a write beyond it fails as on a full disk
    try:
        views = build(cache_dir=tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    np.testing.assert_array_equal(views, expected)
    assert "kept in memory" in caplog.text
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made_falls_back_to_memory(tmp_path, caplog):
    (tmp_path / "file").write_text("in the way")
    views = build(cache_dir=tmp_path / "file" / "cache")
    np.testing.assert_array_equal(views, build())
    assert "kept in memory" in caplog.text


def _build_in_child(folder):
    return build(cache_dir=folder).tobytes()


def test_two_processes_at_once(tmp_path):
    context = multiprocessing.get_context("forkserver")
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
        results = list(pool.map(_build_in_child, [tmp_path] * 2))
    assert results[0] == results[1] == build().tobytes()
    assert len(list(tmp_path.iterdir())) == 2


def test_without_render_augmentation_the_image_lies_on_white():
    def load(size_px):
        pixels = np.zeros((size_px, size_px, 4), np.uint8)
        pixels[0] = (10, 20, 30, 255)
        pixels[1] = (0, 0, 0, 128)
        return pixels

    views = build([SourceImage("a/b/c", "a", "b", load)], render_augmentation=None, views_per_image=2)
    np.testing.assert_array_equal(views[0], views[1])
    np.testing.assert_array_equal(views[0, :3, 0], [(10, 20, 30), (127, 127, 127), (255, 255, 255)])


def test_over_white_by_hand():
    pixels = np.array([[0, 100, 255, 0], [0, 100, 255, 255], [0, 100, 255, 51]], np.uint8)
    np.testing.assert_array_equal(over_white(pixels), [[255, 255, 255], [0, 100, 255], [204, 224, 255]])


def test_large_sets_are_not_kept_in_memory(monkeypatch, tmp_path):
    expected = build(cache_dir=tmp_path / "a")
    monkeypatch.setattr("kgv_jax.data.render_cache._KEEP_BYTES", 0)
    np.testing.assert_array_equal(build(cache_dir=tmp_path / "b"), expected)


def test_no_images(tmp_path):
    views = build((), cache_dir=tmp_path)
    assert views.shape == (0, 16, 16, 3)


def test_ids_must_be_unique():
    with pytest.raises(UserError, match=r"'DE/yield/1.png' occurs twice"):
        build((*IMAGES, IMAGES[1]))


@pytest.mark.parametrize("change", [{"views_per_image": 0}, {"size_px": 0}])
def test_numbers_must_be_positive(change):
    with pytest.raises(UserError, match="both must be 1 or more"):
        build(**change)


def test_an_unreadable_image_is_reported_and_leaves_no_file(tmp_path):
    def load(size_px):
        raise UserError("x.png: the file is empty")

    broken = dataclasses.replace(IMAGES[0], id="broken", load=load)
    with pytest.raises(UserError, match=r"x\.png: the file is empty"):
        build((*IMAGES, broken), cache_dir=tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_source_that_gives_another_size_is_caught():
    wrong = dataclasses.replace(IMAGES[0], load=lambda size_px: np.zeros((3, 3, 4), np.uint8))
    with pytest.raises(ValueError, match=r"DE/yield/0.png: load\(24\) gave uint8 \(3, 3, 4\)"):
        build([wrong])
