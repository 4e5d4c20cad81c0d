"""Ablations of prior knowledge, Graph -> Graph. (Which relations supervise is an option of the mask: `kg/mask.py`.)"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kgv_jax.kg import closure
from kgv_jax.kg.graph import Graph
from kgv_jax.util.errors import UserError

_ATTEMPTS = 200


def permute_class_rows(
    graph: Graph,
    classes: Sequence[int],
    seed: int,
    *,
    variant_of: str = "variantOf",
    style: str = "usedIn",
) -> Graph:
    """Returns the graph with the same degrees and the wrong meaning: every class has another class's facts.

    A random derangement deals what goes out of a class (and out of its variants, together) to another
    class. The new owner's variants take the facts of the variant of the same style where there is
    one. Nothing else changes; a relation without cycles still has none.

    Args:
      graph: the graph.
      classes: class nodes, two or more.
      seed: of the derangement.
      variant_of: local name of the relation from a variant to its class.
      style: local name of the relation from a variant to where it is used.

    Raises:
      UserError: fewer than two classes, or classes so nested that every deal closes a cycle.
    """
    classes = sorted({int(node) for node in classes})
    if len(classes) < 2:
        raise UserError(f"{len(classes)} class cannot take another class's facts; give at least two classes.")
    rng = np.random.default_rng(seed)
    acyclic = [index for index in range(len(graph.relations)) if not closure.find_cycles(graph, (index,))]
    for _ in range(_ATTEMPTS):
        owner = _cyclic_permutation(classes, rng)
        dealt = _deal(graph, owner, closure.present(graph, (variant_of,)), closure.present(graph, (style,)))
        if not any(closure.find_cycles(dealt, (index,)) for index in acyclic):
            return dealt
    raise UserError(
        f"No permutation of the {len(classes)} classes found that keeps the hierarchy free of cycles "
        f"({_ATTEMPTS} tried); leave out classes that lie above other classes."
    )


def randomise_class_facts(graph: Graph, classes: Sequence[int], seed: int, *, variant_of: str = "variantOf") -> Graph:
    """Returns the graph with as many facts and no meaning: each fact of a class, or a variant, names another node.

    The new tail is sampled from the tails that facts of classes have under the same relation, the class's own count of
    them without repeats. Unlike in `permute_class_rows` no two classes share facts but by chance. Triples of
    `variant_of` and what goes out of other nodes stay.

    Raises:
      UserError: every sample closes a cycle in a relation that had none.
    """
    rng = np.random.default_rng(seed)
    variant = closure.present(graph, (variant_of,))
    owners = {int(node) for node in classes}
    owners |= {head for relation in variant for node in tuple(owners) for head in graph.heads(relation, node)}
    replaced = np.isin(graph.triples[:, 0], list(owners)) & ~np.isin(graph.triples[:, 1], variant)
    pools = {relation: np.unique(tails) for relation, tails in _tails_by_relation(graph.triples[replaced]).items()}
    acyclic = [index for index in range(len(graph.relations)) if not closure.find_cycles(graph, (index,))]
    for _ in range(_ATTEMPTS):
        rows = {tuple(row) for row in graph.triples[~replaced].tolist()}
        for head, relation in np.unique(graph.triples[replaced][:, :2], axis=0).tolist():
            count = int(np.sum((graph.triples[:, 0] == head) & (graph.triples[:, 1] == relation)))
            rows |= {(head, relation, int(tail)) for tail in rng.choice(pools[relation], count, replace=False)}
        random = graph.replace_triples((graph.nodes[h], graph.relations[r], graph.nodes[t]) for h, r, t in rows)
        if not any(closure.find_cycles(random, (index,)) for index in acyclic):
            return random
    raise UserError(
        f"No random facts found for {len(owners)} classes and variants that keep the hierarchy free of cycles "
        f"({_ATTEMPTS} tried); leave out classes that lie above other classes."
    )


def _tails_by_relation(triples: np.ndarray) -> dict[int, np.ndarray]:
    return {relation: triples[triples[:, 1] == relation, 2] for relation in np.unique(triples[:, 1]).tolist()}


def _cyclic_permutation(items: Sequence[int], rng: np.random.Generator) -> dict[int, int]:
    """One random cycle through all items: no item stays where it is."""
    order = [items[index] for index in rng.permutation(len(items))]
    return dict(zip(order, order[1:] + order[:1], strict=True))


def _deal(graph: Graph, owner: dict[int, int], variant_of: tuple[int, ...], style: tuple[int, ...]) -> Graph:
    """Renames heads: class -> new owner, its variants -> the new owner's; tails of `variantOf` follow."""
    variants: dict[int, list[int]] = {}
    taken = set(owner)
    for node in owner:
        found = {head for relation in variant_of for head in graph.heads(relation, node)} - taken
        variants[node] = sorted(found)
        taken |= found
    head_of = owner | _match_variants(graph, owner, variants, style)
    rows = set()
    for head, relation, tail in graph.triples.tolist():
        moved = relation in variant_of and head in head_of and head not in owner
        rows.add((head_of.get(head, head), relation, owner.get(tail, tail) if moved else tail))
    return graph.replace_triples((graph.nodes[h], graph.relations[r], graph.nodes[t]) for h, r, t in rows)


def _match_variants(
    graph: Graph, owner: dict[int, int], variants: dict[int, list[int]], style: tuple[int, ...]
) -> dict[int, int]:
    """Returns a permutation of all variants: same style of the new owner first, then what is left over."""

    def styles(node: int) -> tuple[int, ...]:
        return tuple(tail for relation in style for tail in graph.tails(node, relation))

    target: dict[int, int] = {}
    free = {node: list(nodes) for node, nodes in variants.items()}
    for same_style in (True, False):
        for node, new_owner in owner.items():
            for variant in variants[node]:
                if variant in target:
                    continue
                fits = [v for v in free[new_owner] if not same_style or styles(v) == styles(variant)]
                if fits:
                    target[variant] = fits[0]
                    free[new_owner].remove(fits[0])
    rest = sorted({v for nodes in variants.values() for v in nodes} - set(target))
    target.update(zip(rest, sorted(v for nodes in free.values() for v in nodes), strict=True))
    for variant in rest:
        if target[variant] == variant and len(target) > 1:
            other = next(node for node in sorted(target) if node != variant)
            target[variant], target[other] = target[other], variant
    return target
