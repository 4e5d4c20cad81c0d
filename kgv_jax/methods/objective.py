"""The contract of an objective, and cross-entropy, which every objective contains.

An objective is a set of terms. Each term gives one value and one weight per example; the loss is

    L = sum_t coefficient_t * (sum_b weight_tb value_tb) / (sum_b weight_tb) + penalty.

Weights depend on the batch alone, not on parameters. So a batch may be cut into micro-batches whose gradients add up
exactly: the one division is by the weight of the whole batch.
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
    cross-entropy), `mask_ids` `[B, K]` int32 (query rows of the mask, -1 pads; an image without any is not in the
    regulariser), and `group` `[B]` int32 where images have several views: equal for the views of one image."""

    image: Array
    label: Array
    labelled: Array
    mask_ids: Array
    group: NotRequired[Array]


class Objective:
    """Cross-entropy over the labelled images. Subclasses add terms, parameters and a second prediction head.

    Attributes:
      begins: names of the stages that `begin` changes something for.
    """

    begins: tuple[str, ...] = ()

    def __init__(self, config: Config, graph_arrays: GraphArrays, mesh: Mesh | None = None) -> None:
        self.config = config
        self.mesh = mesh
        self.head: nn.Module | None = self.make_head(graph_arrays)
        if graph_arrays.mask_rows is None and (reason := self.whole_mask_for(graph_arrays)):
            query_nodes, cells = len(graph_arrays.positives.start) - 1, graph_arrays.candidate.shape
            raise UserError(
                f"{reason} needs the whole mask, which for this graph has {query_nodes} query nodes x {cells[0]} "
                f"relations x {cells[1]} nodes: too many. Use method kgv with kgv.loss=nodes, kgv.score=auto and "
                "kgv.density_head=instance, or a smaller graph."
            )

    def make_head(self, graph_arrays: GraphArrays) -> nn.Module | None:
        """Returns the module with the objective's own parameters, called with `z` `[B, D]`, or None."""
        return None

    def whole_mask_for(self, graph_arrays: GraphArrays) -> str | None:
        """Returns the setting that makes this objective read the whole mask, `H R N` cells, or None."""
        return None

    def form(self, graph_arrays: GraphArrays) -> str | None:
        """Returns a line for the user on the form in which terms are computed, where there is a choice."""
        return None

    def init(self, key: Array) -> Mapping[str, Any]:
        """Returns the parameters of the head."""
        if self.head is None:
            return {}
        return self.head.init(key, jnp.zeros((1, self.config.model.dim)))["params"]

    def axes(self) -> Mapping[str, tuple[str | None, ...]]:
        """Returns what the axes of the head's parameters count, by name of the parameter.

        Rows are found again by it where a run starts from the parameters of another graph.
        """
        return {}

    def begin(self, stage: str, params: Any, graph_arrays: GraphArrays, key: Array) -> Any:
        """Returns the parameters `{"classifier": ..., "knowledge": ...}` with which a stage of training begins."""
        return params

    def coefficients(self) -> dict[str, float]:
        """Returns the coefficient of each term."""
        return {"ce": 1.0}

    def weights(self, batch: Batch, graph_arrays: GraphArrays) -> dict[str, Array]:
        """Returns the weights of each term, `[B]` float32."""
        return {"ce": batch["labelled"]}

    def values(
        self, params: Any, outputs: Outputs, batch: Batch, graph_arrays: GraphArrays, key: Array
    ) -> dict[str, Array]:
        """Returns the values of each term, `[B]` float32; `key` is this step's."""
        smoothing = self.config.optim.label_smoothing
        ce = losses.cross_entropy(outputs.logits, batch["label"], smoothing=smoothing, among=graph_arrays.seen)
        return {"ce": ce}

    def penalty(self, params: Any, graph_arrays: GraphArrays) -> Array:
        """Returns a term that depends on the parameters alone."""
        return jnp.zeros(())

    def graph_logits(self, params: Any, outputs: Outputs, graph_arrays: GraphArrays) -> Array | None:
        """Returns log-scores of the classes from the graph side, `[B, C]`, or None if there is none."""
        return None

    def node_tables(self, params: Any) -> dict[str, Array]:
        """Returns what other runs can start from: `nodes.mu`, `nodes.var` `[N, D]`, `relations.mu` `[R, D]`, if any."""
        return {}


def number_of_facts(config: Config, graph_arrays: GraphArrays) -> int:
    """Returns `A`, for a head with one output per fact.

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
