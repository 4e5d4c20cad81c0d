"""`supcon` and `simclr`: images contrasted with images, without a graph; then a linear head on what was learnt.

    L_i = -1 / |P(i)| sum_{p in P(i)} log [ exp(u_i . u_p / T) / sum_{a != i} exp(u_i . u_a / T) ],   u = n(g(z))

with `g` a small network that is thrown away afterwards and `n` scaling to length 1. `P(i)` are the other
images of the class (supervised contrastive learning, arXiv 2004.11362, equation 2: the mean is outside the logarithm)
or the other views of the image (SimCLR, arXiv 2002.05709, equation 1).
"""

from __future__ import annotations

import dataclasses
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from kgv_jax import losses
from kgv_jax.config.methods import Method, Section
from kgv_jax.config.setting import setting
from kgv_jax.methods.graph_arrays import GraphArrays
from kgv_jax.methods.objective import Batch, Objective
from kgv_jax.methods.settings import LINEAR_HEAD, NO_IMAGES
from kgv_jax.models.classifier import Outputs


@dataclasses.dataclass(frozen=True)
class ContrastSettings(Section):
    """Contrastive learning over the images of a batch."""

    positives: str = setting(
        "label", "what is pulled together: images of a class, or views of an image", choices=("label", "view")
    )
    temperature: float = setting(0.1, "temperature T of the cosines", low=1e-3)
    dim: int = setting(128, "dimensions of the projection that is thrown away", low=2)


class Projection(nn.Module):
    """`g`: one hidden layer as wide as `z`, then directions."""

    dim: int

    @nn.compact
    def __call__(self, z: Array) -> Array:
        """Maps `[B, D]` to directions `[B, dim]`."""
        hidden = nn.relu(nn.Dense(z.shape[-1], name="hidden")(z))
        u = nn.Dense(self.dim, name="out")(hidden)
        return u / jnp.maximum(jnp.linalg.norm(u, axis=-1, keepdims=True), 1e-6)


class Contrastive(Objective):
    """Term `contrast`; the stages of training decide when the classifier learns."""

    def make_head(self, graph_arrays: GraphArrays) -> nn.Module:
        return Projection(self.config.contrast.dim)

    def coefficients(self) -> dict[str, float]:
        return super().coefficients() | {"contrast": 1.0}

    def weights(self, batch: Batch, graph_arrays: GraphArrays) -> dict[str, Array]:
        paired = jnp.any(self._positives(batch), -1).astype(jnp.float32)
        return super().weights(batch, graph_arrays) | {"contrast": batch["labelled"] * paired}

    def values(
        self, params: Any, outputs: Outputs, batch: Batch, graph_arrays: GraphArrays, key: Array
    ) -> dict[str, Array]:
        u = self.head.apply({"params": params}, outputs.z)
        scores = jnp.matmul(u, u.T, precision=jax.lax.Precision.HIGHEST) / self.config.contrast.temperature
        contrast = losses.contrast(scores, self._positives(batch), batch["labelled"] > 0)
        return super().values(params, outputs, batch, graph_arrays, key) | {"contrast": contrast}

    def _positives(self, batch: Batch) -> Array:
        """Returns `[B, B]` bool: the labelled images that are pulled together, never an image and itself."""
        own = batch["label"] if self.config.contrast.positives == "label" else batch["group"]
        labelled = batch["labelled"] > 0
        same = (own[:, None] == own) & labelled[:, None] & labelled
        return same & ~jnp.eye(len(own), dtype=bool)


_CONTRAST = NO_IMAGES | {
    "augment.views": 2,
    "contrast.positives": "label",
    "contrast.temperature": 0.1,
    "train.stages": f"contrast 0.7 terms=contrast; {LINEAR_HEAD}",
}
_VIEWS = {"contrast.positives": "view", "contrast.temperature": 0.5}

SETTINGS = {"contrast": ContrastSettings}
METHODS = {
    "supcon": Method(Contrastive, "supervised contrastive learning, then a linear head", _CONTRAST),
    "simclr": Method(Contrastive, "SimCLR on the training images, then a linear head", _CONTRAST | _VIEWS),
}
