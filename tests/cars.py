"""A tiny copy of DVM-CAR in its published layout, for tests to read and to break."""

from __future__ import annotations

import pathlib

import numpy as np
from PIL import Image

MODELS = {"2_1": ("Abarth", "124 Spider"), "10_1": ("Bentley", "Arnage"), "43_2": ("Kia", "Pro Cee'd")}
BODIES = {"2_1": "Convertible", "10_1": "Saloon", "43_2": "Hatchback"}
COLOURS = ("Black", "Silver", "Red")
VIEWPOINTS = (0, 45, 270)
_ADVERTS = 6  # of each model: two of each colour, registered from 2003 on


def write(root: pathlib.Path, *, source_images: str = "resized_DVM", tables: str = "tables_V2.0") -> pathlib.Path:
    """Writes tables and images: of every advert a front, a quarter and a side view."""
    basic = ["Automaker, Automaker_ID, Genmodel, Genmodel_ID"]
    adverts = ["Maker, Genmodel, Genmodel_ID, Adv_ID, Adv_year, Adv_month, Color, Reg_year, Bodytype, Runned_Miles"]
    images = ["Genmodel_ID, Image_ID, Image_name, Predicted_viewpoint, Quality_check"]
    for model, (brand, title) in MODELS.items():
        basic.append(f"{brand},{model.partition('_')[0]},{title},{model}")
        for advert in range(_ADVERTS):
            colour, year = COLOURS[advert % len(COLOURS)], 2003 + 2 * advert
            adverts.append(f"{brand},{title},{model},{model}$${advert},2018,5,{colour},{year},{BODIES[model]},60000")
            for number, angle in enumerate(VIEWPOINTS):
                name = f"{brand}$${title}$${year}$${colour}$${model}$${advert}$$image_{number}.jpg"
                images.append(f"{model},{model}$${advert}$${number},{name},{angle},{'P' if angle == 0 else ''}")
                path = root / source_images / brand / title / str(year) / colour / name
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(np.full((30, 30, 3), 20 * advert, np.uint8)).save(path)
    (root / tables).mkdir(parents=True, exist_ok=True)
    for name, lines in (("Basic", basic), ("Ad", adverts), ("Image", images)):
        (root / tables / f"{name}_table.csv").write_text("\n".join(lines) + "\n")
    return root
