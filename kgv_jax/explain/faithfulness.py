"""Whether a map finds what the model's answer rests on: deletion and insertion (RISE, arXiv 1806.07421, section 4.1).

    deletion  = area under p_c(the share q of most important places replaced) over q in [0, 1]     (low is good)
    insertion = area under p_c(only the share q of most important places shown) over q in [0, 1]   (high is good)

`p_c` is the model's probability of the explained class. As in the paper, deleted places take the mean colour that the
encoder was normalised by, and insertion starts from the blurred image; its blur is ours, an eighth of the side, since
the paper's 5 px of 224 would leave an image of 32 px as it is.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import ndimage

STEPS = 16
_BLUR_SHARE = 1 / 8


def importance_ranks(saliency: np.ndarray) -> np.ndarray:
    """Returns `[S, S]` int: 0 for the most important place of a map `[S, S]`.

    Equal places, of which a rectified map has many, come in an order that is random and always the same: in the order
    of reading, the top of an image would count as more important than its bottom.
    """
    order = np.lexsort((np.random.default_rng(0).permutation(saliency.size), -saliency.ravel()))
    ranks = np.empty(saliency.size, int)
    ranks[order] = np.arange(saliency.size)
    return ranks.reshape(saliency.shape)


def replaced(image: np.ndarray, substrate: np.ndarray, ranks: np.ndarray, *, steps: int = STEPS) -> np.ndarray:
    """Returns `[steps + 1, S, S, 3]`: of `image`, the share 0, 1 / steps, ..., 1 of first ranks is `substrate`'s."""
    counts = np.linspace(0, ranks.size, steps + 1).round().astype(int)
    return np.where((ranks < counts[:, None, None])[..., None], substrate, image)


def blurred(image: np.ndarray) -> np.ndarray:
    """Returns an image `[S, S, 3]` uint8 of which colours are left, and no shapes."""
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
      mean: `[3]` uint8, what deleted places show.
      steps: points of each curve, less one.
    """
    ranks = importance_ranks(saliency)
    deleted = replaced(image, np.broadcast_to(mean, image.shape), ranks, steps=steps)
    inserted = replaced(blurred(image), image, ranks, steps=steps)
    curves = probabilities(np.concatenate([deleted, inserted]))[:, label]
    return area(curves[: steps + 1]), area(curves[steps + 1 :])
