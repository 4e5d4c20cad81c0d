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
from kgv_jax.config.schema import Config
from kgv_jax.methods.graph_arrays import GraphArrays
from kgv_jax.models.classifier import Outputs
from kgv_jax.util.errors import UserError

# What axes of parameters count (`Objective.axes`).
CLASSES, NODES, RELATIONS, FACTS = "classes", "nodes", "relations", "facts"


class Batch(TypedDict):
    """One batch: `image` `[B, H, W, 3]` uint8, `label` `[B]` int32, `labelled` `[B]` float32 (weight in the
    cross-entropy), `mask_ids` `[B, K]` int32 (query rows of the mask, -1 pads; none: not in the regulariser), and `group`
    `[B]` int32 where images have several views: which rows show one image."""

    image: Array
    label: Array
    labelled: Array
    mask_ids: Array
    group: NotRequired[Array]


class Objective:
    """Cross-entropy over the labelled images. Subclasses add terms, parameters and a second head.

    Attributes:
      begins: names of the stages that `begin` changes something for.
    """

    begins: tuple[str, ...] = ()

    def __init__(self, config: Config, graph_arrays: GraphArrays, mesh: Mesh | None = None) -> None:
        self.config = config
        self.mesh = mesh
        self.head: nn.Module | None = self.make_head(graph_arrays)
        if graph_arrays.mask_rows is None and (reason := self.whole_mask_for(graph_arrays)):
            heads, cells = len(graph_arrays.positives.start) - 1, graph_arrays.candidate.shape
            raise UserError(
                f"{reason} needs the whole mask, which for this graph has {heads} heads x {cells[0]} relations x "
                f"{cells[1]} nodes: too many. Use method kgv with kgv.loss=nodes, kgv.score=auto and "
                "kgv.density_head=instance, or a smaller graph."
            )

    def make_head(self, graph_arrays: GraphArrays) -> nn.Module | None:
        """Returns the module with the objective's own parameters, called with `z` `[B, D]`, or None."""
        del graph_arrays
        return None

    def whole_mask_for(self, graph_arrays: GraphArrays) -> str | None:
        """Returns the setting that makes this objective read the whole mask, `H R N` cells, or None."""
        del graph_arrays
        return None

    def form(self, graph_arrays: GraphArrays) -> str | None:
        """Returns in which form the terms are computed, where there is a choice, for the user to read."""
        del graph_arrays
        return None

    def init(self, key: Array) -> Mapping[str, Any]:
        """Returns the parameters of the head."""
        if self.head is None:
            return {}
        return self.head.init(key, jnp.zeros((1, self.config.model.dim)))["params"]

    def axes(self) -> Mapping[str, tuple[str | None, ...]]:
        """Returns what the axes of the head's parameters count, by name: their rows are found again by it."""
        return {}

    def begin(self, stage: str, params: Any, graph_arrays: GraphArrays, key: Array) -> Any:
        """Returns the parameters `{"classifier": ..., "knowledge": ...}` with which a stage of training begins."""
        del stage, graph_arrays, key
        return params

    def coefficients(self) -> dict[str, float]:
        """Returns the coefficient of each term."""
        return {"ce": 1.0}

    def weights(self, batch: Batch, graph_arrays: GraphArrays) -> dict[str, Array]:
        """Returns the weights of each term, `[B]` float32."""
        del graph_arrays
        return {"ce": batch["labelled"]}

    def values(
        self, params: Any, outputs: Outputs, batch: Batch, graph_arrays: GraphArrays, key: Array
    ) -> dict[str, Array]:
        """Returns the values of each term, `[B]` float32; `key` is this step's."""
        del params, key
        smoothing = self.config.optim.label_smoothing
        ce = losses.cross_entropy(outputs.logits, batch["label"], smoothing=smoothing, among=graph_arrays.seen)
        return {"ce": ce}

    def penalty(self, params: Any, graph_arrays: GraphArrays) -> Array:
        """Returns a term of the parameters alone."""
        del params, graph_arrays
        return jnp.zeros(())

    def graph_logits(self, params: Any, outputs: Outputs, graph_arrays: GraphArrays) -> Array | None:
        """Returns log-scores of the classes from the graph side, `[B, C]`, or None if there is none."""
        del params, outputs, graph_arrays
        return None

    def node_tables(self, params: Any) -> dict[str, Array]:
        """What other runs can start from: `nodes.mu`, `nodes.var` `[N, D]`, `relations.mu` `[R, D]`; or nothing."""
        del params
        return {}


def number_of_facts(config: Config, graph_arrays: GraphArrays) -> int:
    """Returns `A`, for a head with an output a fact.

    Raises:
      UserError: it is 0.
    """
    if not len(graph_arrays.facts):
        raise UserError(
            f"config.kg.keep is {config.kg.keep!r} and config.kg.relations {config.kg.relations!r}: of the relations "
            f"that are kept, no class states a fact, and method {config.method!r} has nothing else to learn of the "
            "graph. Keep relations that classes have, such as by config.kg.keep=all, or use method ce."
        )
    return len(graph_arrays.facts)


def over_variants(scores: Array, graph_arrays: GraphArrays) -> Array:
    """Returns `[B, C]`: `logsumexp` of `[B, V]` scores over the variants of each class."""
    num_classes = graph_arrays.class_node.shape[0]
    top = jax.ops.segment_max(scores.T, graph_arrays.evidence_class, num_classes)
    total = jax.ops.segment_sum(
        jnp.exp(scores.T - top[graph_arrays.evidence_class]), graph_arrays.evidence_class, num_classes
    )
    return (top + jnp.log(total)).T
