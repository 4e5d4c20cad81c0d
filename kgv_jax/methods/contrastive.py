"""`supcon` and `simclr`: images against images, without a graph; then a linear head on what was learnt.

    L_i = -1 / |P(i)| sum_{p in P(i)} log [ exp(u_i . u_p / T) / sum_{a != i} exp(u_i . u_a / T) ],   u = n(g(z))

with `g` a small network that is thrown away afterwards. `P(i)` are the other images of the class (supervised
contrastive learning, arXiv 2004.11362, equation 2: the mean is outside of the logarithm) or the other views of the
image (SimCLR, arXiv 2002.05709, equation 1).
"""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from kgv_jax import losses
from kgv_jax.methods.graph_arrays import GraphArrays
from kgv_jax.methods.objective import Batch, Objective
from kgv_jax.models.classifier import Outputs


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
    """Term `contrast`; stages decide when the classifier learns."""

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
