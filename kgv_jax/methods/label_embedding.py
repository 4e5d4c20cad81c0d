"""`ale`: images and classes meet in the space of attributes (Akata et al., arXiv 1503.08677).

    F(x, y) = z(x)^T W phi(y)

with `phi(y)` the facts of class `y` as a vector of length 1. The loss is the paper's weighted ranking (section 3.2)
over the classes that violate the margin, `v_y' = max(0, [y' != y] + F(x, y') - F(x, y)) > 0`, with `r` their number,

    L = (sum_{k=1}^{r} 1/k) / r * sum_{y'} v_y',

or cross-entropy over `F` (`attributes.label_embedding`, a setting of `methods/attribute_bce.py`). Held-out classes are
never among `y'`. Only `F` is trained and the decoder is not, so the density head is the one to read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from kgv_jax import losses
from kgv_jax.config.methods import Method
from kgv_jax.methods.graph_arrays import GraphArrays
from kgv_jax.methods.objective import FACTS, Batch, Objective, number_of_facts
from kgv_jax.methods.settings import NO_IMAGES
from kgv_jax.models.classifier import Outputs


def ranking_loss(score: Array, label: Array, among: Array | None = None) -> Array:
    """Returns `L` `[B]` of compatibilities `F` `[B, C]`; `among` `[C]` bool are the classes that may violate."""
    own = jnp.take_along_axis(score, label[:, None], -1)
    other = jnp.arange(score.shape[-1]) != label[:, None]
    other = other if among is None else other & among
    violation = jnp.where(other, jax.nn.relu(1 + score - own), 0.0)
    count = jnp.sum(violation > 0, -1)
    harmonic = jnp.concatenate([jnp.zeros(1), jnp.cumsum(1 / jnp.arange(1, score.shape[-1] + 1))])
    return harmonic[count] / jnp.maximum(count, 1) * violation.sum(-1)


def class_attributes(graph_arrays: GraphArrays) -> Array:
    """Returns `phi` `[C, A]`: the share of a class's variants that state each fact, rows of length 1."""
    relation, node = graph_arrays.facts[:, 0], graph_arrays.facts[:, 1]
    states = (graph_arrays.evidence[:, relation, node] > 0).astype(jnp.float32)
    num_classes = len(graph_arrays.class_node)
    total = jax.ops.segment_sum(states, graph_arrays.evidence_class, num_classes)
    count = jax.ops.segment_sum(jnp.ones(len(states)), graph_arrays.evidence_class, num_classes)
    share = total / count[:, None]
    return share / jnp.maximum(jnp.linalg.norm(share, axis=-1, keepdims=True), 1e-12)


class LabelEmbedding(Objective):
    """Term `ale`: the bilinear compatibility `F`."""

    def make_head(self, graph_arrays: GraphArrays) -> nn.Module:
        return nn.Dense(number_of_facts(self.config, graph_arrays), use_bias=False)

    def axes(self) -> Mapping[str, tuple[str | None, ...]]:
        return {"kernel": (None, FACTS)}

    def whole_mask_for(self, graph_arrays: GraphArrays) -> str | None:
        return f"config.method = {self.config.method!r}"

    def coefficients(self) -> dict[str, float]:
        return super().coefficients() | {"ale": 1.0}

    def weights(self, batch: Batch, graph_arrays: GraphArrays) -> dict[str, Array]:
        return super().weights(batch, graph_arrays) | {"ale": batch["labelled"]}

    def values(
        self, params: Any, outputs: Outputs, batch: Batch, graph_arrays: GraphArrays, key: Array
    ) -> dict[str, Array]:
        score, label = self._compatibility(params, outputs, graph_arrays), batch["label"]
        ranking = self.config.attributes.label_embedding == "ranking"
        loss = ranking_loss if ranking else losses.cross_entropy
        value = loss(score, label, among=graph_arrays.seen)
        return super().values(params, outputs, batch, graph_arrays, key) | {"ale": value}

    def graph_logits(self, params: Any, outputs: Outputs, graph_arrays: GraphArrays) -> Array:
        """The compatibilities as log-scores."""
        return self._compatibility(params, outputs, graph_arrays)

    def _compatibility(self, params: Any, outputs: Outputs, graph_arrays: GraphArrays) -> Array:
        return self.head.apply({"params": params}, outputs.z) @ class_attributes(graph_arrays).T


METHODS = {
    "ale": Method(
        LabelEmbedding,
        "ALE: images ranked against the facts of classes",
        NO_IMAGES | {"train.stages": "embed 1 terms=ale"},
    ),
}
