"""Whether a map lies on the object: the pointing game (Zhang et al., arXiv 1608.00507, section 4.1) and energy in box.

    pointing game: the share of images whose maximum lies in the box
    energy in box: sum of the map in the box / sum of the map                 (Score-CAM, arXiv 1910.01279, section 4.2)

The paper's tolerance of 15 pixels around the box is left out. A map without a value above zero points nowhere: it
counts as a miss, and has no energy in the box. Otherwise argmax would choose its first pixel, and an encoder whose maps
are rectified to nothing would be judged by the upper left corner.
"""

from __future__ import annotations

import numpy as np


def inside(boxes: np.ndarray, size_px: int) -> np.ndarray:
    """Returns `[n, S, S]` bool: the pixels of boxes `[n, 4]` (left, top, right, bottom; the last two just outside)."""
    left, top, right, bottom = (side[:, None] for side in boxes.T)
    along = np.arange(size_px)
    rows, columns = (top <= along) & (along < bottom), (left <= along) & (along < right)
    return rows[:, :, None] & columns[:, None, :]


def pointing_game(maps: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Returns `[n]` bool: whether the maximum of a map `[n, S, S]` lies in its box."""
    flat = maps.reshape(len(maps), -1)
    best = flat.argmax(1)
    hit = inside(boxes, maps.shape[-1]).reshape(flat.shape)[np.arange(len(maps)), best]
    return hit & (flat.max(1) > 0)


def energy_in_box(maps: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Returns `[n]`: the share of a map `[n, S, S]` that lies in its box."""
    total = maps.sum((1, 2))
    return (maps * inside(boxes, maps.shape[-1])).sum((1, 2)) / np.where(total > 0, total, 1)


def centre_map(size_px: int) -> np.ndarray:
    """Returns `[S, S]`, a Gaussian around the centre with a standard deviation of a quarter of the side.

    It knows no image. It is the baseline of the pointing game's paper, since objects tend to be in the middle.
    """
    along = (np.arange(size_px) - (size_px - 1) / 2) / (size_px / 4)
    return np.exp(-(along[:, None] ** 2 + along**2) / 2)
