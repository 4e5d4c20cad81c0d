"""Nine classes that are three colours by three textures, and their images: what tests of learning train on."""

import itertools

import numpy as np

from kgv_jax.kg.graph import Graph

COLOURS = {"red": (200, 40, 40), "green": (40, 200, 40), "blue": (40, 40, 200)}
TEXTURES = ("plain", "rows", "columns")
CLASSES = {f"{c}-{t}": (c, t) for c, t in itertools.product(COLOURS, TEXTURES)}
# A Latin square: each colour and each texture is left out once.
NOVEL = ("red-plain", "green-rows", "blue-columns")


def draw(colour, texture, rng):
    """A texture in a colour; None leaves either out: grey, or noise in place of a texture."""
    base = np.array(COLOURS.get(colour, (120, 120, 120)), float) * rng.uniform(0.8, 1.2)
    lines = (np.arange(16) // 2 % 2 * 2 - 1) * 40.0
    columns = np.tile(lines, (16, 1))
    relief = {"plain": 0 * columns, "rows": columns.T, "columns": columns}.get(texture, rng.permuted(columns))
    return np.clip(base + relief[..., None] + rng.normal(0, 12, (16, 16, 3)), 0, 255).astype(np.uint8)


def make_graph():
    """Every class states its colour and its texture."""
    triples = [(name, "hasColour", colour) for name, (colour, _) in CLASSES.items()]
    triples += [(name, "hasTexture", texture) for name, (_, texture) in CLASSES.items()]
    types = dict.fromkeys(CLASSES, "Class") | dict.fromkeys(COLOURS, "Colour") | dict.fromkeys(TEXTURES, "Texture")
    return Graph.from_triples(triples, types=types)
