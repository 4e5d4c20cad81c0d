"""The numbers of an explanation, beside those of maps that know less: random weights, the middle, no place at all."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from kgv_jax.explain.faithfulness import deletion_and_insertion
from kgv_jax.explain.localisation import centre_map, energy_in_box, inside, pointing_game
from kgv_jax.report.stats import accuracy_interval

GRAD_CAM, RANDOM_WEIGHTS, CENTRE, UNIFORM = "grad_cam", "random weights", "centre", "uniform"


@dataclasses.dataclass(frozen=True)
class Explained:
    """Photographs and what is known of them.

    Attributes:
      images: `[n, S, S, 3]` uint8.
      image: `[n]` the drawing each shows: the unit that intervals resample.
      label: `[n]` int32 true class.
      classes: `[n]` int32, the class explained.
      boxes: `[n, 4]` (left, top, right, bottom), or None.
      mean: `[3]` uint8, the mean colour of the encoder's normalisation.
    """

    images: np.ndarray
    group: np.ndarray
    label: np.ndarray
    classes: np.ndarray
    boxes: np.ndarray | None
    mean: np.ndarray


def trust(
    explained: Explained,
    maps: Mapping[str, np.ndarray],
    probabilities: Callable[[np.ndarray], np.ndarray],
) -> list[dict[str, Any]]:
    """Returns a record (map, measure, mean, low, high) for every map and every measure that can be taken of it.

    Args:
      explained: the photographs.
      maps: name -> `[n, S, S]`, zero or more; the middle and a uniform map are added.
      probabilities: the trained model, `[m, S, S, 3]` uint8 to `[m, C]`, whatever the maps were made of.
    """
    size_px = explained.images.shape[1]
    middle = np.broadcast_to(centre_map(size_px), explained.images.shape[:3])
    records = []
    for name, own in {**maps, CENTRE: middle}.items():
        areas = [
            deletion_and_insertion(probabilities, image, saliency, label=int(label), mean=explained.mean)
            for image, saliency, label in zip(explained.images, own, explained.classes, strict=True)
        ]
        found = dict(zip(("deletion", "insertion"), np.transpose(areas), strict=True))
        found["points nowhere"] = own.max((1, 2)) <= 0
        if explained.boxes is not None:
            found["pointing game"] = pointing_game(own, explained.boxes)
            found["energy in box"] = energy_in_box(own, explained.boxes)
        records += [_record(name, measured, values, explained.group) for measured, values in found.items()]
    if explained.boxes is not None:
        # Without a largest place, what is expected of one drawn at random: the box's share of the image, both times.
        share = inside(explained.boxes, size_px).mean((1, 2))
        records += [_record(UNIFORM, name, share, explained.group) for name in ("pointing game", "energy in box")]
    return records


def _record(name: str, measured: str, values: np.ndarray, group: np.ndarray) -> dict[str, Any]:
    """Intervals resample drawings: all values lie in [0, 1], for which those of shares are wide enough."""
    return {"map": name, "measure": measured, "n": len(values)} | accuracy_interval(values, group)._asdict()
