"""`infuse`: scales of knowledge are injected into layers at the encoder's maps or behind it (arXiv 2401.04441).

Stage 1 aligns, `sum_m lambda_m CE(cos(p_m, K_m) / T, y)` (contrastive) or `sum_m lambda_m (1 - cos(p_m, k_m[y]))`
(cosine); stage 2 is cross-entropy, with encoder and layers as they are or at a tenth of the rate. `K_m` `[C, D]` are
fixed embeddings of the classes: of their triples as a sentence, of their nodes in the graph, of a longer description
(`class_embeddings.py`). `p_m`: `models/infuse.py`.
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


class _Scales(nn.Module):
    """The `K_m`, random if nothing else is given; no loss trains them."""

    scales: int
    num_classes: int

    @nn.compact
    def __call__(self, z: Array) -> tuple[Array, ...]:
        shape = (self.num_classes, z.shape[-1])
        return tuple(self.param(f"scale{m}", nn.initializers.normal(1.0), shape) for m in range(self.scales))


class Infuse(Objective):
    """Term `align` beside the cross-entropy; stages decide when either counts."""

    def make_head(self, graph_arrays: GraphArrays) -> nn.Module:
        return _Scales(len(self.config.infuse.names()), len(graph_arrays.class_node))

    def coefficients(self) -> dict[str, float]:
        return super().coefficients() | {"align": 1.0}

    def weights(self, batch: Batch, graph_arrays: GraphArrays) -> dict[str, Array]:
        return super().weights(batch, graph_arrays) | {"align": batch["labelled"]}

    def values(
        self, params: Any, outputs: Outputs, batch: Batch, graph_arrays: GraphArrays, key: Array
    ) -> dict[str, Array]:
        infuse, label, align = self.config.infuse, batch["label"], jnp.zeros(len(batch["label"]))
        scales = jax.lax.stop_gradient(self.head.apply({"params": params}, outputs.z))
        for weight, p, k in zip(infuse.lambdas(), outputs.aligned, scales, strict=True):
            cosine = _directions(p) @ _directions(k).T
            if infuse.loss == "contrastive":
                nll = losses.cross_entropy(cosine / infuse.temperature, label, among=graph_arrays.seen)
                align += weight * nll
            else:
                align += weight * (1 - jnp.take_along_axis(cosine, label[:, None], -1)[:, 0])
        return super().values(params, outputs, batch, graph_arrays, key) | {"align": align}


def _directions(x: Array) -> Array:
    return x / jnp.maximum(jnp.linalg.norm(x, axis=-1, keepdims=True), 1e-6)
