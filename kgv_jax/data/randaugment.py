"""RandAugment: some of 14 operations, chosen at random, all of one magnitude (arXiv 1909.13719, section 3).

Ranges at magnitude 10 are AutoAugment's (arXiv 1805.09501, table 6). Every operation grows with the magnitude and
does nothing at 0, except `autocontrast` and `equalize`, which have no magnitude. In the authors' code posterize
and solarize are strongest at 0; here a larger magnitude changes more for all. Images are never mirrored: left and
right of a sign have a meaning.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import cv2
import numpy as np

MAX_MAGNITUDE = 10.0

_GREY = (128, 128, 128)  # fills the area that a geometric operation uncovers
_MOST_DEGREES = 30.0
_MOST_SHEAR = 0.3
_MOST_SHIFT = 0.45  # of the side
_MOST_BITS_LOST = 4.0
_MOST_ENHANCEMENT = 0.9
_LUMA = np.array((0.299, 0.587, 0.114))  # Rec. 601
# The kernel of Pillow's ImageFilter.SMOOTH, which its sharpness blends with.
_SMOOTH = np.array(((1, 1, 1), (1, 5, 1), (1, 1, 1)), np.float32) / 13

_LEVELS = np.arange(256)

# An operation maps uint8 [H, W, 3] and a strength to uint8 [H, W, 3]. The strength is the magnitude over 10 with a
# random sign, in [-1, 1]; an operation with one direction only takes its absolute value.
Operation = Callable[[np.ndarray, float], np.ndarray]


def randaugment(image: np.ndarray, rng: np.random.Generator, *, ops: int, magnitude: float) -> np.ndarray:
    """Applies `ops` operations one after another, each chosen uniformly, with replacement.

    Args:
      image: uint8 [H, W, 3]; it is not changed.
      rng: source of the operations and of their directions.
      ops: N of the paper.
      magnitude: M of the paper, 0 to 10.

    Returns:
      uint8 [H, W, 3].
    """
    operations = tuple(OPERATIONS.values())
    for index, sign in zip(rng.integers(len(operations), size=ops), rng.choice((-1.0, 1.0), size=ops), strict=True):
        image = operations[index](image, sign * magnitude / MAX_MAGNITUDE)
    return image


def identity(image: np.ndarray, _strength: float) -> np.ndarray:
    """Returns the image."""
    return image


def autocontrast(image: np.ndarray, _strength: float) -> np.ndarray:
    """Stretches each channel over [0, 255]."""

    def table(counts: np.ndarray) -> np.ndarray:
        low, high = np.flatnonzero(counts)[[0, -1]]
        return (_LEVELS - low) * (255 / (high - low)) if high > low else _LEVELS

    return _by_channel(image, table)


def equalize(image: np.ndarray, _strength: float) -> np.ndarray:
    """Gives each channel as flat a histogram as its levels allow."""

    def table(counts: np.ndarray) -> np.ndarray:
        # Pillow's histogram equalisation in its integers, so that published results of it carry over.
        step = (counts.sum() - counts[np.flatnonzero(counts)[-1]]) // 255
        below = np.cumsum(counts) - counts
        return (step // 2 + below) // step if step else _LEVELS

    return _by_channel(image, table)


def rotate(image: np.ndarray, strength: float) -> np.ndarray:
    """Rotates about the centre, up to 30 degrees."""
    angle = np.deg2rad(strength * _MOST_DEGREES)
    return _affine(image, ((np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))))


def shear_x(image: np.ndarray, strength: float) -> np.ndarray:
    """Shears rows against each other, up to 0.3 of the distance from the centre."""
    return _affine(image, ((1, strength * _MOST_SHEAR), (0, 1)))


def shear_y(image: np.ndarray, strength: float) -> np.ndarray:
    """Shears columns against each other, up to 0.3 of the distance from the centre."""
    return _affine(image, ((1, 0), (strength * _MOST_SHEAR, 1)))


def translate_x(image: np.ndarray, strength: float) -> np.ndarray:
    """Moves along the rows, up to 0.45 of the width."""
    return _affine(image, np.eye(2), shift=(strength * _MOST_SHIFT * image.shape[1], 0))


def translate_y(image: np.ndarray, strength: float) -> np.ndarray:
    """Moves along the columns, up to 0.45 of the height."""
    return _affine(image, np.eye(2), shift=(0, strength * _MOST_SHIFT * image.shape[0]))


def posterize(image: np.ndarray, strength: float) -> np.ndarray:
    """Keeps the 8 to 4 highest bits."""
    lost = int(abs(strength) * _MOST_BITS_LOST)
    return _look_up(image, _LEVELS >> lost << lost)


def solarize(image: np.ndarray, strength: float) -> np.ndarray:
    """Inverts levels from a threshold upwards, which falls from 256 to 0."""
    threshold = 256 - int(abs(strength) * 256)
    return _look_up(image, np.where(_LEVELS < threshold, _LEVELS, 255 - _LEVELS))


def brightness(image: np.ndarray, strength: float) -> np.ndarray:
    """Moves away from black, or towards it."""
    return _look_up(image, _factor(strength) * _LEVELS)


def contrast(image: np.ndarray, strength: float) -> np.ndarray:
    """Moves away from the mean grey, or towards it."""
    grey = round(float(cv2.mean(image)[:3] @ _LUMA))
    return _look_up(image, grey + _factor(strength) * (_LEVELS - grey))


def colour(image: np.ndarray, strength: float) -> np.ndarray:
    """Moves away from the grey image, or towards it."""
    factor = _factor(strength)
    return cv2.transform(image, factor * np.eye(3) + (1 - factor) * np.tile(_LUMA, (3, 1)))


def sharpness(image: np.ndarray, strength: float) -> np.ndarray:
    """Moves away from a smoothed image, or towards it; the outermost pixels stay."""
    factor = _factor(strength)
    smooth = image.copy()
    smooth[1:-1, 1:-1] = cv2.filter2D(image, -1, _SMOOTH)[1:-1, 1:-1]
    return cv2.addWeighted(image, factor, smooth, 1 - factor, 0)


OPERATIONS: Mapping[str, Operation] = MappingProxyType(
    {
        operation.__name__: operation
        for operation in (
            identity, autocontrast, equalize, rotate, solarize, colour, posterize,
            contrast, brightness, sharpness, shear_x, shear_y, translate_x, translate_y,
        )
    }
)  # fmt: skip


def _factor(strength: float) -> float:
    """Weight of the image against what it is blended with: 1 leaves it, above 1 moves it away."""
    return 1 + strength * _MOST_ENHANCEMENT


def _look_up(image: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Maps levels by a table [256], or by one of each channel, [256, 3]."""
    table = np.rint(np.clip(table, 0, 255)).astype(np.uint8)
    return cv2.LUT(image, np.ascontiguousarray(table.reshape(256, 1, -1)))


def _by_channel(image: np.ndarray, table: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Maps each channel by a table made of its histogram, int64 [256]."""
    counts = [cv2.calcHist([image], [channel], None, [256], [0, 256]).reshape(-1) for channel in range(3)]
    return _look_up(image, np.stack([table(own.astype(np.int64)) for own in counts], axis=1))


def _affine(image: np.ndarray, linear: np.typing.ArrayLike, *, shift: tuple[float, float] = (0, 0)) -> np.ndarray:
    """Reads the pixel at `linear @ (x - centre) + centre + shift` for every (x, y)."""
    linear = np.asarray(linear, np.float64)
    centre = (np.array(image.shape[1::-1]) - 1) / 2
    matrix = np.column_stack((linear, centre - linear @ centre + shift))
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(
        image, matrix, image.shape[1::-1], flags=flags, borderMode=cv2.BORDER_CONSTANT, borderValue=_GREY
    )
