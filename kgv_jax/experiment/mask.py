"""The graph as a method reads it, and the mask that is made of it."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np

from kgv_jax.config.schema import Config
from kgv_jax.data.types import SEEN
from kgv_jax.experiment.class_roles import Trained
from kgv_jax.kg import closure, held_out, transforms
from kgv_jax.kg import mask as kg_mask
from kgv_jax.kg.graph import Graph
from kgv_jax.kg.mask import INSTANCE_OF, Mask
from kgv_jax.kg.names import local_name
from kgv_jax.kg.variants import Variants


def ablate(config: Config, graph: Graph, class_nodes: np.ndarray) -> Graph:
    """Returns the graph with the facts of classes permuted or randomised, where `config.kg` asks for it."""
    if config.kg.permute_classes:
        graph = transforms.permute_class_rows(
            graph,
            class_nodes,
            seed=config.seed,
            variant_of=config.kg.variant_relation,
            style=config.kg.style_relation,
        )
    if config.kg.random_facts:
        graph = transforms.randomise_class_facts(
            graph, class_nodes, seed=config.seed, variant_of=config.kg.variant_relation
        )
    return graph


def make_mask(
    config: Config,
    graph: Graph,
    *,
    class_nodes: np.ndarray,
    roles: Sequence[str],
    variants: Variants,
    depicted: set[tuple[str, str]],
    trained: Trained | None,
) -> Mask:
    """Returns the mask.

    Held-out classes and their variants are ignored in every row, and so are the facts that only they state: as
    negatives they would be pushed away from every image. With a graph other than the one that was trained with, nodes,
    relations and facts that were not trained are ignored too.

    Args:
      config: of the run.
      graph: as the method reads it.
      class_nodes: `[C]` node of each class.
      roles: `[C]` what each class is to training.
      variants: class node -> its variants.
      depicted: (relation, node) pairs that synthetic images show.
      trained: what was trained, where the graph is another one now.
    """
    # Query nodes are classes, then their variants, then elements that synthetic images show; facts follow them.
    elements = {graph.node(node) for relation, node in depicted if relation == INSTANCE_OF}
    query_nodes = [*map(int, class_nodes), *(v for node in class_nodes for v in variants[int(node)]), *sorted(elements)]
    make = functools.partial(
        kg_mask.make_mask,
        graph,
        query_nodes=list(dict.fromkeys(query_nodes)),
        facts=sorted((relation, graph.node(node)) for relation, node in depicted if relation != INSTANCE_OF),
        hierarchy=config.kg.hierarchy,
        candidates=config.kg.candidates,
        inherit=config.kg.inherit,
    )
    relations = _kept_relations(config, graph)

    # Held-out classes are ignored, unless an ablation makes them negatives.
    held = [node for node, role in zip(class_nodes.tolist(), roles, strict=True) if role != SEEN]
    held = [member for node in held for member in (node, *variants[node])]
    if config.zero_shot.negatives:
        held = []

    if trained is not None:
        relations = [name for name in relations if local_name(name) in trained.relations]
        known = {*trained.nodes} - {*trained.hidden}
        ignored = sorted({*held, *(index for index, name in enumerate(graph.nodes) if name not in known)})
        mask = make(relations=relations, ignored_nodes=ignored)
        stated = {(mask.relations[j], k) for j, k in zip(*(cells.tolist() for cells in mask.positive[1:]), strict=True)}
        learnt = {(relation, graph.nodes.index(name)) for relation, name in trained.facts if name in graph.nodes}
        return make(relations=relations, ignored_nodes=ignored, ignored_facts=sorted(stated - learnt))
    if not held:
        return make(relations=relations)
    ignored = held_out.find_ignored(make(relations=relations), held)
    return make(relations=relations, ignored_nodes=ignored.nodes, ignored_facts=ignored.facts)


def rows_of_classes(mask: Mask, class_nodes: np.ndarray, variants: Variants) -> tuple[tuple[int, ...], ...]:
    """Returns the mask rows of each class: its own, then those of its variants."""
    return tuple(tuple(mask.row(node) for node in (own, *variants[own])) for own in map(int, class_nodes))


def _kept_relations(config: Config, graph: Graph) -> list[str]:
    """Returns the full names of relations that give positives; what a relation left out states is no negative."""
    named = {graph.relation(name) for name in config.kg.relations}
    levels = closure.present(graph, config.kg.hierarchy)
    kept = {"all": {True, False}, "hierarchy": {True}, "association": {False}, "classes": set()}[config.kg.keep]
    return [
        name
        for index, name in enumerate(graph.relations)
        if (not named or index in named) and (index in levels) in kept
    ]
