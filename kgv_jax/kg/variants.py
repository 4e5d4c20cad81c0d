"""National variants of classes: what a convention decides stands at a variant, below its class."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from kgv_jax.kg import closure
from kgv_jax.kg.graph import Graph
from kgv_jax.kg.names import local_name

Variants = Mapping[int, tuple[int, ...]]  # class node -> its variants


def find_variants(graph: Graph, class_nodes: Iterable[int], *, relation: str) -> Variants:
    """Returns the variants of every class, by class node; none where the graph has no such relation."""
    relations = closure.present(graph, (relation,))
    return {
        int(node): tuple(sorted(int(head) for index in relations for head in graph.heads(index, int(node))))
        for node in class_nodes
    }


def variants_used_in(graph: Graph, variants: Variants, style: str, *, relation: str) -> dict[int, int]:
    """Returns the variant of each class that is used in the style of this local name, by class node."""
    relations = closure.present(graph, (relation,))
    return {
        node: variant
        for node, own in variants.items()
        for variant in own
        if any(local_name(graph.nodes[tail]) == style for index in relations for tail in graph.tails(variant, index))
    }


def closest_variant(graph: Graph, variants: Sequence[int], facts: Iterable[tuple[str, str]]) -> int | None:
    """Returns the variant that states most of the (relation, node) facts; None if there is no variant."""
    shown = {(relation, graph.node(node)) for relation, node in facts}

    def agreement(variant: int) -> int:
        stated = graph.outgoing(variant)
        return len(shown & {(local_name(graph.relations[j]), int(k)) for _, j, k in stated})

    return max(variants, key=agreement, default=None)
