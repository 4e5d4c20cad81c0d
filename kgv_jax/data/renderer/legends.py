"""Every pictogram by name, in the hand that draws it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import numpy as np

from kgv_jax.data.renderer.arrows import ARROWS
from kgv_jax.data.renderer.beings import BEINGS
from kgv_jax.data.renderer.marks import MARKS
from kgv_jax.data.renderer.pen import DrawingStyle, Pen
from kgv_jax.data.renderer.raster import rasterise
from kgv_jax.data.renderer.things import THINGS
from kgv_jax.data.renderer.vehicles import VEHICLES
from kgv_jax.data.renderer.words import WORDS
from kgv_jax.util.errors import UserError, nearest

LEGENDS: Mapping[str, Callable[[Pen], None]] = {**ARROWS, **VEHICLES, **BEINGS, **THINGS, **WORDS, **MARKS}

_FACING = frozenset((*VEHICLES, *BEINGS)) - {"slippery-road", "overtaking", "truck-overtaking", "tilting-car"}

# What graphs and artwork call the same drawing.
_ALIASES = {
    alias: name
    for name, aliases in {
        "airplane": "aeroplane aircraft low-flying-aircraft",
        "curve-left": "bend-left",
        "curve-right": "bend-right",
        "bicycle": "bicycles bike cyclist cycles",
        "bus": "buses",
        "car": "motor-vehicle motor-vehicles cars",
        "truck": "lorry heavy-goods-vehicle heavy-goods-vehicles trucks",
        "motorcycle": "motorcycles moped mopeds",
        "tractor": "tractors agricultural-vehicle",
        "cart": "carts handcart",
        "tram": "trams",
        "train": "locomotive steam-train",
        "trailer": "trailers caravan",
        "pedestrian": "pedestrians walker",
        "pedestrian-crossing": "pedestrians-crossing",
        "children": "child school playground",
        "roadworks": "digger worker construction",
        "parent-and-child": "adult-and-child",
        "horse-rider": "equestrian equestrians rider",
        "deer": "wild-animal wild-animals",
        "cow": "domestic-animals cattle",
        "traffic-light": "traffic-lights traffic-signal traffic-signals",
        "bump": "road-bump hump speed-bump",
        "uneven-road": "uneven bumps",
        "slippery-road": "slippery slippery-road-surface skidding-car",
        "gravel": "loose-gravel loose-road-surface loose-chippings",
        "falling-rocks": "rocks falling-rocks-or-debris",
        "steep-descent": "hill steep-hill descent",
        "steep-ascent": "ascent",
        "swing-bridge": "opening-bridge opening-or-swing-bridge",
        "wind-sock": "windsock crosswind dangerous-crosswinds crosswinds",
        "quay": "river-render cache quay-or-river-render cache",
        "waves": "wave water",
        "snowflake": "ice snow",
        "exclamation": "exclamation-mark other-danger danger",
        "fuel-pump": "fuel gas-station petrol-pump",
        "telephone": "phone",
        "gate": "fence barrier",
        "parking": "p letter-p",
        "hospital": "h letter-h",
        "overtaking": "two-cars passing-cars",
        "queue": "traffic-queue traffic-queues",
        "two-way": "two-way-traffic opposite-arrows",
        "narrows": "road-narrows",
        "narrows-left": "road-narrows-left",
        "narrows-right": "road-narrows-right",
        "t-road": "t-roads t-junction",
        "y-road": "y-roads",
        "crossroads": "cross-roads crossing-roads",
        "roundabout": "circular-arrows",
        "straight": "straight-arrow arrow-up ahead arrow-straight",
        "arrow-left": "left-arrow",
        "arrow-right": "right-arrow",
        "double-curve-left": "winding-road",
        "stop-hand": "drawing_style",
        "bar": "horizontal-bar white-bar",
        "stop-text": "stop",
        "yield-text": "yield",
        "weight": "weight-limit",
        "height": "height-limit",
        "width": "width-limit",
        "length": "length-limit",
        "electricity": "lightning",
        "tent": "tents camping",
        "skier": "skiers",
        "blind-person": "blind",
        "information": "i",
        "snow-chains": "snow-chain",
        "slash": "diagonal-bar red-slash",
        "cross": "red-cross",
        "end-bars": "end",
    }.items()
    for alias in aliases.split()
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


def draw_legend(name: str, drawing_style: DrawingStyle, *, ink: str = "#fff", paper: str = "#000") -> str:
    """Returns the pictogram as an SVG group on a 100 x 100 sheet.

    Raises:
      UserError: if the renderer has no pictogram of that name.
    """
    if name not in LEGENDS:
        raise UserError(
            f"no pictogram named {name!r}{nearest(name, LEGENDS)}; "
            "kgv_jax.data.renderer.legends.LEGENDS lists those there are"
        )
    pen = Pen(drawing_style, ink, paper)
    LEGENDS[name](pen)
    return pen.svg(flips=name in _FACING)


def legend_alpha(name: str, drawing_style: DrawingStyle, size_px: int) -> np.ndarray:
    """Returns the pictogram as an alpha mask, [size, size] uint8: 255 is ink."""
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100"><rect width="100" height="100"/>'
        f"{draw_legend(name, drawing_style)}</svg>"
    )
    return np.ascontiguousarray(rasterise(svg, size_px)[..., 0])
