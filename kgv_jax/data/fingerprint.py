"""Perceptual fingerprints: copies of an image differ in few bits, however they were resized or encoded.

A fingerprint holds the low frequencies of the brightness and the two colour differences, each coded as a
thermometer, so that the Hamming distance of two fingerprints is the L1 distance of what they code. The usual
pHash (Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010, as in the ImageHash
package) keeps signs alone, and those of a symmetric drawing's vanishing frequencies are noise: many road signs
then look like copies of others. What is cut off unevenly by more than 1 % of a side is not found.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import itertools
from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from kgv_jax.data.render_cache import over_white
from kgv_jax.data.types import SourceImage
from kgv_jax.util.cores import usable_cores

NEAR = 20  # bits; see `near_pairs`
_SIZE_PX = 32
_LEVELS = (0.15, 0.5, 1.5)  # in units of the standard deviation of the image's frequencies
_LEAST_DEVIATION = 0.002  # of a flat image, whose own would be the noise of its encoder
_FREQUENCIES = (12, 5, 5)  # a side, of brightness and of the colour differences
_MEANS = 64  # levels of each mean
_CUTS = (0.0, 0.015, 0.03, 0.045, 0.06, 0.075)  # of each side
WORDS = -(-(3 * _MEANS + 2 * len(_LEVELS) * sum(n * n - 1 for n in _FREQUENCIES)) // 64)
_LANDMARKS = 12
_BLOCK = 1024  # images looked up at a time


@dataclasses.dataclass(frozen=True)
class NearPairs:
    """Pairs of images that are near each other, by distance.

    Attributes:
      first: int64 [m], position among the first images.
      second: int64 [m], position among the second.
      distance: int64 [m], bits in which they differ.
    """

    first: np.ndarray
    second: np.ndarray
    distance: np.ndarray


def fingerprint(rgb: np.ndarray) -> np.ndarray:
    """Returns the fingerprint uint64 [WORDS] of pixels uint8 [h, w, 3] RGB; its frame counts, its size does not."""
    area = min(rgb.shape[:2]) >= _SIZE_PX
    small = cv2.resize(rgb, (_SIZE_PX, _SIZE_PX), interpolation=cv2.INTER_AREA if area else cv2.INTER_LINEAR)
    channels = cv2.split(cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2YCrCb))
    waves = [cv2.dct(c)[:n, :n].ravel()[1:] / _SIZE_PX for c, n in zip(channels, _FREQUENCIES, strict=True)]
    unit = max(float(waves[0].std()), _LEAST_DEVIATION)
    bits = [sign * wave > level * unit for wave in waves for level in _LEVELS[::-1] for sign in (1, -1)]
    bits += [np.arange(_MEANS) < _MEANS * channel.mean() for channel in channels]
    packed = np.packbits(np.concatenate(bits))
    return np.pad(packed, (0, 8 * WORDS - len(packed))).view(np.uint64)


def views(rgb: np.ndarray) -> np.ndarray:
    """Returns fingerprints uint64 [V, WORDS] of the image: whole, and with more and more cut off all around."""
    height, width = rgb.shape[:2]
    cuts = [(round(cut * height), round(cut * width)) for cut in _CUTS]
    return np.stack([fingerprint(rgb[top : height - top, left : width - left]) for top, left in cuts])


def fingerprints(images: Sequence[SourceImage], *, size_px: int = 96) -> np.ndarray:
    """Returns the `views` of every image, uint64 [n, V, WORDS], laid on white.

    Args:
      images: n images; drawings are taken as they are, without rendered views.
      size_px: at which they are loaded.
    """
    result = np.empty((len(images), len(_CUTS), WORDS), np.uint64)

    def take(position: int) -> None:
        result[position] = views(over_white(images[position].load(size_px)))

    with concurrent.futures.ThreadPoolExecutor(usable_cores()) as pool:
        for _ in pool.map(take, range(len(images))):
            pass
    return result


def is_flat(prints: np.ndarray) -> np.ndarray:
    """Returns `[n]` bool: images without contrast, of which a fingerprint says no more than how bright they are.

    Two dark frames of different signs are a few bits apart, and no copies of each other.

    Args:
      prints: uint64 [n, V, WORDS], from `fingerprints`.
    """
    waves = 2 * len(_LEVELS) * sum(n * n - 1 for n in _FREQUENCIES)
    bits = np.unpackbits(np.ascontiguousarray(prints[:, 0]).view(np.uint8), axis=1)[:, :waves]
    return bits.sum(axis=1) <= NEAR


def near_pairs(first: np.ndarray, second: np.ndarray | None = None, *, max_distance: int = NEAR) -> NearPairs:
    """Returns the pairs whose fingerprints differ in few bits: one image whole, the other whole or cut.

    Exact. By the triangle inequality, distances of two near images to any third are near too; a tree over the
    distances to a few of them leaves little to compare.

    Args:
      first: uint64 [n, V, WORDS], from `fingerprints`.
      second: the same of other images; None compares the first among themselves, each pair once.
      max_distance: bits.
    """
    own = second is None
    second = first if own else second
    found = [np.empty((0, 3), np.int64)]
    for pairs in _matches(second[:, 0], first, max_distance):
        found.append(pairs[:, [1, 0, 2]])
    if not own:
        found += _matches(first[:, 0], second[:, 1:], max_distance)
    pairs = np.concatenate(found)
    if own:
        pairs = pairs[pairs[:, 0] != pairs[:, 1]]
        pairs[:, :2].sort(axis=1)
    pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0], pairs[:, 2]))]
    _, kept = np.unique(pairs[:, :2], axis=0, return_index=True)  # of several views, the nearest
    pairs = pairs[np.sort(kept)]
    return NearPairs(pairs[:, 0], pairs[:, 1], pairs[:, 2])


def _matches(whole: np.ndarray, others: np.ndarray, max_distance: int) -> Iterator[np.ndarray]:
    """Yields rows (position in `whole` [n, WORDS], position in `others` [m, V, WORDS], distance) of near pairs."""
    if not len(whole) or not len(others):
        return
    from scipy.spatial import cKDTree  # half a second, which only a search for copies needs

    landmarks = whole[np.unique(np.linspace(0, len(whole) - 1, _LANDMARKS).astype(int))]
    tree = cKDTree(_distances(whole, landmarks))
    for view in range(others.shape[1]):
        for start in range(0, len(others), _BLOCK):
            block = others[start : start + _BLOCK, view]
            near = tree.query_ball_point(
                _distances(block, landmarks), max_distance + 0.5, p=np.inf, workers=usable_cores()
            )
            right = np.repeat(np.arange(len(block)), [len(row) for row in near])
            left = np.fromiter(itertools.chain.from_iterable(near), np.int64, len(right))
            distance = np.bitwise_count(whole[left] ^ block[right]).sum(axis=1, dtype=np.int64)
            rows = np.stack([left, right + start, distance], axis=1)
            yield rows[distance <= max_distance]


def _distances(prints: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Returns the Hamming distances float32 [n, L] of prints [n, WORDS] to landmarks [L, WORDS]."""
    columns = [np.bitwise_count(prints ^ landmark).sum(axis=1, dtype=np.int64) for landmark in landmarks]
    return np.stack(columns, axis=1).astype(np.float32)
