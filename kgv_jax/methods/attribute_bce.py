"""`attribute_bce`: the graph as plain multi-task labels, the baseline that KGV must beat.

    L = CE(decoder(z), y) + lambda * mean_a BCE(w_a^T z + b_a, M_a)

with one logit per fact `a` = (relation, node). The targets `M_a` are read from the same mask as KGV's positives and
negatives; facts that the mask ignores are left out of the mean. The scores of classes from the graph side are direct
attribute prediction (Lampert et al., CVPR 2009).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from kgv_jax import losses
from kgv_jax.config.methods import Method, Section
from kgv_jax.config.setting import setting
from kgv_jax.methods.graph_arrays import GraphArrays, mask_of
from kgv_jax.methods.objective import FACTS, Batch, Objective, number_of_facts, over_variants
from kgv_jax.methods.settings import COMPOSED, ELEMENTS, NO_IMAGES
from kgv_jax.models.classifier import Outputs


@dataclasses.dataclass(frozen=True)
class AttributeSettings(Section):
    """The attribute baselines: this one, and `ale` (`methods/label_embedding.py`)."""

    weight: float = setting(1.0, "weight of the binary cross-entropy", low=0.0)
    label_embedding: str = setting(
        "ranking", "loss of the label embedding: ranking, or cross-entropy", choices=("ranking", "ce")
    )


class AttributeBce(Objective):
    """Term `bce`: one linear logit per fact on the visual embedding."""

    def make_head(self, graph_arrays: GraphArrays) -> nn.Module:
        return nn.Dense(number_of_facts(self.config, graph_arrays))

    def axes(self) -> Mapping[str, tuple[str | None, ...]]:
        return {"kernel": (None, FACTS), "bias": (FACTS,)}

    def whole_mask_for(self, graph_arrays: GraphArrays) -> str | None:
        return f"config.method = {self.config.method!r}"

    def coefficients(self) -> dict[str, float]:
        return super().coefficients() | {"bce": self.config.attributes.weight}

    def weights(self, batch: Batch, graph_arrays: GraphArrays) -> dict[str, Array]:
        supervised = jnp.any(self._fact_mask(batch, graph_arrays) == 1, -1)
        return super().weights(batch, graph_arrays) | {"bce": supervised.astype(jnp.float32)}

    def values(
        self, params: Any, outputs: Outputs, batch: Batch, graph_arrays: GraphArrays, key: Array
    ) -> dict[str, Array]:
        logits = self.head.apply({"params": params}, outputs.z)
        bce = losses.binary_cross_entropy(logits, self._fact_mask(batch, graph_arrays))
        return super().values(params, outputs, batch, graph_arrays, key) | {"bce": bce}

    def graph_logits(self, params: Any, outputs: Outputs, graph_arrays: GraphArrays) -> Array:
        """Direct attribute prediction, `sum_a log p(a = M_a of the class)`, over the class's variants."""
        logits = self.head.apply({"params": params}, outputs.z)
        relation, node = graph_arrays.facts[:, 0], graph_arrays.facts[:, 1]
        states = (graph_arrays.evidence[:, relation, node] > 0).astype(jnp.float32)
        log_true, log_false = jax.nn.log_sigmoid(logits), jax.nn.log_sigmoid(-logits)
        return over_variants(log_true @ states.T + log_false @ (1 - states).T, graph_arrays)

    @staticmethod
    def _fact_mask(batch: Batch, graph_arrays: GraphArrays) -> Array:
        """Returns `M` `[B, A]`: +1 true, -1 false, 0 ignored."""
        return mask_of(graph_arrays, batch["mask_ids"])[:, graph_arrays.facts[:, 0], graph_arrays.facts[:, 1]]


SETTINGS = {"attributes": AttributeSettings}
METHODS = {
    "attribute_bce": Method(AttributeBce, "the graph as plain multi-task labels", NO_IMAGES),
    "attribute_bce_elements": Method(AttributeBce, "attribute labels on the same element images", ELEMENTS),
    "attribute_bce_compose": Method(AttributeBce, "attribute labels on the same unlabelled compositions", COMPOSED),
}
