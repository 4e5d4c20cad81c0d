"""Encoder -> projection -> decoder: the image side of every method."""

from __future__ import annotations

from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from kgv_jax.models.equiangular import EquiangularDecoder
from kgv_jax.models.infuse import Infuse
from kgv_jax.models.zero_shot import zero_shot_logits


class Outputs(NamedTuple):
    """What the image side returns.

    Attributes:
      z: `[B, D]` visual embedding, which objectives compare with nodes of the graph.
      logits: `[B, C]` of the decoder.
      pooled: `[B, F]` features of the encoder.
      aligned: `[B, D]` each, the outputs of infuse layers that are aligned with class embeddings.
    """

    z: Array
    logits: Array
    pooled: Array
    aligned: tuple[Array, ...] = ()


# What each axis of a decoder's parameters counts, for evaluation with an extended graph.
DECODER_AXES = {"kernel": (None, "classes"), "bias": ("classes",)}


class ZeroShotDecoder(nn.Module):
    """`logits = exp(s) n(features) . w_c` with `w_c` the text embedding of class `c` (CLIP, arXiv 2103.00020).

    Its initial kernel `[F, C]` comes from `models.zero_shot`; fine-tuning trains it further, as WiSE-FT does
    (arXiv 2109.01903).
    """

    num_classes: int

    @nn.compact
    def __call__(self, features: Array) -> Array:
        """Maps `[B, F]` features to `[B, C]` logits."""
        shape = (features.shape[-1], self.num_classes)
        kernel = self.param("kernel", nn.initializers.lecun_normal(), shape)
        log_scale = self.param("log_scale", nn.initializers.constant(jnp.log(100.0)), ())
        return zero_shot_logits(features, kernel, log_scale)


class Classifier(nn.Module):
    """One linear projection into the common space, and a decoder from there to classes.

    Attributes:
      encoder: a module that returns `Features`.
      num_classes, dim: `C` and `D`.
      decoder: "linear", "mlp" with one hidden layer of width `D`, "equiangular" with fixed directions, or
        "zero_shot", which reads the encoder's features and not `z`.
      infuse: layers between `z` and the decoder, or None.
      mean, std: per-channel statistics of the encoder's input.
      input_px: side to which images are resized first; 0 leaves them.
    """

    encoder: nn.Module
    num_classes: int
    dim: int
    decoder: str = "linear"
    infuse: Infuse | None = None
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.25, 0.25, 0.25)
    input_px: int = 0

    @nn.compact
    def __call__(self, images: Array, *, train: bool) -> Outputs:
        """Maps `[B, H, W, 3]` uint8 images, or `[B, F]` float32 feature vectors, to `Outputs`.

        `train` is for the encoder's norms and drop path.
        """
        # Image side: pixels to features. Feature vectors have no pixels to normalise.
        x = images if images.ndim == 2 else self._normalised(images)
        features = self.encoder(x, train=train)
        pooled = features.pooled

        # One linear projection into the space that nodes of the graph share.
        z = nn.Dense(self.dim, name="projection")(pooled)

        # Decoders that read something else than the embedding, or have nothing to train.
        if self.decoder == "zero_shot":
            return Outputs(z, ZeroShotDecoder(self.num_classes, name="decoder")(pooled), pooled)
        if self.decoder == "equiangular":
            return Outputs(z, EquiangularDecoder(self.num_classes, name="decoder")(z), pooled)

        # Decoders on the embedding, behind infuse layers where there are any.
        hidden, aligned = z, ()
        if self.infuse is not None:
            hidden, aligned = self.infuse(z, features.taps, train=train)
        if self.decoder == "mlp":
            hidden = nn.relu(nn.Dense(self.dim, name="decoder_hidden")(hidden))
        return Outputs(z, nn.Dense(self.num_classes, name="decoder")(hidden), pooled, aligned)

    def _normalised(self, images: Array) -> Array:
        """Returns images as the encoder reads them, `[B, S, S, 3]` float32: scaled, and resized to `input_px`."""
        x = (images.astype(jnp.float32) / 255.0 - jnp.asarray(self.mean)) / jnp.asarray(self.std)
        if self.input_px and x.shape[1:3] != (self.input_px, self.input_px):
            x = jax.image.resize(x, (len(x), self.input_px, self.input_px, 3), "bilinear")
        return x
