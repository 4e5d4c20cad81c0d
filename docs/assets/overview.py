"""Renders `overview.png` of the README with the project's own renderer: `python docs/assets/overview.py`."""

import pathlib

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from kgv_jax.data.render_augment import RenderAugmentation, render_view, view_rng
from kgv_jax.data.sources import rendered_signs
from kgv_jax.data.synthetic import RenderedLegends, composition_images, element_images
from kgv_jax.kg.load import load_graph
from kgv_jax.kg.names import local_name

SIDE, GAP, LABEL = 96, 8, 250
CLASSES = ("stop", "yield", "speed-limit-50", "children", "deer", "no-overtaking", "parking", "slippery-road")


def view(image) -> np.ndarray:
    """Returns one rendered view of a source image, uint8 `[SIDE, SIDE, 3]`."""
    rng = view_rng(0, "overview", image.id, 0)
    return render_view(image.load(round(1.5 * SIDE)), SIDE, rng, RenderAugmentation())


def plain(image) -> np.ndarray:
    """Returns a source image on white, uint8 `[SIDE, SIDE, 3]`."""
    rgba = image.load(SIDE).astype(np.float32)
    alpha = rgba[..., 3:] / 255
    return (rgba[..., :3] * alpha + 255 * (1 - alpha)).astype(np.uint8)


def main() -> None:
    """Writes the picture."""
    graph = load_graph(rendered_signs.graph_path(), class_types=("Class",)).graph
    legends = RenderedLegends.for_graph(graph)
    by_country = {c: rendered_signs.country_images(graph, c, drawings=1) for c in ("de", "cn", "ru", "us")}
    shared = set.intersection(*({image.label for image in images} for images in by_country.values()))
    classes = [name for name in CLASSES if name in shared] + sorted(shared)
    classes = list(dict.fromkeys(classes))[:8]

    def of(images):
        first = {}
        for image in images:
            first.setdefault(local_name(image.label), image)
        return [first[name] for name in classes]

    nodes = [node for node in graph.nodes if local_name(node) in classes]
    composed = composition_images(graph, nodes, legends=legends, styles=("cn",), per_variant=1, seed=0)
    elements = element_images(graph, legends=legends, per_element=1, seed=0)
    wanted = (
        "octagon", "inverted-triangle", "red", "yellow",
        "legend-number-50", "legend-children", "legend-overtaking-arrows", "legend-bicycle",
    )  # fmt: skip
    shown = {local_name(image.depicts[0][1]): image for image in elements}
    elements = [shown[name] for name in wanted]
    rows = [
        (
            "1  Images of the source domain",
            "German signs, with labels",
            [view(image) for image in of(by_country["de"])],
        ),
        ("2  Elements of the graph", "shapes, colours, legends", [plain(image) for image in elements]),
        ("3  Signs composed from facts", "what the graph says of China", [plain(image) for image in of(composed)]),
        ("4  Images of a target domain", "never seen in training", [view(image) for image in of(by_country["cn"])]),
    ]
    width = LABEL + 8 * (SIDE + GAP) + GAP
    page = Image.new("RGB", (width, len(rows) * (SIDE + GAP) + GAP), "white")
    draw = ImageDraw.Draw(page)
    big, small = ImageFont.load_default(16), ImageFont.load_default(13)
    for number, (title, about, images) in enumerate(rows):
        top = GAP + number * (SIDE + GAP)
        draw.text((GAP, top + 26), title, "black", font=big)
        draw.text((GAP + 22, top + 50), about, "#555555", font=small)
        for column, pixels in enumerate(images):
            page.paste(Image.fromarray(pixels), (LABEL + column * (SIDE + GAP), top))
    page.save(pathlib.Path(__file__).with_name("overview.png"), optimize=True)


if __name__ == "__main__":
    main()
