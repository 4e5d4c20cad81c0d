"""Infuse layers: class embeddings of several scales, each aligned to a layer of its own (arXiv 2401.04441, section 3).

    p_m = Linear_m(u_m),    h_m = h_{m-1} + Dropout(GELU(Linear'_m(p_m))),    m = 1 ... M

`h_0` is the visual embedding `z`. A loss pulls `p_m` to the class embeddings of scale `m` (`methods/infuse.py`); the
decoder reads `LayerNorm(h_M)`. Inference needs no class embeddings. A layer reads `u_m = h_{m-1}` or, at a tap,

    u_m = LayerNorm(global average of T),    T [B, H, W, F] an intermediate feature map of the encoder.

What differs from the paper:
  * Both layer norms. Alignment by cosines leaves the length of `h` free, and it grows: on emoji to 16 per dimension, of
    which every hidden unit of an MLP died in the first steps of stage 2. A transformer's maps are sums of the outputs
    of its blocks, and grow with depth.
  * The order of the scales. They are named from the input to the output; the presets put a class's own triples (shapes,
    colours) first, its node in an embedding of the graph next, and the text of a wider description last.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from kgv_jax.models.layers import LayerNorm
from kgv_jax.util.errors import UserError

BEHIND, SPREAD = "z", "spread"
_EPSILON = 1e-6


class Infuse(nn.Module):
    """`M` layers between the embedding and the decoder.

    Attributes:
      scales: `M`.
      width: of every `p_m`.
      dropout: rate.
      taps: what the layers read, see `find_taps`.
    """

    scales: int
    width: int
    dropout: float
    taps: tuple[str, ...] = ()

    @nn.compact
    def __call__(self, z: Array, maps: Sequence[Array] = (), *, train: bool) -> tuple[Array, tuple[Array, ...]]:
        """Maps `z` `[B, D]` and the encoder's maps to what the decoder reads `[B, D]` and the `p_m` `[B, width]`.

        Needs the key `dropout` in training.
        """
        h, aligned = z, []
        for number, tap in enumerate(find_taps(self.taps, scales=self.scales, maps=len(maps))):
            u = h
            if tap is not None:
                u = LayerNorm(_EPSILON, name=f"tap_norm{number}")(jnp.mean(maps[tap], (1, 2)))
            p = nn.Dense(self.width, name=f"align{number}")(u)
            back = nn.gelu(nn.Dense(h.shape[-1], name=f"infuse{number}")(p))
            h = h + nn.Dropout(self.dropout, deterministic=not train)(back)
            aligned.append(p)
        return LayerNorm(_EPSILON, name="norm")(h), tuple(aligned)


def make_infuse(settings: Any, *, width: int) -> Infuse | None:
    """Returns the layers of `config.infuse` (`methods/infuse.py`), none without scales."""
    scales = len(settings.scales)
    return Infuse(scales, width, settings.dropout, settings.taps) if scales else None


def find_taps(names: Sequence[str], *, scales: int, maps: int) -> tuple[int | None, ...]:
    """Returns for each scale the index of the feature map that its layer reads, or None for the layer before it.

    >>> find_taps(("spread",), scales=3, maps=12), find_taps(("spread",), scales=3, maps=4)
    ((3, 7, None), (1, 2, None))
    >>> find_taps(("0", "z", "-1"), scales=3, maps=4), find_taps((), scales=2, maps=4)
    ((0, None, 3), (None, None))

    Args:
      names: "z" or an index for each scale, or "spread": map `ceil(m maps / scales) - 1` for scale `m = 1 ...`. The
        last scale is always aligned behind the embedding, since nothing else would align the projection.
      scales: `M`.
      maps: how many feature maps the encoder returns.

    Raises:
      UserError: the encoder does not have such a map.
    """
    if not names:
        return (None,) * scales
    if not maps:
        raise UserError(
            f"config.infuse.taps is {','.join(names)!r}, but this encoder returns no feature maps (Features.taps). "
            "Leave the taps empty, or choose an encoder of the registry."
        )
    if tuple(names) == (SPREAD,):
        return (*(math.ceil(m * maps / scales) - 1 for m in range(1, scales)), None)
    for name in names:
        if name != BEHIND and not -maps <= int(name) < maps:
            raise UserError(
                f"config.infuse.taps has {name}; this encoder has {maps} maps: 0 to {maps - 1}, or from -{maps} to -1."
            )
    return tuple(None if name == BEHIND else int(name) % maps for name in names)
