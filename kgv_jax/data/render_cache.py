"""A render cache: views of source images, rendered once, kept on disk, read by row."""

from __future__ import annotations

import concurrent.futures
import contextlib
import hashlib
import itertools
import logging
import os
import pathlib
import tempfile
import time
from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from kgv_jax.data.render_augment import RENDER_SCALE, RenderAugmentation, render_view, view_rng
from kgv_jax.data.scenes import Scene
from kgv_jax.data.types import SourceImage
from kgv_jax.util.cores import usable_cores
from kgv_jax.util.errors import UserError

_log = logging.getLogger(__name__)
_FORMAT = 2  # raise it when the same parameters give other pixels
_REPORT_EVERY_SECONDS = 5.0
_KEEP_BYTES = 512 * 2**20


def build_render_cache(
    source_images: Sequence[SourceImage],
    *,
    size_px: int,
    views_per_image: int,
    render_augmentation: RenderAugmentation | None,
    seed: int,
    stream: str,
    scenes: Sequence[Scene] = (),
    cache_dir: str | os.PathLike | None = None,
) -> np.ndarray:
    """Renders `views_per_image` views of every image, or reads them from the cache.

    View k of an image depends on (seed, stream, id of the image, k) and its pixels
    alone: more images, or another order, leave it as it is. Any number of processes
    may build the same render cache at once.

    Args:
      source_images: `n` images; ids are unique.
      size_px: side of the views.
      views_per_image: views of each image.
      render_augmentation: ranges that a view is rendered with; None lays the image on white, as a photograph is read.
      seed: of the run or of the data, as the caller wishes.
      stream: purpose, such as "train" or "test".
      scenes: of side `size_px`, where views stand in photographs; each view chooses one.
      cache_dir: folder for the file; None keeps the render cache in memory.

    Returns:
      uint8 `[n * views_per_image, size_px, size_px, 3]` RGB, image by image; memory-mapped where a cache file could be
      written.

    Raises:
      UserError: an id occurs twice, a number is not positive, or an image cannot be read.
    """
    if min(size_px, views_per_image) < 1:
        raise UserError(f"size_px is {size_px} and views_per_image {views_per_image}; both must be 1 or more.")
    ids = [image.id for image in source_images]
    if len(set(ids)) != len(ids):
        twice = next(id for id in ids if ids.count(id) > 1)
        raise UserError(f"Image id {twice!r} occurs twice; views are seeded by id, make each unique.")
    shape = (len(source_images) * views_per_image, size_px, size_px, 3)

    # The name of the cache file is a hash of everything that its pixels depend on.
    render_px = size_px if render_augmentation is None else round(RENDER_SCALE * size_px)
    keep = len(source_images) * render_px**2 * 4 <= _KEEP_BYTES
    digest, loaded = _digest_images(source_images, render_px, keep=keep)
    digest.update(
        repr((_FORMAT, cv2.__version__, size_px, views_per_image, render_augmentation, int(seed), stream)).encode()
    )
    for scene in scenes:
        digest.update(scene.ground)
        digest.update(scene.light)
        digest.update(repr(scene.blur_px).encode())

    def render(position: int) -> np.ndarray:
        image = source_images[position]
        rgba = loaded[position] if keep else image.load(render_px)
        if render_augmentation is None:
            return np.repeat(over_white(rgba)[None], views_per_image, axis=0)
        rngs = (view_rng(seed, stream, image.id, k) for k in range(views_per_image))
        return np.stack([render_view(rgba, size_px, rng, render_augmentation, scenes) for rng in rngs])

    def blocks() -> Iterator[np.ndarray]:
        return _in_threads(render, len(source_images), what=f"{stream}: images rendered")

    if cache_dir is not None and len(source_images):
        path = pathlib.Path(cache_dir, f"{stream.replace(os.sep, '_')}-{digest.hexdigest()}.npy")
        views = _open_cached(path, shape)
        if views is None:
            try:
                _write(path, shape, blocks())
                views = _open_cached(path, shape)
            except OSError as error:
                _log.warning("Rendered views are kept in memory: %s cannot be written (%s).", path, error)
        if views is not None:
            return views
    views = np.empty(shape, np.uint8)
    for position, block in enumerate(blocks()):
        views[position * views_per_image : (position + 1) * views_per_image] = block
    return views


def over_white(rgba: np.ndarray) -> np.ndarray:
    """Lays uint8 [..., 4] with straight alpha on white: uint8 [..., 3]."""
    alpha = rgba[..., 3:].astype(np.uint16)
    return ((rgba[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)


def _digest_images(source_images: Sequence[SourceImage], size_px: int, *, keep: bool):
    """Hashes ids and pixels; returns the hash and, with `keep`, uint8 [n, size, size, 4]."""
    digest = hashlib.blake2b(digest_size=16)
    shape = (size_px, size_px, 4)
    kept = np.empty((len(source_images) if keep else 0, *shape), np.uint8)
    images = _in_threads(lambda i: source_images[i].load(size_px), len(source_images), what="images read")
    for position, pixels in enumerate(images):
        if pixels.shape != shape or pixels.dtype != np.uint8:
            raise ValueError(
                f"{source_images[position].id}: load({size_px}) gave {pixels.dtype} {pixels.shape};"
                f" expected uint8 {shape}"
            )
        digest.update(source_images[position].id.encode() + b"\0")
        digest.update(np.ascontiguousarray(pixels))
        if keep:
            kept[position] = pixels
    return digest, kept


def _in_threads(function, count: int, *, what: str) -> Iterator:
    """Yields function(0), function(1), ...; OpenCV and the decoders work outside the interpreter lock."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)  # on small images its own threads cost more than they give
    try:
        with concurrent.futures.ThreadPoolExecutor(usable_cores()) as pool:
            # a window, so that results never pile up before a slow disk
            window = max(64, count // 20)
            reported = time.monotonic()
            for start in range(0, count, window):
                stop = min(start + window, count)
                yield from pool.map(function, range(start, stop))
                if time.monotonic() - reported > _REPORT_EVERY_SECONDS:
                    reported = time.monotonic()
                    _log.info("%s %d of %d", what, stop, count)
    finally:
        cv2.setNumThreads(before)


def _write(path: pathlib.Path, shape: tuple[int, ...], blocks: Iterator[np.ndarray]) -> None:
    """Writes the array and its digest; either the whole file appears under its name or none does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    digest = hashlib.blake2b(digest_size=16)
    with _replacing(path) as file:
        np.lib.format.write_array_header_1_0(file, header)
        for block in blocks:
            digest.update(block)
            file.write(block)
    with _replacing(_digest_path(path)) as file:
        file.write(digest.hexdigest().encode())


@contextlib.contextmanager
def _replacing(path: pathlib.Path):
    """A file to write, renamed to `path` at the end, removed after an error."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def _digest_path(path: pathlib.Path) -> pathlib.Path:
    return path.with_suffix(".blake2b")


def _open_cached(path: pathlib.Path, shape: tuple[int, ...]) -> np.ndarray | None:
    """Maps a cached array if it is whole and the one that was written, else returns None."""
    try:
        expected = _digest_path(path).read_text()
        images = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, EOFError) as error:
        _log.warning("%s is not a render cache (%s); it is built again.", path, error)
        return None
    if images.shape != shape or images.dtype != np.uint8 or not images.flags.c_contiguous:
        _log.warning("%s holds %s %s, not uint8 %s; it is built again.", path, images.dtype, images.shape, shape)
        return None
    digest = hashlib.blake2b(digest_size=16)
    for start, stop in itertools.pairwise((*range(0, len(images), 1024), len(images))):
        digest.update(images[start:stop])
    if digest.hexdigest() != expected:
        _log.warning("%s has changed since it was written; it is built again.", path)
        return None
    return images
