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
      taps: feature maps on the way, from the input to the output, for methods that reach into the
        layers: `[B, H_i, W_i, F_i]`, one a stage of a convolutional network, one a block of a transformer.
    """

    pooled: Array
    spatial: Array
    taps: tuple[Array, ...]


def explainable(module: nn.Module, x: Array) -> Array:
    """Returns a map `x`, perturbed where variables `perturbations` are given: the gradient at them is that at the map.

    An encoder calls it once, on the map that `EncoderSpec.explained` names. Initialisation leaves it out, so that it
    returns the model's own variables; elsewhere nothing is added or computed.
    """
    return x if module.is_initializing() else module.perturb("explained", x)
