"""Encoder -> projection -> decoder: the image side of every method."""

from __future__ import annotations

from typing import NamedTuple

import flax.linen as nn
import jax.numpy as jnp
from jax import Array


class Outputs(NamedTuple):
    """`z` `[B, D]` the visual embedding, `logits` `[B, C]` of the decoder, `pooled` `[B, F]` of the encoder."""

    z: Array
    logits: Array
    pooled: Array


class Classifier(nn.Module):
    """One linear projection into the common space, and a decoder from there to classes.

    Attributes:
      encoder: a module that returns `Features`.
      num_classes, dim: `C` and `D`.
      decoder: "linear", or "mlp" with one hidden layer of width `D`.
      mean, std: per-channel statistics of the encoder's input.
    """

    encoder: nn.Module
    num_classes: int
    dim: int
    decoder: str = "linear"
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.25, 0.25, 0.25)

    @nn.compact
    def __call__(self, images: Array, *, train: bool) -> Outputs:
        """Maps `[B, H, W, 3]` uint8 images to `Outputs`."""
        x = (images.astype(jnp.float32) / 255.0 - jnp.asarray(self.mean)) / jnp.asarray(self.std)
        pooled = self.encoder(x, train=train).pooled
        z = nn.Dense(self.dim, name="projection")(pooled)
        hidden = nn.relu(nn.Dense(self.dim, name="decoder_hidden")(z)) if self.decoder == "mlp" else z
        return Outputs(z, nn.Dense(self.num_classes, name="decoder")(hidden), pooled)
