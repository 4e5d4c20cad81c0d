"""What every encoder returns."""

from __future__ import annotations

from typing import NamedTuple

from jax import Array

# The name under which an encoder lets its explained map be perturbed (`nn.Module.perturb`; `EncoderSpec.explained`):
# the gradient at the perturbation is the gradient at the map. Without the collection nothing is added or computed.
EXPLAINED = "explained"


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
