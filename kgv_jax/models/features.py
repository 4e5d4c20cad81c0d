"""What every encoder returns, and the map of it that can be explained."""

from __future__ import annotations

from typing import NamedTuple

import flax.linen as nn
from jax import Array


class Features(NamedTuple):
    """The contract `(images) -> features` of every encoder, all float32.

    Attributes:
      pooled: `[B, F]` features of the whole image.
      spatial: `[B, H, W, F']` the last feature map, for class activation maps; a transformer's patch
        tokens laid out as the grid they came from.
      taps: intermediate feature maps, from the input to the output, for methods that reach into the
        layers: `[B, H_i, W_i, F_i]`, one per stage of a convolutional network, one per block of a transformer.
    """

    pooled: Array
    spatial: Array
    taps: tuple[Array, ...]


def explainable(module: nn.Module, x: Array) -> Array:
    """Returns a map `x` plus the variable `perturbations/explained` where there is one; Grad-CAM differentiates by it.

    An encoder calls it once, on the map that `EncoderSpec.explained` names. During initialisation it does nothing, so
    that the perturbation never becomes a variable of the model.
    """
    return x if module.is_initializing() else module.perturb("explained", x)
