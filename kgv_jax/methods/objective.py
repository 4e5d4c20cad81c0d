"""The contract of an objective, and cross-entropy, which every objective contains.

An objective is a set of terms. Each term gives one value and one weight an example; the loss is

    L = sum_t coefficient_t * (sum_b weight_tb value_tb) / (sum_b weight_tb) + penalty.

Weights depend on the batch alone, not on parameters, so a batch may be cut into micro-batches whose
gradients add up exactly: the one division is by the weight of the whole batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array
from jax.sharding import Mesh

from kgv_jax import losses
from kgv_jax.config_schema import Config
from kgv_jax.methods.knowledge import Knowledge
from kgv_jax.models.classifier import Outputs
from kgv_jax.util.errors import UserError

# What axes of parameters count (`Objective.axes`).
CLASSES, NODES, RELATIONS, FACTS = "classes", "nodes", "relations", "facts"


class Batch(TypedDict):
    """One batch: `image` `[B, H, W, 3]` uint8, `label` `[B]` int32, `labelled` `[B]` float32 (weight in the
    cross-entropy), `rows` `[B, K]` int32 (head rows of the mask, -1 pads; none: not in the regulariser), and `group`
    `[B]` int32 where pictures have several views: which rows show one picture."""

    image: Array
    label: Array
    labelled: Array
    rows: Array
    group: NotRequired[Array]


class Objective:
    """Cross-entropy over the labelled images. Subclasses add terms, parameters and a second head.

    Attributes:
      begins: names of the stages that `begin` changes something for.
    """

    begins: tuple[str, ...] = ()

    def __init__(self, config: Config, knowledge: Knowledge, mesh: Mesh | None = None) -> None:
        self.config = config
        self.mesh = mesh
        self.head: nn.Module | None = self.make_head(knowledge)
        if knowledge.rows is None and (reason := self.whole_mask_for(knowledge)):
            heads, cells = len(knowledge.positives.start) - 1, knowledge.candidate.shape
            raise UserError(
                f"{reason} needs the whole mask, which for this graph has {heads} heads x {cells[0]} relations x "
                f"{cells[1]} nodes: too many. Use method kgv with kgv.loss=nodes, kgv.score=auto and "
                "kgv.density_head=instance, or a smaller graph."
            )

    def make_head(self, knowledge: Knowledge) -> nn.Module | None:
        """Returns the module with the objective's own parameters, called with `z` `[B, D]`, or None."""
        del knowledge
        return None

    def whole_mask_for(self, knowledge: Knowledge) -> str | None:
        """Returns the setting that makes this objective read the whole mask, `H R N` cells, or None."""
        del knowledge
        return None

    def form(self, knowledge: Knowledge) -> str | None:
        """Returns in which form the terms are computed, where there is a choice, for the user to read."""
        del knowledge
        return None

    def init(self, key: Array) -> Mapping[str, Any]:
        """Returns the parameters of the head."""
        if self.head is None:
            return {}
        return self.head.init(key, jnp.zeros((1, self.config.model.dim)))["params"]

    def axes(self) -> Mapping[str, tuple[str | None, ...]]:
        """Returns what the axes of the head's parameters count, by name: their rows are found again by it."""
        return {}

    def begin(self, stage: str, params: Any, knowledge: Knowledge, key: Array) -> Any:
        """Returns the parameters `{"classifier": ..., "knowledge": ...}` with which a stage of training begins."""
        del stage, knowledge, key
        return params

    def coefficients(self) -> dict[str, float]:
        """Returns the coefficient of each term."""
        return {"ce": 1.0}

    def weights(self, batch: Batch, knowledge: Knowledge) -> dict[str, Array]:
        """Returns the weights of each term, `[B]` float32."""
        del knowledge
        return {"ce": batch["labelled"]}

    def values(
        self, params: Any, outputs: Outputs, batch: Batch, knowledge: Knowledge, key: Array
    ) -> dict[str, Array]:
        """Returns the values of each term, `[B]` float32; `key` is this step's."""
        del params, key
        smoothing = self.config.optim.label_smoothing
        ce = losses.cross_entropy(outputs.logits, batch["label"], smoothing=smoothing, among=knowledge.seen)
        return {"ce": ce}

    def penalty(self, params: Any, knowledge: Knowledge) -> Array:
        """Returns a term of the parameters alone."""
        del params, knowledge
        return jnp.zeros(())

    def knowledge_scores(self, params: Any, outputs: Outputs, knowledge: Knowledge) -> Array | None:
        """Returns log-scores of the classes from the graph side, `[B, C]`, or None if there is none."""
        del params, outputs, knowledge
        return None

    def node_tables(self, params: Any) -> dict[str, Array]:
        """What other runs can start from: `nodes.mu`, `nodes.var` `[N, D]`, `relations.mu` `[R, D]`; or nothing."""
        del params
        return {}


def number_of_facts(config: Config, knowledge: Knowledge) -> int:
    """Returns `A`, for a head with an output a fact.

    Raises:
      UserError: it is 0.
    """
    if not len(knowledge.facts):
        raise UserError(
            f"config.kg.keep is {config.kg.keep!r} and config.kg.relations {config.kg.relations!r}: of the relations "
            f"that are kept, no class states a fact, and method {config.method!r} has nothing else to learn of the "
            "graph. Keep relations that classes have, such as by config.kg.keep=all, or use method ce."
        )
    return len(knowledge.facts)


def over_variants(scores: Array, knowledge: Knowledge) -> Array:
    """Returns `[B, C]`: `logsumexp` of `[B, V]` scores over the variants of each class."""
    num_classes = knowledge.class_node.shape[0]
    top = jax.ops.segment_max(scores.T, knowledge.evidence_class, num_classes)
    total = jax.ops.segment_sum(
        jnp.exp(scores.T - top[knowledge.evidence_class]), knowledge.evidence_class, num_classes
    )
    return (top + jnp.log(total)).T
