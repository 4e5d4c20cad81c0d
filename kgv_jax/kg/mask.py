"""The mask: what a head node lets be said about every node under every relation (method.md 1.3).

Rows are four-valued: +1 positive, 0 protected (never a negative), -1 negative, -2 abstain
(this head does not speak about this node). An image with several heads takes the largest value of
its rows, so that +1 > 0 > -1 > -2; what is still -2 then is ignored, and `M` is in {-1, 0, +1}.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from kgv_jax.kg import closure
from kgv_jax.kg.graph import Graph
from kgv_jax.kg.names import local_name
from kgv_jax.util.errors import UserError, nearest

INSTANCE_OF = "instanceOf"
POSITIVE, PROTECTED, NEGATIVE, ABSTAIN = 1, 0, -1, -2
CANDIDATES = ("range", "all")


@dataclasses.dataclass(frozen=True, eq=False)
class MaskTable:
    """Mask rows `table[H, R, N]`, one for every head node and every single fact.

    Attributes:
      graph: the graph whose `N` nodes the rows speak about.
      relations: `R` local names; the first is `instanceOf`, which no graph file contains.
      table: `[H, R, N]` int8, four-valued, read-only.
      head_rows: head node -> row: the image is an instance of this node.
      fact_rows: (relation index, node) -> row: the image shows only that this one fact holds.
    """

    graph: Graph
    relations: tuple[str, ...]
    table: np.ndarray
    head_rows: Mapping[int, int]
    fact_rows: Mapping[tuple[int, int], int]

    def row(self, node: int | str) -> int:
        """Returns the row of a head node, given by index or name."""
        index = self.graph.node(node)
        if index not in self.head_rows:
            raise UserError(f"{self.graph.nodes[index]} is no head of the mask table; add it to its heads")
        return self.head_rows[index]

    def fact_row(self, relation: str, node: int | str) -> int:
        """Returns the row of the fact (relation, node)."""
        if relation not in self.relations:
            near, known = nearest(relation, self.relations), ", ".join(self.relations)
            raise UserError(f"no relation {relation!r} in the mask{near}; it has {known}")
        key = self.relations.index(relation), self.graph.node(node)
        if key not in self.fact_rows:
            raise UserError(f"({relation}, {self.graph.nodes[key[1]]}) is no fact of the mask table; add it")
        return self.fact_rows[key]

    def rows_for(self, depicts: Iterable[tuple[str, str | int]]) -> np.ndarray:
        """Returns the rows `[K]` int32 of what one picture depicts, (relation, node) pairs.

        Pairs of a relation that the table does not keep say nothing and are left out.
        """
        rows = []
        for relation, node in depicts:
            if relation == INSTANCE_OF:
                rows.append(self.row(node))
            elif relation in self.relations:
                rows.append(self.fact_row(relation, node))
        return np.array(rows, np.int32)

    def combine(self, rows: np.ndarray) -> np.ndarray:
        """Returns `M`, `[..., R, N]` int8 in {-1, 0, +1}, of images with rows `[..., K]` (-1 padded)."""
        rows = np.asarray(rows, np.int32)
        result = np.full((*rows.shape[:-1], *self.table.shape[1:]), ABSTAIN, np.int8)
        for index in np.moveaxis(rows, -1, 0):
            spoken = np.where((index >= 0)[..., None, None], self.table[index], np.int8(ABSTAIN))
            np.maximum(result, spoken, out=result)
        result[result == ABSTAIN] = PROTECTED
        return result


def pad_rows(rows: Sequence[np.ndarray], *, width: int | None = None) -> np.ndarray:
    """Returns rows of many pictures as one array `[n, K]` int32, padded with -1."""
    width = max((len(row) for row in rows), default=0) if width is None else width
    result = np.full((len(rows), max(width, 1)), -1, np.int32)
    for index, row in enumerate(rows):
        result[index, : len(row)] = row
    return result


def make_mask_table(
    graph: Graph,
    *,
    heads: Sequence[int],
    facts: Sequence[tuple[str, int]] = (),
    hierarchy: Sequence[str] = (),
    relations: Sequence[str] | None = None,
    ignored: Sequence[int] = (),
    candidates: str = "range",
    inherit: bool = True,
) -> MaskTable:
    """Builds the mask rows of every head and fact.

    * `instanceOf`: +1 the head; nodes related to it are protected (above and below it, what it and they
      have as facts, what has it as a fact); siblings are negatives.
    * A hierarchical relation: +1 its transitive closure; other nodes above or below the head protected.
    * Any other relation: +1 the head's tails; whatever lies above or below a positive protected, and
      what only some descendants of the head have (a variant's colour is true of its class somewhere).
    * A relation in which the head has no positive is a row of abstentions.

    Args:
      graph: the graph.
      heads: nodes of which images are instances: classes, variants, elements.
      facts: (relation local name, node) pairs that a composition shows. Those of relations that the
        table does not keep are left out.
      hierarchy: local names of the hierarchical relations; those the graph lacks add nothing.
      relations: local names of the relations to keep (all, if None). What is left out gives no
        positives, and still protects.
      ignored: class nodes held out of training (zero-shot): 0 in every row, and so are
        nodes below them that are no heads.
      candidates: `range` takes negatives from nodes of the head's type (`instanceOf`) or from
        the relation's objects; `all` takes them from all nodes.
      inherit: whether facts of ancestors hold for their descendants; if not, they are protected.

    Raises:
      UserError: a cycle in the hierarchy, or an unknown option or relation.
    """
    if candidates not in CANDIDATES:
        raise UserError(f"candidates is {candidates!r}; expected one of {', '.join(CANDIDATES)}")
    rules = _Rules(graph, hierarchy, relations, every_node=candidates == "all", inherit=inherit)
    heads = list(dict.fromkeys(int(node) for node in heads))
    pairs = dict.fromkeys(
        (rules.names.index(name), int(node)) for name, node in facts if name in rules.names[1:]
    )
    table = np.full((len(heads) + len(pairs), len(rules.names), len(graph.nodes)), ABSTAIN, np.int8)
    for row, head in enumerate(heads):
        rules.write_head(table[row], head)
    for row, (relation, node) in enumerate(pairs, start=len(heads)):
        rules.write_fact(table[row, relation], relation, node)
    hidden = {int(node) for node in ignored}
    hidden |= {node for held_out in hidden for node in rules.below[held_out]} - set(heads)
    table[:, :, sorted(hidden)] = PROTECTED
    table.setflags(write=False)
    return MaskTable(
        graph=graph,
        relations=rules.names,
        table=table,
        head_rows={head: row for row, head in enumerate(heads)},
        fact_rows={pair: row for row, pair in enumerate(pairs, start=len(heads))},
    )


class _Rules:
    """The closures of one graph, and the rules that write a row from them."""

    def __init__(
        self,
        graph: Graph,
        hierarchy: Sequence[str],
        relations: Sequence[str] | None,
        *,
        every_node: bool,
        inherit: bool,
    ):
        self.graph, self.every_node, self.inherit = graph, every_node, inherit
        levels = closure.present(graph, hierarchy)
        self.above = closure.ancestors(graph, levels)
        self.below = closure.descendants(self.above)
        self.own_closure = {index: closure.ancestors(graph, (index,)) for index in levels}
        keep = range(len(graph.relations))
        if relations is not None:
            wanted = {graph.relation(name) for name in relations if name != INSTANCE_OF}
            keep = [index for index in keep if index in wanted]
        self.columns = tuple(keep)
        self.names = (INSTANCE_OF, *(local_name(graph.relations[index]) for index in keep))
        if len(set(self.names)) < len(self.names):
            raise UserError(
                f"two relations have the same local name among {', '.join(self.names)} "
                "(instanceOf is built in); rename one"
            )
        self.objects = [graph.objects(relation) for relation in range(len(graph.relations))]
        types = np.array(graph.types)
        self.of_type = {name: np.flatnonzero(types == name) for name in set(graph.types)}

    def write_head(self, row: np.ndarray, head: int) -> None:
        """Fills `row [R, N]` for an instance of `head`."""
        everywhere = slice(None)
        row[0, everywhere if self.every_node else self.of_type[self.graph.types[head]]] = NEGATIVE
        row[0, sorted(self._related(head))] = PROTECTED
        row[0, head] = POSITIVE
        for column, relation in enumerate(self.columns, start=1):
            positives, protected = self._truths(head, relation)
            if positives:
                row[column, everywhere if self.every_node else self.objects[relation]] = NEGATIVE
                row[column, sorted(protected)] = PROTECTED
                row[column, sorted(positives)] = POSITIVE

    def write_fact(self, cells: np.ndarray, column: int, node: int) -> None:
        """Fills the `[N]` cells of one relation for an image of which only this fact is known."""
        relation = self.columns[column - 1]
        cells[slice(None) if self.every_node else self.objects[relation]] = NEGATIVE
        cells[sorted(self.above[node] | self.below[node])] = PROTECTED
        cells[sorted(self.own_closure[relation][node] if relation in self.own_closure else ())] = POSITIVE
        cells[node] = POSITIVE

    def _truths(self, head: int, relation: int) -> tuple[set[int], set[int]]:
        """Returns what holds of the head under a relation, and what is not known to be false."""
        own, inherited, lower = (
            set().union(*(self._tails(node, relation) for node in nodes))
            for nodes in ((head,), self.above[head], self.below[head])
        )
        positives = own | inherited if self.inherit else own
        if relation in self.own_closure:
            # Nodes below a positive stay negatives: all other branches lie below the root.
            return positives, {head} | self.above[head] | self.below[head]
        known = own | inherited | lower
        return positives, known.union(*(self.above[node] | self.below[node] for node in known))

    def _tails(self, node: int, relation: int) -> frozenset[int]:
        if relation in self.own_closure:
            return self.own_closure[relation][node]
        rows = self.graph.outgoing(node)
        return frozenset(rows[rows[:, 1] == relation, 2].tolist())

    def _related(self, head: int) -> set[int]:
        """Returns the nodes that an image of the head may also show or be."""
        line = {head} | self.above[head] | self.below[head]
        facts, holders = set(), set()
        for node in line:
            out, into = self.graph.outgoing(node), self.graph.incoming(node)
            facts.update(out[~np.isin(out[:, 1], list(self.own_closure)), 2].tolist())
            holders.update(into[~np.isin(into[:, 1], list(self.own_closure)), 0].tolist())
        return line.union(
            *({node} | self.above[node] for node in facts),
            *({node} | self.above[node] | self.below[node] for node in holders),
        )
