"""Whether a map finds what the model's answer rests on: deletion and insertion (RISE, arXiv 1806.07421, section 4.1).

    deletion  = area under p_c(the share q of most important pixels replaced) over q in [0, 1]     (low is good)
    insertion = area under p_c(only the share q of most important pixels shown) over q in [0, 1]   (high is good)

`p_c` is the model's probability of the explained class. Both are needed: a partly deleted image lies outside the
training data and may lose its class for that reason alone; insertion approaches the image from the other side.

As in the paper, deleted pixels take the mean colour that the encoder was normalised by, and insertion starts from the
blurred image, because sharp edges around inserted pixels would be evidence of their own. The width of the blur differs
from the paper: an eighth of the side, since 5 px of 224 would leave an image of 32 px almost unchanged.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import ndimage

STEPS = 16
_BLUR_SHARE = 1 / 8


def importance_ranks(saliency: np.ndarray) -> np.ndarray:
    """Returns `[S, S]` int: 0 for the most important position of a map `[S, S]`.

    Positions of equal value, of which a rectified map has many, get ranks in a random order that is always the same.
    Row by row, the top of an image would count as more important than its bottom.
    """
    order = np.lexsort((np.random.default_rng(0).permutation(saliency.size), -saliency.ravel()))
    ranks = np.empty(saliency.size, int)
    ranks[order] = np.arange(saliency.size)
    return ranks.reshape(saliency.shape)


def replaced(image: np.ndarray, substrate: np.ndarray, ranks: np.ndarray, *, steps: int = STEPS) -> np.ndarray:
    """Returns `[steps + 1, S, S, 3]`: `image` whose first 0, 1 / steps, ..., 1 of ranks come from `substrate`."""
    counts = np.linspace(0, ranks.size, steps + 1).round().astype(int)
    return np.where((ranks < counts[:, None, None])[..., None], substrate, image)


def blurred(image: np.ndarray) -> np.ndarray:
    """Returns an image `[S, S, 3]` uint8 that keeps the colours and loses the shapes."""
    sigma = _BLUR_SHARE * len(image)
    return ndimage.gaussian_filter(image.astype(np.float32), (sigma, sigma, 0), mode="nearest").round().astype(np.uint8)


def area(curve: np.ndarray) -> float:
    """Returns the area under a curve `[steps + 1]` over [0, 1], by trapezoids."""
    return float(np.trapezoid(curve, dx=1 / (len(curve) - 1)))


def deletion_and_insertion(
    probabilities: Callable[[np.ndarray], np.ndarray],
    image: np.ndarray,
    saliency: np.ndarray,
    *,
    label: int,
    mean: np.ndarray,
    steps: int = STEPS,
) -> tuple[float, float]:
    """Returns both areas of one image.

    Args:
      probabilities: maps `[2 (steps + 1), S, S, 3]` uint8 to `[2 (steps + 1), C]`.
      image: `[S, S, 3]` uint8.
      saliency: `[S, S]`, higher is more important.
      label: the explained class `c`.
      mean: `[3]` uint8, the colour of deleted pixels.
      steps: number of points of each curve, minus one.
    """
    # Both curves in one batch: the same ranks, once from the image to the mean colour, once from blur to the image.
    ranks = importance_ranks(saliency)
    deleted = replaced(image, np.broadcast_to(mean, image.shape), ranks, steps=steps)
    inserted = replaced(blurred(image), image, ranks, steps=steps)
    curves = probabilities(np.concatenate([deleted, inserted]))[:, label]
    return area(curves[: steps + 1]), area(curves[steps + 1 :])
