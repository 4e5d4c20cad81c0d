"""`attribute_bce`: the graph as plain multi-task labels, the baseline that KGV must beat.

`L = CE + lambda * mean BCE` of one logit a fact (relation, node), read from the same mask as KGV.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from kgv_jax import losses
from kgv_jax.methods.graph_arrays import GraphArrays, mask_of
from kgv_jax.methods.objective import FACTS, Batch, Objective, number_of_facts, over_variants
from kgv_jax.models.classifier import Outputs


class AttributeBce(Objective):
    """One linear logit a fact on the visual embedding."""

    def make_head(self, graph_arrays: GraphArrays) -> nn.Module:
        return nn.Dense(number_of_facts(self.config, graph_arrays))

    def axes(self) -> Mapping[str, tuple[str | None, ...]]:
        return {"kernel": (None, FACTS), "bias": (FACTS,)}

    def whole_mask_for(self, graph_arrays: GraphArrays) -> str | None:
        del graph_arrays
        return f"config.method = {self.config.method!r}"

    def coefficients(self) -> dict[str, float]:
        return super().coefficients() | {"bce": self.config.attributes.weight}

    def weights(self, batch: Batch, graph_arrays: GraphArrays) -> dict[str, Array]:
        asked = jnp.any(self._fact_mask(batch, graph_arrays) == 1, -1)
        return super().weights(batch, graph_arrays) | {"bce": asked.astype(jnp.float32)}

    def values(
        self, params: Any, outputs: Outputs, batch: Batch, graph_arrays: GraphArrays, key: Array
    ) -> dict[str, Array]:
        logits = self.head.apply({"params": params}, outputs.z)
        bce = losses.binary_cross_entropy(logits, self._fact_mask(batch, graph_arrays))
        return super().values(params, outputs, batch, graph_arrays, key) | {"bce": bce}

    def graph_logits(self, params: Any, outputs: Outputs, graph_arrays: GraphArrays) -> Array:
        """Direct attribute prediction: `sum_a log p(a = fact a of the class)`, as its best-fitting variants."""
        logits = self.head.apply({"params": params}, outputs.z)
        relation, node = graph_arrays.facts[:, 0], graph_arrays.facts[:, 1]
        states = (graph_arrays.evidence[:, relation, node] > 0).astype(jnp.float32)
        log_true, log_false = jax.nn.log_sigmoid(logits), jax.nn.log_sigmoid(-logits)
        return over_variants(log_true @ states.T + log_false @ (1 - states).T, graph_arrays)

    @staticmethod
    def _fact_mask(batch: Batch, graph_arrays: GraphArrays) -> Array:
        return mask_of(graph_arrays, batch["mask_ids"])[:, graph_arrays.facts[:, 0], graph_arrays.facts[:, 1]]
