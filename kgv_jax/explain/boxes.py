"""Where the object is: known for photographs of drawings, whose camera can be asked again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kgv_jax.config_schema import Config
from kgv_jax.data.photograph import RENDER_SCALE, Nuisance, object_box, photograph_rng
from kgv_jax.data.types import Dataset
from kgv_jax.experiment import test_stream
from kgv_jax.predictions import VALIDATION


def boxes_of(config: Config, dataset: Dataset, domain: str, ids: Sequence[str]) -> np.ndarray | None:
    """Returns `[n, 4]` int (left, top, right, bottom) of test photographs, or None where pictures are not drawings.

    Photograph `PICTURE#K` follows from (split seed, stream, picture, k), and so does where the drawing lies in it. Of
    an emoji that is its card.

    Args:
      config: of the run.
      dataset: its pictures.
      domain: a test domain, or validation.
      ids: of photographs, as predictions files have them.
    """
    if not dataset.photographs:
        return None
    pictures = dataset.validation if domain == VALIDATION else dataset.domains[domain]
    by_id = {picture.id: picture for picture in pictures}
    size_px, boxes = config.data.size_px, []
    for name in ids:
        picture, _, k = name.rpartition("#")
        drawing = by_id[picture].load(round(RENDER_SCALE * size_px))
        rng = photograph_rng(config.data.split_seed, test_stream(domain), picture, int(k))
        boxes.append(object_box(drawing, size_px, rng, Nuisance()))
    return np.array(boxes)
