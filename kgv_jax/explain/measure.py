"""Measures of how far maps can be trusted, beside those of controls, as records and as tables.

The controls know less than a map should: maps of random weights, the middle of the image, and a uniform map. A Grad-CAM
that does not beat them is no evidence about the model, however plausible it looks.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from kgv_jax.explain.faithfulness import deletion_and_insertion
from kgv_jax.explain.localisation import centre_map, energy_in_box, inside, pointing_game
from kgv_jax.report.stats import accuracy_interval
from kgv_jax.report.table import Table

GRAD_CAM, RANDOM_WEIGHTS, CENTRE, UNIFORM = "grad_cam", "random weights", "centre", "uniform"
_BETTER = {"deletion": "deletion (low)", "insertion": "insertion (high)"}


@dataclasses.dataclass(frozen=True)
class Explained:
    """Images that are explained, and what is known of them.

    Attributes:
      images: `[n, S, S, 3]` uint8.
      group: `[n]`, the source image that each is a view of: the unit that intervals resample.
      label: `[n]` int32, the true class.
      classes: `[n]` int32, the class whose map is made.
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
    """Returns a record (map, measure, n, mean, low, high) for every map and every measure that applies to it.

    Args:
      explained: the images.
      maps: name -> `[n, S, S]`, values of zero or more; the middle and a uniform map are added.
      probabilities: the trained model, `[m, S, S, 3]` uint8 to `[m, C]`. It is the same for all maps, those of random
        weights too: the question is whether a map finds what the trained model uses.
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
        # A uniform map has no largest position. A position chosen at random lies in the box with probability equal to
        # the box's share of the image, which is also the share of the map's energy in it.
        share = inside(explained.boxes, size_px).mean((1, 2))
        records += [_record(UNIFORM, name, share, explained.group) for name in ("pointing game", "energy in box")]
    return records


def _record(name: str, measured: str, values: np.ndarray, group: np.ndarray) -> dict[str, Any]:
    """Returns a record with the 95 % interval of a mean, from resampled source images.

    All values lie in [0, 1], where an interval for shares is wide enough for means too.
    """
    return {"map": name, "measure": measured, "n": len(values)} | accuracy_interval(values, group)._asdict()


def trust_table(records: Sequence[Mapping[str, Any]]) -> Table:
    """Returns the records of `trust` as a table: a row per map, a column per measure, in %, with 95 % intervals."""
    maps, measures = (list(dict.fromkeys(record[key] for record in records)) for key in ("map", "measure"))
    found = {(record["map"], record["measure"]): record for record in records}
    rows = [(name, *(_interval(found[name, m]) if (name, m) in found else "-" for m in measures)) for name in maps]
    header = ("map", *(_BETTER.get(name, name) for name in measures))
    return Table(header, tuple(rows), 1, f"Grad-CAM of {records[0]['n']} images, %")


def similarity_table(records: Sequence[Mapping[str, Any]]) -> Table:
    """Returns the records of `randomised.similarities` as a table: a row per layer down to which weights are random."""
    rows = [(record["down to"], f"{record['correlation']:.2f}") for record in records]
    return Table(
        ("weights randomised down to", "rank correlation"), tuple(rows), 1, "Similarity to the maps of learnt weights"
    )


def _interval(record: Mapping[str, Any]) -> str:
    return "{:.1f} [{:.1f}, {:.1f}]".format(*(100 * record[key] for key in ("mean", "low", "high")))
