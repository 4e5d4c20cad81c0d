"""Which classes a run has, and what each is to training: seen, held out to be tested, or held out to choose with.

A run may be evaluated with an extended graph. It then has the classes that it was trained with, and the classes that
the graph adds and the data set has images of; the added ones are unseen.
"""

from __future__ import annotations

import dataclasses
import functools
import pathlib
from collections.abc import Sequence

import numpy as np

from kgv_jax.config.schema import Config
from kgv_jax.data.held_out import ClassChoice, hold_out, names_in, read_classes, restrict
from kgv_jax.data.types import SEEN, UNSEEN, VALIDATION, Dataset
from kgv_jax.kg import closure, held_out
from kgv_jax.kg.class_tree import make_class_tree
from kgv_jax.kg.graph import Graph
from kgv_jax.kg.mapping import map_classes, read_column
from kgv_jax.util.errors import UserError


@dataclasses.dataclass(frozen=True)
class Trained:
    """What a run was trained on, by name: the rows of its parameters.

    Attributes:
      classes, roles: `[C]` class names, and what each is to training.
      nodes: `[N]` IRIs.
      hidden: those among them that no training image could be positive for.
      relations: `[R]` local names.
      facts: `[A]` pairs of a relation's local name and a node's IRI.
    """

    classes: tuple[str, ...]
    roles: tuple[str, ...]
    nodes: tuple[str, ...]
    hidden: tuple[str, ...]
    relations: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]


def map_class_names(config: Config, graph: Graph, classes: Sequence[str]) -> np.ndarray:
    """Returns the node of each class, found as `config.kg.class_by` says."""
    file, colon, column = config.kg.class_by.rpartition(":")
    by = read_column(pathlib.Path(file), column) if colon else config.kg.class_by
    return map_classes(graph, classes, by=by, class_types=(config.kg.class_type,))


def find_parents(config: Config, graph: Graph) -> np.ndarray:
    """Returns `[E, 2]` (child, parent) pairs of the hierarchical relations.

    Raises:
      UserError: they have a cycle.
    """
    levels = closure.present(graph, config.kg.hierarchy)
    closure.check_acyclic(graph, levels)
    return graph.triples[np.isin(graph.triples[:, 1], levels)][:, [0, 2]]


def set_roles(
    config: Config, dataset: Dataset, graph: Graph, trained: Trained | None
) -> tuple[Dataset, np.ndarray, tuple[str, ...]]:
    """Returns the data set of the run, the nodes `[C]` of its classes, and their roles `[C]`.

    The data set has the run's classes, and no training image of those that are held out.

    Raises:
      UserError: a class to be learnt has no node, a held-out name is no class, or a trained class has no image.
    """
    whole = dataset
    dataset = restrict(dataset, _known(config, dataset, graph, trained))
    class_nodes = map_class_names(config, graph, dataset.classes)
    if trained is not None:
        role_of = dict(zip(trained.classes, trained.roles, strict=True))
        role_of = {name: role_of.get(name, UNSEEN) for name in dataset.classes}
    elif config.zero_shot.holds_out:
        chosen = _choose(config, whole, dataset.classes, graph, class_nodes)
        role_of = {name: role for role, names in chosen.items() for name in names}
    else:
        role_of = {}
    roles = tuple(role_of.get(name, SEEN) for name in dataset.classes)
    of = {role: [n for n, own in zip(dataset.classes, roles, strict=True) if own == role] for role in roles}
    if of.keys() - {SEEN}:
        dataset = hold_out(dataset, unseen=of.get(UNSEEN, ()), validation=of.get(VALIDATION, ()))
    return dataset, class_nodes, roles


def _choices(config: Config) -> dict[str, ClassChoice]:
    """Returns what `config.zero_shot` says of the held-out classes, by role."""
    given = {role: config.zero_shot.given(role) for role in (UNSEEN, VALIDATION)}
    return {
        role: ClassChoice(role, **{name.removeprefix(f"{role}_"): value for name, value in settings.items()})
        for role, settings in given.items()
    }


def _known(config: Config, dataset: Dataset, graph: Graph, trained: Trained | None) -> list[str]:
    """Returns the classes that the run can have.

    In training, a class needs images of the source, or a setting that holds it out. A class that is held out and that
    the graph does not know is left out, until an extended graph adds it. With an extended graph, a run has the classes
    that it was trained with and those that the graph adds.
    """
    if trained is None:
        named = {name for choice in _choices(config).values() for name in names_in(choice, dataset)}
        learnt = {*dataset.classes} - {*dataset.untrained} - named
        return [c for c in dataset.classes if c in learnt or (c in named and _node(config, graph, c))]
    if missing := [name for name in trained.classes if name not in dataset.classes]:
        raise UserError(
            f"The data set has no images of {len(missing)} of the {len(trained.classes)} classes of the run, the "
            f"first is {missing[0]!r}. Evaluate with the data set that it was trained with."
        )
    new = {*graph.nodes} - {*trained.nodes}
    return [c for c in dataset.classes if c in trained.classes or _node(config, graph, c) in new]


def _node(config: Config, graph: Graph, name: str) -> str | None:
    try:
        return graph.nodes[int(map_class_names(config, graph, [name])[0])]
    except UserError:
        return None


def _choose(
    config: Config, dataset: Dataset, known: Sequence[str], graph: Graph, class_nodes: np.ndarray
) -> dict[str, list[str]]:
    """Returns the classes that `config.zero_shot` holds out, by role, among those known to the graph."""
    seed, parents = config.data.split_seed, find_parents(config, graph)
    tree = make_class_tree(parents, class_nodes) if np.isin(class_nodes, parents[:, 0]).any() else None
    order = held_out.tree_order(known, tree, seed)
    chosen: dict[str, list[str]] = {}
    for role, choice in _choices(config).items():
        rest = [name for name in order if name not in chosen.get(UNSEEN, ())]
        choose = functools.partial(held_out.choose_classes, rest, seed=seed)
        names = read_classes(choice, dataset, choose)
        chosen[role] = [name for name in names if name in known]
    if both := sorted({*chosen[UNSEEN]} & {*chosen[VALIDATION]}):
        raise UserError(
            f"config.zero_shot holds {both[0]!r} out as an unseen and as a validation class; choices are made on "
            "classes that are not tested. Take it out of one."
        )
    return chosen
