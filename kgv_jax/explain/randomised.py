"""The control of an explanation: random weights should give other maps (Adebayo et al., arXiv 1810.03292).

Parameters are replaced by random ones from the output down to the input, one layer more each time (cascading
randomisation, section 3). A map that stays similar does not depend on what was learnt: it outlines the image, as an
edge detector would, and explains nothing about the model.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import jax
import numpy as np
from scipy import stats

_ABOVE = ((r"decoder(_hidden)?/.*", "decoder"), (r"infuse/.*", "infuse layers"), (r"projection/.*", "projection"))


def cascade(variables: Any, random: Any, layers: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """Yields (name of a layer, variables in which it and all above it are `random`), from the output to the input.

    Args:
      variables: `{"params", "batch_stats"}` that were learnt.
      random: the same at another initialisation.
      layers: `EncoderSpec.layers`: patterns of paths below the encoder, from the input to the output.
    """
    # The order of randomisation: decoder, infuse layers, projection, then the encoder's layers from its output down.
    of_encoder = [(f"encoder/({layer})", f"encoder, layer {number}") for number, layer in enumerate(layers, start=1)]
    for pattern, name in (*_ABOVE, *reversed(of_encoder)):
        compiled = re.compile(pattern)
        matches = [compiled.fullmatch(_path(keys)) for keys, _ in jax.tree_util.tree_leaves_with_path(variables)]
        if not any(matches):  # this model has no such layer
            continue
        variables = jax.tree_util.tree_map_with_path(
            lambda keys, old, new, compiled=compiled: new if compiled.fullmatch(_path(keys)) else old, variables, random
        )
        yield name, variables


def _path(keys: tuple) -> str:
    """Returns the path below the collection: of "params/encoder/stem/kernel", "encoder/stem/kernel"."""
    return jax.tree_util.keystr(keys, simple=True, separator="/").partition("/")[2]


def rank_correlation(maps: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Returns `[n]`: Spearman's correlation between maps `[n, H, W]` over their positions; 0 where one is constant."""
    # Pearson's correlation of ranks; ties get mean ranks, since rectified maps have many zeros.
    ranks = [stats.rankdata(m.reshape(len(m), -1), axis=1) for m in (maps, others)]
    a, b = (rank - rank.mean(1, keepdims=True) for rank in ranks)
    scale = np.sqrt((a**2).sum(1) * (b**2).sum(1))
    return (a * b).sum(1) / np.where(scale > 0, scale, 1)


def similarities(learnt: np.ndarray, cascaded: Iterable[tuple[str, np.ndarray]]) -> list[dict[str, Any]]:
    """Returns a record (down to, correlation, n) of every step, with the mean over images.

    Args:
      learnt: `[n, H, W]` maps of the weights that were learnt.
      cascaded: (name, `[n, H, W]` maps) of every step of `cascade`.
    """
    return [
        {"down to": name, "correlation": float(rank_correlation(learnt, maps).mean()), "n": len(maps)}
        for name, maps in cascaded
    ]
