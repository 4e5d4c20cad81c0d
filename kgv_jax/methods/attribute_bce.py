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
from kgv_jax.methods.knowledge import Knowledge, mask_of
from kgv_jax.methods.objective import FACTS, Batch, Objective, number_of_facts, over_variants
from kgv_jax.models.classifier import Outputs


class AttributeBce(Objective):
    """One linear logit a fact on the visual embedding."""

    def make_head(self, knowledge: Knowledge) -> nn.Module:
        return nn.Dense(number_of_facts(self.config, knowledge))

    def axes(self) -> Mapping[str, tuple[str | None, ...]]:
        return {"kernel": (None, FACTS), "bias": (FACTS,)}

    def whole_mask_for(self, knowledge: Knowledge) -> str | None:
        del knowledge
        return f"config.method = {self.config.method!r}"

    def coefficients(self) -> dict[str, float]:
        return super().coefficients() | {"bce": self.config.attributes.weight}

    def weights(self, batch: Batch, knowledge: Knowledge) -> dict[str, Array]:
        asked = jnp.any(self._fact_mask(batch, knowledge) == 1, -1)
        return super().weights(batch, knowledge) | {"bce": asked.astype(jnp.float32)}

    def values(
        self, params: Any, outputs: Outputs, batch: Batch, knowledge: Knowledge, key: Array
    ) -> dict[str, Array]:
        logits = self.head.apply({"params": params}, outputs.z)
        bce = losses.binary_cross_entropy(logits, self._fact_mask(batch, knowledge))
        return super().values(params, outputs, batch, knowledge, key) | {"bce": bce}

    def knowledge_scores(self, params: Any, outputs: Outputs, knowledge: Knowledge) -> Array:
        """Direct attribute prediction: `sum_a log p(a = fact a of the class)`, as its best-fitting variants."""
        logits = self.head.apply({"params": params}, outputs.z)
        relation, node = knowledge.facts[:, 0], knowledge.facts[:, 1]
        states = (knowledge.evidence[:, relation, node] > 0).astype(jnp.float32)
        log_true, log_false = jax.nn.log_sigmoid(logits), jax.nn.log_sigmoid(-logits)
        return over_variants(log_true @ states.T + log_false @ (1 - states).T, knowledge)

    @staticmethod
    def _fact_mask(batch: Batch, knowledge: Knowledge) -> Array:
        return mask_of(knowledge, batch["rows"])[:, knowledge.facts[:, 0], knowledge.facts[:, 1]]
