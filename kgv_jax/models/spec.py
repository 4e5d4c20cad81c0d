"""The specification of an encoder: how it is built, what its input is, which published files fit it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import flax.linen as nn
import jax.numpy as jnp
from jax.typing import DTypeLike

from kgv_jax.models.features import Features
from kgv_jax.models.pretrained.layout import Layout

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclasses.dataclass(frozen=True)
class EncoderOptions:
    """What a config may set for any encoder.

    Attributes:
      norm: "auto" (what the family was published with), "batch" or "group".
      dtype: of activations; parameters, norm statistics and `Features` are float32.
      remat: recompute each block's activations in the backward pass instead of keeping them.
      drop_path: rate of stochastic depth (arXiv 1603.09382) at the last block, rising linearly from 0
        at the first; its random stream is "drop_path".
      epsilon: of a transformer's layer norms; None is the family's. Some publishers use another (`Layout.epsilon`).
    """

    norm: str = "auto"
    dtype: DTypeLike = jnp.float32
    remat: bool = False
    drop_path: float = 0.0
    epsilon: float | None = None


@dataclasses.dataclass(frozen=True)
class EncoderSpec:
    """One encoder.

    Attributes:
      make: `make(options)` returns a module called as `encoder(images [B, H, W, 3], train=...) -> Features`.
      size_px: side of the square input it was published with; `multiple_px` says which others work.
      about: one line for `list_models`.
      images: whether its input is images; else it is feature vectors, and `list_models` leaves it out.
      mean, std: per-channel statistics of its input, RGB in `[0, 1]`.
      layers: regular expressions of parameter paths below the encoder ("block0/.*"), from the input to
        the output; layer-wise learning-rate decay counts along them. Together they match every parameter.
      multiple_px: the input's sides must be multiples of this.
      layouts: returns the layouts of published files that fit, for `kgv_jax.models.pretrained`.
      num_logits: classes of the published classification head; 0 if it has none.
      head_input: the `[B, P]` array that this head reads.
      explained: the `[B, H, W, F]` map of `Features` that class activation maps are made of; the encoder passes it
        through `features.explainable`.
      make_text: returns the text tower of a two-tower model, called as `tower(tokens [B, L]) -> [B, F]`.
    """

    make: Callable[[EncoderOptions], nn.Module]
    size_px: int
    about: str
    images: bool = True
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.25, 0.25, 0.25)
    layers: tuple[str, ...] = (".*",)
    multiple_px: int = 1
    layouts: Callable[[], tuple[Layout, ...]] = tuple
    num_logits: int = 0
    head_input: Callable[[Features], jnp.ndarray] = lambda features: features.pooled
    explained: Callable[[Features], jnp.ndarray] = lambda features: features.spatial
    make_text: Callable[[], nn.Module] | None = None
