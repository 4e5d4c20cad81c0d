"""Jitter: a training image as another camera might have shown it. Nothing is mirrored: left and right have a meaning.

One function of one strength, for photographs and synthetic images alike, so that neither gives itself away by where a
sign stands or how it is lit. It is drawn anew each time an image is read.
"""

from __future__ import annotations

import functools

import cv2
import numpy as np

# Each is drawn uniformly from [-range, range]. Of the sign's place: zoom and aspect in their logarithms, shifts of the
# side, a turn in degrees, shear.
_PLACE = {"zoom": 0.13, "aspect": 0.08, "right": 0.06, "down": 0.06, "turn": 8.0, "shear": 0.08}
# Of light: contrast, exposure and the cast of each channel in stops, an offset of full scale, saturation.
_LIGHT = {"contrast": 0.3, "exposure": 0.3, "red": 0.08, "green": 0.08, "blue": 0.08, "offset": 0.08, "saturation": 0.2}
_RANGES = np.array([*_PLACE.values(), *_LIGHT.values()])
_BLUR_PX = 0.8  # at a side of 32 px
_NOISE = 0.03  # of full scale
_OFTEN = 0.3  # of all images are blurred, and as many are noisy


def jitter(image: np.ndarray, rng: np.random.Generator, strength: float) -> np.ndarray:
    """Returns an image moved, turned, lit, blurred and made noisy at random.

    Args:
      image: uint8 [S, S, 3]; it is not changed.
      rng: source of every choice.
      strength: factor on every range; 0 changes nothing.
    """
    drawn = rng.random(len(_RANGES) + 4)
    zoom, aspect, right, down, turn, shear, *light = (strength * _RANGES * (2 * drawn[:-4] - 1)).tolist()
    often_blurred, blur, often_noisy, noise = drawn[-4:].tolist()

    # Everything is one affine map of places and one of colours, on uint8: OpenCV rounds and clips.
    move = _move(len(image), zoom, aspect, right, down, turn, shear)
    shown = cv2.warpAffine(image, move, image.shape[1::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    shown = cv2.transform(shown, _colours(shown, *light))
    if often_blurred < _OFTEN and (sigma := strength * blur * _BLUR_PX * len(image) / 32) > 0.1:
        shown = cv2.GaussianBlur(shown, (0, 0), sigma)
    if often_noisy < _OFTEN:
        grain = rng.standard_normal(shown.shape, np.float32)
        shown = cv2.add(shown, grain * np.float32(255 * strength * noise * _NOISE), dtype=cv2.CV_8U)
    return shown


def _move(side: int, zoom: float, aspect: float, right: float, down: float, turn: float, shear: float) -> np.ndarray:
    """Returns the affine map [2, 3] of places about the centre."""
    turn, zoom, aspect = np.deg2rad(turn), np.exp(zoom), np.exp(aspect)
    c, s = zoom * np.cos(turn), zoom * np.sin(turn)
    linear = np.array([[c * aspect, c * shear - s / aspect], [s * aspect, s * shear + c / aspect]])
    centre = (side - 1) / 2
    shift = centre + side * np.array([right, down]) - linear.sum(1) * centre
    return np.concatenate([linear, shift[:, None]], 1)


def _colours(
    image: np.ndarray,
    contrast: float,
    exposure: float,
    red: float,
    green: float,
    blue: float,
    offset: float,
    saturation: float,
) -> np.ndarray:
    """Returns the affine map [3, 4] of colours: contrast about the mean, exposure with a cast, offset, saturation."""
    mean = sum(cv2.mean(image)[:3]) / 3
    contrast = 2.0**contrast
    gain = 2.0 ** (exposure + np.array([red, green, blue]))
    mixed = (1 + saturation) * np.eye(3) - saturation * _grey()
    return np.concatenate(
        [mixed * (contrast * gain), (mixed @ ((1 - contrast) * mean * gain + 255 * offset))[:, None]], 1
    )


@functools.cache
def _grey() -> np.ndarray:
    return np.full((3, 3), 1 / 3)
