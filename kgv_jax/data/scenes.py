"""What a photograph does to the sign in it: its ground, light, blur and noise, so that a drawn sign can take its place.

The class of a training photograph is known, and the graph states how a sign of that class looks. So the same sign drawn
from its facts says what the colours should have been, and the photograph says what became of them. What happened to
these colours happens to any sign in that place: a drawing that goes through the same light, blur and ground looks
photographed, in the source's streets, under another country's rules.
"""

from __future__ import annotations

import dataclasses
import math

import cv2
import numpy as np

_BLURS_PX = (0.3, 0.6, 0.9, 1.3, 1.8, 2.5)  # at a side of 48 px, and scaled with the side
_SIDE_PX = 48
_SOFT_PX = 1.5  # at that side
_ROUNDS = 3
_LEAST_AREA = 0.05  # of the image: less of a sign says nothing
_COVERED = 0.95  # of a pixel
_LEAST_EXPLAINED = 0.15  # of the variance of the sign's pixels: less, and the drawing is not what the photograph shows
_GAINS = (0.03, 1.8)  # of full scale: a negative gain would show black as white
_USUAL_LIGHT = np.array((0.5, 0.2, 0.0, 0.0))
_OWN_LIGHT = 0.1  # weight of the light that all channels share, as a share of the pixels
_GROUND_PX = (1.5, 4.0, 12.0)  # how far the ground is carried under the sign


@dataclasses.dataclass(frozen=True)
class Scene:
    """A photograph without its sign.

    Attributes:
      ground: uint8 [S, S, 3]; the photograph, the sign painted over from its surroundings.
      light: float32 [4, 3]; gain, offset, slope across and slope down of each channel: a colour `x` at `(u, v)` in
        [-1, 1] becomes `light[0] x + light[1] + light[2] u + light[3] v`.
      blur_px: standard deviation of the blur, in pixels of the ground.
    """

    ground: np.ndarray
    light: np.ndarray
    blur_px: float


def find_scene(photograph: np.ndarray, drawing: np.ndarray) -> Scene | None:
    """Returns the scene of a photograph by least squares, or None where the drawing does not explain it.

    Args:
      photograph: uint8 [S, S, 3], cut to the sign's box with no more than a narrow margin.
      drawing: uint8 [S, S, 4], straight alpha: the sign as its facts say, where it is in the photograph.
    """
    side = len(photograph)
    y = photograph.astype(np.float32) / 255
    alpha = drawing[..., 3].astype(np.float32) / 255
    ink = drawing[..., :3].astype(np.float32) / 255 * alpha[..., None]
    scale = side / _SIDE_PX
    if not (alpha > _COVERED).any():
        return None
    strength, seen = _edges(y.mean(-1), alpha > _COVERED), _blurred(y, _SOFT_PX * scale)
    # Light explains contrast and blur explains edges, and each is needed to find the other.
    blur_px = 0.0
    for _ in range(_ROUNDS):
        # Edges of a drawing never lie on those of a photograph exactly; softened, both agree about where colours are.
        cover, shown = (_blurred(image, math.hypot(_SOFT_PX * scale, blur_px)) for image in (alpha, ink))
        light, explained = _find_light(seen, shown, cover > _COVERED)
        if explained < _LEAST_EXPLAINED or not _GAINS[0] < light[0].min() <= light[0].max() < _GAINS[1]:
            return None
        lit = np.float32(light[0].mean()) * ink.mean(-1)
        blurs = [blur * scale for blur in _BLURS_PX]
        blur_px = min(blurs, key=lambda blur: abs(_edges(_blurred(lit, blur), alpha > _COVERED) - strength))
    return Scene(_without_sign(y, alpha, scale), light, blur_px)


def _find_light(seen: np.ndarray, shown: np.ndarray, inside: np.ndarray) -> tuple[np.ndarray, float]:
    """Returns the light float32 [4, 3] that takes `shown` [S, S, 3] to `seen`, and the variance that it explains."""
    if inside.sum() < _LEAST_AREA * inside.size:
        return np.zeros((4, 3), np.float32), 0.0
    u, v = (places[inside] for places in _places(len(seen)))
    shown, seen = shown[inside], seen[inside]
    shared = _fit(shown.mean(-1), seen.mean(-1), u, v, _USUAL_LIGHT, 1e-3)
    rest = seen.mean(-1) - _basis(shown.mean(-1), u, v) @ shared
    # A sign of few hues says little about single channels, which then have the light that all share.
    light = np.stack([_fit(shown[:, c], seen[:, c], u, v, shared, _OWN_LIGHT) for c in range(3)], -1)
    return light.astype(np.float32), float(1 - np.var(rest) / max(np.var(seen.mean(-1)), 1e-6))


def framed(drawing: np.ndarray, size_px: int, *, margin: float = 0.0) -> np.ndarray:
    """Returns a drawing as a photograph is cut to its sign: centred, its longer side with a margin at both ends.

    Args:
      drawing: uint8 [h, w, 4], straight alpha.
      size_px: side of the result.
      margin: share of the sign's longer side.
    """
    left, top, width, height = cv2.boundingRect(np.ascontiguousarray(drawing[..., 3] > 127, np.uint8))
    scale = size_px / (max(width, height, 1) * (1 + 2 * margin))
    # Pixel centres lie at +0.5 in both grids.
    shift = [size_px / 2 - scale * centre + scale / 2 - 0.5 for centre in (left + width / 2, top + height / 2)]
    move = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    return cv2.warpAffine(drawing, move, (size_px, size_px), flags=cv2.INTER_AREA)


def _basis(x: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return np.stack([x, np.ones_like(x), u, v], -1)


def _fit(x, y, u, v, prior: np.ndarray, weight: float) -> np.ndarray:
    """Returns the light `[4]` of a channel: least squares with a pull towards `prior`."""
    basis = _basis(x, u, v)
    pull = weight * len(x) * np.diag((0.1, 0.05, 0.2, 0.2))
    return np.linalg.solve(basis.T @ basis + pull, basis.T @ y + pull @ prior)


def _edges(image: np.ndarray, inside: np.ndarray) -> float:
    return float(np.hypot(cv2.Sobel(image, -1, 1, 0), cv2.Sobel(image, -1, 0, 1))[inside].mean())


def in_scene(sign: np.ndarray, scene: Scene) -> np.ndarray:
    """Returns a sign in the place of the one that was photographed.

    Args:
      sign: float32 [S, S, 4] in [0, 1], associated alpha, where it shall be.
      scene: of side S.

    Returns:
      float32 [S, S, 3], about [0, 1].
    """
    side = len(sign)
    u, v = _places(side)
    cover = _blurred(sign[..., 3], scene.blur_px)[..., None]
    ink = _blurred(sign[..., :3], scene.blur_px)
    light = scene.light
    lit = light[0] * ink + cover * (light[1] + light[2] * u[..., None] + light[3] * v[..., None])
    return scene.ground * ((1 - cover) / 255) + lit


def _without_sign(photograph: np.ndarray, alpha: np.ndarray, scale: float) -> np.ndarray:
    """Returns the photograph with its ground carried under the sign, from near where it is near."""
    around = 1 - cv2.dilate((alpha > 0.02).astype(np.float32), np.ones((3, 3), np.float32))
    around[0, 0] = around[0, -1] = around[-1, 0] = around[-1, -1] = 1
    ground = np.broadcast_to(photograph[around > 0].mean(0), photograph.shape)
    for reach in reversed(_GROUND_PX):
        weight = cv2.GaussianBlur(around, (0, 0), reach * scale)[..., None]
        near = cv2.GaussianBlur(photograph * around[..., None], (0, 0), reach * scale) / np.maximum(weight, 1e-6)
        share = np.minimum(1, 20 * weight)
        ground = share * near + (1 - share) * ground
    return np.rint(255 * np.where(around[..., None] > 0, photograph, ground)).astype(np.uint8)


def _places(side: int) -> tuple[np.ndarray, np.ndarray]:
    line = np.linspace(-1, 1, side, dtype=np.float32)
    return np.broadcast_to(line, (side, side)), np.broadcast_to(line[:, None], (side, side))


def _blurred(image: np.ndarray, sigma: float) -> np.ndarray:
    return cv2.GaussianBlur(image, (0, 0), sigma) if sigma > 0.1 else image
