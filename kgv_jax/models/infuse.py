"""Infuse layers: knowledge of several scales, each aligned to a layer of its own (arXiv 2401.04441, section 3).

    p_m = Linear_m(h_{m-1}),    h_m = h_{m-1} + Dropout(GELU(Linear'_m(p_m))),    m = 1 ... M

`h_0` is the visual embedding. A loss pulls `p_m` to the knowledge embeddings of scale `m` (`methods/infuse.py`); `h_M`
is what the decoder reads. Knowledge is not needed to infer.
"""

from __future__ import annotations

import flax.linen as nn
from jax import Array


class Infuse(nn.Module):
    """`M` layers between the embedding and the decoder.

    Attributes:
      scales: `M`.
      width: of every `p_m`.
      dropout: rate.
    """

    scales: int
    width: int
    dropout: float

    @nn.compact
    def __call__(self, h: Array, *, train: bool) -> tuple[Array, tuple[Array, ...]]:
        """Maps `[B, D]` to `h_M` `[B, D]` and the `p_m` `[B, width]`; needs the key `dropout` in training."""
        aligned = []
        for number in range(self.scales):
            p = nn.Dense(self.width, name=f"align{number}")(h)
            back = nn.gelu(nn.Dense(h.shape[-1], name=f"infuse{number}")(p))
            h = h + nn.Dropout(self.dropout, deterministic=not train)(back)
            aligned.append(p)
        return h, tuple(aligned)
