"""Colours of road signs: one plain hue per name, the hues of countries, and how a hue is jittered."""

from __future__ import annotations

import colorsys
from collections.abc import Mapping

import numpy as np

COLOURS: Mapping[str, str] = {
    "white": "#f4f4f2",
    "black": "#101012",
    "grey": "#8d9194",
    "red": "#c3141e",
    "orange": "#ee7a12",
    "yellow": "#f8cf13",
    "green": "#0f7a48",
    "blue": "#1450a0",
    "brown": "#6f4424",
    "purple": "#6d2a86",
    "pink": "#ea5aa0",
}

# Traffic red RAL 3020 and traffic blue RAL 5017 in Germany, GB/T 18833 sheeting in China, GOST 32945
# in Russia, FHWA highway colours in the United States: measured sheeting varies about as much.
HUES: Mapping[str, Mapping[str, str]] = {
    "de": {"red": "#c1121c", "blue": "#00508f", "yellow": "#fab500", "white": "#f6f8f8", "green": "#00724b"},
    "cn": {"red": "#e3161f", "blue": "#1b3fa6", "yellow": "#ffd90f", "white": "#fbfbf4", "green": "#008c50"},
    "ru": {"red": "#dc3a16", "blue": "#0064c8", "yellow": "#ffc81e", "white": "#f0f2f6", "green": "#00854a"},
    "us": {"red": "#b0122b", "blue": "#003f87", "yellow": "#fdb71a", "white": "#f5f3ec", "green": "#006747"},
}


def hue(name: str, style: str = "") -> str:
    """Returns a colour as `#rrggbb`, in the national hue where the country `style` has one."""
    return HUES.get(style, {}).get(name, COLOURS[name])


def to_rgb(colour: str) -> tuple[int, int, int]:
    """Returns `#rrggbb` as three integers."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def jittered(name: str, rng: np.random.Generator) -> str:
    """Returns a random hue that is still called `name`, as `#rrggbb`."""
    # The ranges stop short of the neighbouring colour names; greys stay grey, and black may fade a little.
    h, s, v = colorsys.rgb_to_hsv(*(c / 255 for c in to_rgb(COLOURS[name])))
    h = (h + rng.uniform(-0.022, 0.022)) % 1.0
    s = float(np.clip(s * rng.uniform(0.82, 1.12), 0, 1)) if s > 0.2 else s * rng.uniform(0, 1.5)
    v = float(np.clip(v * rng.uniform(0.85, 1.12) + (rng.uniform(0, 0.1) if v < 0.1 else 0), 0, 1))
    return "#" + "".join(f"{round(255 * c):02x}" for c in colorsys.hsv_to_rgb(h, s, v))
