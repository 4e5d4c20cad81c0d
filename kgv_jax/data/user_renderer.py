"""`kgv prepare elements FILE.py:FUNCTION --graph=FILE --out=DIR`: a user's renderer makes images of nodes.

The function gets the `kg.graph.Graph` and returns or yields `data.types.SourceImage`s with `depicts` filled in:

    def render(graph):
        for node in graph.nodes_of_type("Colour"):
            yield SourceImage(f"{graph.labels[node]}/0", "elements", None, paint, (("instanceOf", graph.nodes[node]),))

The images and their manifest are written to DIR, which a run reads with `config.synthetic.manifest=DIR`. The file is
code, and it is executed only here, where the user types its name: a config names data alone, so another person's config
cannot start anything.
"""

from __future__ import annotations

import csv
import importlib.util
import os
import pathlib
from collections.abc import Iterable

from PIL import Image

from kgv_jax.data.synthetic_manifest import NAME, Renderer
from kgv_jax.data.types import SourceImage
from kgv_jax.util.errors import UserError


def load_renderer(name: str) -> Renderer:
    """Imports `FILE.py:FUNCTION`.

    Raises:
      UserError: the name has another form, or there is no such file or function.
    """
    file, colon, function = name.rpartition(":")
    if not colon or not file.endswith(".py"):
        raise UserError(f"The renderer is {name!r}; expected FILE.py:FUNCTION, such as my_signs.py:render.")
    path = pathlib.Path(file)
    if not path.is_file():
        raise UserError(f"The renderer's file {path} does not exist; expected FILE.py:FUNCTION.")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if not callable(found := getattr(module, function, None)):
        known = ", ".join(sorted(k for k, v in vars(module).items() if callable(v) and not k.startswith("_")))
        raise UserError(f"{path} has no function {function!r}; expected one of: {known or 'none'}.")
    return found


def write_images(images: Iterable[SourceImage], folder: str | os.PathLike, *, size_px: int) -> int:
    """Renders images as PNG and writes their manifest; returns how many there are.

    Raises:
      UserError: the folder has a manifest already, an image depicts nothing, or its id is taken or not a path.
    """
    folder = pathlib.Path(folder)
    if (folder / NAME).exists():
        raise UserError(f"{folder / NAME} exists already. Name another folder, or remove it.")
    # Ids become paths below the folder, so each must be unique and stay inside it.
    rows: list[tuple[str, str, str]] = []
    seen: set[str] = set()
    for source_image in images:
        image = pathlib.PurePosixPath(f"{source_image.id}.png")
        if source_image.id in seen or image.is_absolute() or ".." in image.parts:
            raise UserError(f"The image id {source_image.id!r} occurs twice or is no path below {folder}. Change it.")
        if not source_image.depicts:
            raise UserError(f"The image {source_image.id!r} depicts nothing; expected (relation, node) pairs.")
        seen.add(source_image.id)
        (folder / image).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(source_image.load(size_px)).save(folder / image)
        rows += [(image.as_posix(), node, relation) for relation, node in source_image.depicts]
    if not rows:
        raise UserError("The renderer made no image of this graph; expected one or more.")
    with open(folder / NAME, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("image", "node", "relation"), *rows])
    return len(seen)
