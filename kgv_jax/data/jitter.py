"""Jitter: a training image as another camera might have shown it. Nothing is mirrored: left and right have a meaning.

One function of one strength, for photographs and synthetic images alike, so that neither gives itself away by
where a sign stands or how it is lit. It is drawn anew each time an image is read.
"""

from __future__ import annotations

import cv2
import numpy as np

_ZOOM = 0.13  # of the logarithm of the scale
_SHIFT = 0.06  # of the side
_DEGREES = 8.0
_SHEAR = 0.08
_ASPECT = 0.08  # of its logarithm
_STOPS = 0.3  # of exposure
_CAST_STOPS = 0.08  # of each channel on its own
_CONTRAST_STOPS = 0.3
_OFFSET = 0.08  # of full scale
_SATURATION = 0.2
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
    side = len(image)
    move = _move(side, rng, strength)
    x = cv2.warpAffine(image, move, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    x = x.astype(np.float32) / 255
    # Contrast about the mean, then exposure with a cast and an offset, then saturation.
    mean = x.mean()
    x = (x - mean) * np.float32(2 ** (strength * _sway(rng, _CONTRAST_STOPS))) + mean
    gain = 2 ** (strength * (_sway(rng, _STOPS) + rng.uniform(-_CAST_STOPS, _CAST_STOPS, 3)))
    x = x * gain.astype(np.float32) + np.float32(strength * _sway(rng, _OFFSET))
    grey = x.mean(-1, keepdims=True)
    x = grey + (x - grey) * np.float32(1 + strength * _sway(rng, _SATURATION))
    if rng.random() < _OFTEN:
        x = cv2.GaussianBlur(x, (0, 0), max(0.05, strength * rng.uniform(0, _BLUR_PX) * side / 32))
    if rng.random() < _OFTEN:
        x = x + rng.standard_normal(x.shape, np.float32) * np.float32(strength * rng.uniform(0, _NOISE))
    return np.rint(255 * np.clip(x, 0, 1)).astype(np.uint8)


def _move(side: int, rng: np.random.Generator, strength: float) -> np.ndarray:
    """Returns an affine map [2, 3] of pixels about the centre."""
    turn, zoom = np.deg2rad(strength * _sway(rng, _DEGREES)), np.exp(strength * _sway(rng, _ZOOM))
    aspect, shear = np.exp(strength * _sway(rng, _ASPECT)), strength * _sway(rng, _SHEAR)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    linear = zoom * rotation @ np.array([[aspect, shear], [0, 1 / aspect]])
    centre = np.full(2, (side - 1) / 2)
    shift = centre + strength * rng.uniform(-_SHIFT, _SHIFT, 2) * side - linear @ centre
    return np.concatenate([linear, shift[:, None]], 1)


def _sway(rng: np.random.Generator, most: float) -> float:
    return rng.uniform(-most, most)
