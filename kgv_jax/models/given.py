"""`features`: the encoder of data that comes as feature vectors; it returns them, scaled."""

from __future__ import annotations

import flax.linen as nn
from jax import Array

from kgv_jax.models.features import Features
from kgv_jax.models.spec import EncoderOptions, EncoderSpec

NAME = "features"


class GivenFeatures(nn.Module):
    """Vectors `[B, F]`, scaled to length `sqrt(F)`: published features differ in scale between data sets."""

    @nn.compact
    def __call__(self, vectors: Array, *, train: bool) -> Features:
        """Maps `[B, F]` to `Features`; the map has one position."""
        norm = nn.RMSNorm(use_scale=False, name="norm")
        pooled = norm(vectors)
        return Features(pooled, pooled[:, None, None], ())


def _make(_: EncoderOptions) -> nn.Module:
    return GivenFeatures()


ENCODERS = {NAME: EncoderSpec(make=_make, size_px=1, about="feature vectors as they are given", images=False)}
