"""One element of a sign on its own: a grey shape, a colour without shape, a legend on plain ground.

Each image shows one fact and leaves all others open, so the image of a shape cannot teach a colour by accident.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from kgv_jax.data.renderer.colours import jittered
from kgv_jax.data.renderer.pen import rasterise
from kgv_jax.data.renderer.sign import SignSpec, render_sign

Patch = Callable[[int], np.ndarray]


def draw_shape(name: str, rng: np.random.Generator, size_px: int) -> np.ndarray:
    """Returns the shape as a grey plate, with a border line more often than not; RGBA."""
    dark, light = _grey(rng, 20, 110), _grey(rng, 150, 245)
    inner, outer = (dark, light) if rng.random() < 0.5 else (light, dark)
    spec = SignSpec(
        shape=name,
        fill=inner,
        border=outer if rng.random() < 0.7 else None,
        border_width=rng.uniform(3, 13),
        corner=rng.uniform(1, 9),
    )
    return render_sign(spec, size_px)


def draw_colour(name: str, rng: np.random.Generator, size_px: int) -> np.ndarray:
    """Returns the colour in a random hue as a blob or as the whole sheet; RGBA."""
    angles = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    # A circle whose radius varies by a few random waves: a blob that has no shape of its own to learn.
    waves = [rng.uniform(-9, 9) / k * np.cos(k * angles + rng.uniform(0, 2 * np.pi)) for k in (1, 2, 3, 5)]
    radius = 38 + np.sum(waves, axis=0)
    corners = np.stack([50 + radius * np.cos(angles), 50 + radius * np.sin(angles)], axis=1)
    if rng.random() < 0.3:
        corners = np.array([[0, 0], [100, 0], [100, 100], [0, 100]])
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
    body = f'<polygon points="{points}" fill="{jittered(name, rng)}"/>'
    return rasterise(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100">{body}</svg>', size_px)


def draw_legend_alone(patches: Sequence[Patch], rng: np.random.Generator, size_px: int) -> np.ndarray:
    """Returns one of the patches in dark ink on a light ground, or the other way round; RGBA."""
    patch = patches[rng.integers(len(patches))](max(32, size_px))
    dark, light = _grey(rng, 0, 70), _grey(rng, 180, 255)
    ink, ground = (dark, light) if rng.random() < 0.5 else (light, dark)
    spec = SignSpec(
        shape="square" if rng.random() < 0.5 else "circle",
        fill=ground,
        legend=stretched(patch, rng),
        legend_colour=ink,
        legend_scale=rng.uniform(1.0, 1.25),
    )
    return render_sign(spec, size_px)


def stretched(patch: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Changes the proportions of a patch by up to a tenth."""
    height, width = patch.shape[:2]
    size = (round(width * rng.uniform(0.9, 1.1)), round(height * rng.uniform(0.9, 1.1)))
    return cv2.resize(patch, size, interpolation=cv2.INTER_AREA)


def _grey(rng: np.random.Generator, low: int, high: int) -> str:
    return "#" + f"{rng.integers(low, high + 1):02x}" * 3
