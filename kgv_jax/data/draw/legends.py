"""Every pictogram by name, in the hand that draws it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import numpy as np

from kgv_jax.data.draw.arrows import ARROWS
from kgv_jax.data.draw.beings import BEINGS
from kgv_jax.data.draw.pen import Hand, Pen
from kgv_jax.data.draw.raster import rasterise
from kgv_jax.data.draw.things import MARKS, THINGS
from kgv_jax.data.draw.vehicles import VEHICLES
from kgv_jax.util.errors import UserError, nearest

LEGENDS: Mapping[str, Callable[[Pen], None]] = {**ARROWS, **VEHICLES, **BEINGS, **THINGS, **MARKS}

_FACING = frozenset((*VEHICLES, *BEINGS)) - {"slippery-road", "overtaking", "truck-overtaking"}

# What graphs and artwork call the same drawing.
_ALIASES = {
    "aeroplane": "airplane", "aircraft": "airplane", "low-flying-aircraft": "airplane",
    "bend-left": "curve-left", "bend-right": "curve-right",
    "bicycles": "bicycle", "bike": "bicycle", "cyclist": "bicycle", "cycles": "bicycle",
    "buses": "bus", "motor-vehicle": "car", "motor-vehicles": "car", "cars": "car",
    "lorry": "truck", "heavy-goods-vehicle": "truck", "heavy-goods-vehicles": "truck", "trucks": "truck",
    "motorcycles": "motorcycle", "moped": "motorcycle", "mopeds": "motorcycle",
    "tractors": "tractor", "agricultural-vehicle": "tractor", "carts": "cart", "handcart": "cart",
    "trams": "tram", "locomotive": "train", "steam-train": "train", "trailers": "trailer", "caravan": "trailer",
    "pedestrians": "pedestrian", "pedestrians-crossing": "pedestrian-crossing", "walker": "pedestrian",
    "child": "children", "school": "children", "playground": "children", "digger": "roadworks",
    "worker": "roadworks", "construction": "roadworks", "adult-and-child": "parent-and-child",
    "equestrian": "horse-rider", "equestrians": "horse-rider", "rider": "horse-rider",
    "wild-animal": "deer", "wild-animals": "deer", "domestic-animals": "cow", "cattle": "cow",
    "traffic-lights": "traffic-light", "traffic-signal": "traffic-light", "traffic-signals": "traffic-light",
    "road-bump": "bump", "hump": "bump", "speed-bump": "bump", "uneven": "uneven-road", "bumps": "uneven-road",
    "slippery": "slippery-road", "slippery-road-surface": "slippery-road", "skidding-car": "slippery-road",
    "loose-gravel": "gravel", "loose-road-surface": "gravel", "loose-chippings": "gravel",
    "rocks": "falling-rocks", "falling-rocks-or-debris": "falling-rocks", "hill": "steep-descent",
    "steep-hill": "steep-descent", "descent": "steep-descent", "ascent": "steep-ascent",
    "opening-bridge": "swing-bridge", "opening-or-swing-bridge": "swing-bridge", "windsock": "wind-sock",
    "crosswind": "wind-sock", "dangerous-crosswinds": "wind-sock", "crosswinds": "wind-sock",
    "river-bank": "quay", "quay-or-river-bank": "quay", "wave": "quay", "ice": "snowflake", "snow": "snowflake",
    "exclamation-mark": "exclamation", "other-danger": "exclamation", "danger": "exclamation",
    "fuel": "fuel-pump", "gas-station": "fuel-pump", "petrol-pump": "fuel-pump", "phone": "telephone",
    "fence": "gate", "barrier": "gate", "p": "parking", "letter-p": "parking", "h": "hospital", "letter-h": "hospital",
    "two-cars": "overtaking", "passing-cars": "overtaking", "traffic-queue": "queue", "traffic-queues": "queue",
    "two-way-traffic": "two-way", "opposite-arrows": "two-way", "road-narrows": "narrows",
    "road-narrows-left": "narrows-left", "road-narrows-right": "narrows-right", "t-roads": "t-road",
    "t-junction": "t-road", "y-roads": "y-road", "cross-roads": "crossroads", "crossing-roads": "crossroads",
    "circular-arrows": "roundabout", "straight-arrow": "straight", "arrow-up": "straight", "ahead": "straight",
    "arrow-straight": "straight", "left-arrow": "arrow-left", "right-arrow": "arrow-right",
    "winding-road": "double-curve-left", "hand": "stop-hand", "horizontal-bar": "bar", "white-bar": "bar",
    "stop": "stop-text", "yield": "yield-text", "weight-limit": "weight", "height-limit": "height",
    "width-limit": "width", "length-limit": "length", "lightning": "electricity", "tents": "tent",
    "camping": "tent", "skiers": "skier", "blind": "blind-person", "i": "information", "snow-chain": "snow-chains",
    "diagonal-bar": "slash", "red-slash": "slash", "red-cross": "cross", "end": "end-bars",
}


def find_legend(*names: str) -> str | None:
    """Returns the pictogram that one of `names` (a node's local name, its label) speaks of, or None.

    Case, spaces, underscores and the word "legend" at either end do not count.
    """
    for name in names:
        plain = re.sub(r"[\s_]+", "-", name.strip().lower())
        plain = re.sub(r"^legend[-.]|^pictogram[-.]|[-.]legend$|-pictogram$|-symbol$", "", plain)
        for candidate in (plain, _ALIASES.get(plain, ""), f"number-{plain}"):
            if candidate in LEGENDS:
                return candidate
    return None


def draw_legend(name: str, hand: Hand, *, ink: str = "#fff", paper: str = "#000") -> str:
    """Returns the pictogram as an SVG group on a 100 x 100 sheet.

    Raises:
      UserError: if the renderer has no pictogram of that name.
    """
    if name not in LEGENDS:
        raise UserError(f"no pictogram named {name!r}{nearest(name, LEGENDS)}; "
                        "kgv_jax.data.draw.legends.LEGENDS lists those there are")
    pen = Pen(hand, ink, paper)
    LEGENDS[name](pen)
    return pen.svg(flips=name in _FACING)


def legend_alpha(name: str, hand: Hand, size_px: int) -> np.ndarray:
    """Returns the pictogram as an alpha mask, [size, size] uint8: 255 is ink."""
    svg = (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100"><rect width="100" height="100"/>'
           f"{draw_legend(name, hand)}</svg>")
    return np.ascontiguousarray(rasterise(svg, size_px)[..., 0])
