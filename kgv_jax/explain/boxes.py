"""Where the object is: known for photographs of drawings, whose camera can be asked again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kgv_jax.config.schema import Config
from kgv_jax.data.render_augment import RENDER_SCALE, RenderAugmentation, object_box, view_rng
from kgv_jax.data.types import VALIDATION, Dataset
from kgv_jax.experiment.examples import stream_of_domain


def boxes_of(config: Config, dataset: Dataset, domain: str, ids: Sequence[str]) -> np.ndarray | None:
    """Returns `[n, 4]` int (left, top, right, bottom) of test photographs, or None where images are not drawings.

    Photograph `PICTURE#K` follows from (split seed, stream, image, k), and so does where the drawing lies in it. Of
    an emoji that is its card.

    Args:
      config: of the run.
      dataset: its images.
      domain: a test domain, or validation.
      ids: of photographs, as predictions files have them.
    """
    if not dataset.render_views:
        return None
    images = dataset.validation if domain == VALIDATION else dataset.domains[domain]
    by_id = {group.id: group for group in images}
    size_px, boxes = config.data.size_px, []
    for name in ids:
        group, _, k = name.rpartition("#")
        drawing = by_id[group].load(round(RENDER_SCALE * size_px))
        rng = view_rng(config.data.split_seed, stream_of_domain(domain), group, int(k))
        boxes.append(object_box(drawing, size_px, rng, RenderAugmentation()))
    return np.array(boxes)
