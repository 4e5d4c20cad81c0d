"""The mask: what a query node lets be said about every node under every relation (arXiv 2410.15981, section 3).

The paper gives no values of the mask `M`; these are ours.

Rows are four-valued: +1 positive, 0 protected (never a negative), -1 negative, -2 are unlabelled
(this query node does not speak about this node). An image with several query_nodes takes the largest value of
its rows, so that +1 > 0 > -1 > -2; what is still -2 then is ignored, and `M` is in {-1, 0, +1}.

Nearly every cell is a negative or an abstention, and those follow from few node lists. So a mask keeps
the lists of negatives (`Strip`), who speaks about them, and the positive and protected cells alone.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy import sparse

from kgv_jax.kg import closure
from kgv_jax.kg.graph import Graph
from kgv_jax.kg.names import local_name
from kgv_jax.util.errors import UserError, nearest

INSTANCE_OF = "instanceOf"
POSITIVE, IGNORED_NEGATIVE, NEGATIVE, UNLABELLED = 1, 0, -1, -2
CANDIDATES = ("range", "all")
_QUERIES_AT_ONCE = 512  # bounds the temporaries of the builder


class CandidateSet(NamedTuple):
    """Nodes among which a row that speaks about them finds its negatives under one relation.

    Attributes:
      relation: index into the relations of the mask.
      nodes: `[n]` int32, sorted, read-only, without hidden nodes. Strips of one relation are disjoint.
    """

    relation: int
    nodes: np.ndarray


class Entries(NamedTuple):
    """Cells (row, relation, node) by row, sorted, unique; row `h` has those of `start[h]:start[h + 1]`.

    Attributes:
      start: `[H + 1]` int64.
      relation: `[E]` int32.
      node: `[E]` int32.
    """

    start: np.ndarray
    relation: np.ndarray
    node: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class MaskTable:
    """Mask rows, one for every query node and every single fact: `H` rows of `R` relations by `N` nodes.

    A cell is +1 if it is in `positive`, else 0 if it is in `protected` or its node is hidden, else -1 if
    its row speaks about a strip of its relation that holds its node, else -2.

    Attributes:
      graph: the graph whose `N` nodes the rows speak about.
      relations: `R` local names; the first is `instanceOf`, which no graph file contains.
      strips: by relation. With candidates `range` one for each relation (its objects), and for
        `instanceOf` one for each type of node among the query nodes; with `all` one for each relation, all
        of them with the very same array.
      speaks: `[H, len(strips)]` bool: the negatives of the row are in the strip.
      positive: cells that hold.
      protected: cells that are not known to be false, wherever their row speaks of the relation, in
        its strips or outside of them (another query node of the same image may speak there). Never also positive.
      hidden: nodes held out of training, `[n]` int32, sorted: 0 in every row, and in no strip and no entry.
      head_rows: query node -> row: the image is an instance of this node.
      fact_rows: (relation index, node) -> row: the image shows only that this one fact holds.
      ignored: (relation index, node) of facts that no training image shows: in no strip.
    """

    graph: Graph
    relations: tuple[str, ...]
    candidate_sets: tuple[CandidateSet, ...]
    supervised: np.ndarray
    positive: Entries
    ignored_negatives: Entries
    hidden: np.ndarray
    query_rows: Mapping[int, int]
    fact_rows: Mapping[tuple[int, int], int]
    ignored_facts: frozenset[tuple[int, int]] = frozenset()

    @functools.cached_property
    def table(self) -> np.ndarray:
        """All cells, `[H, R, N]` int8, four-valued, read-only. Made when first asked for: large graphs do without."""
        table = np.full((len(self.supervised), len(self.relations), len(self.graph.nodes)), UNLABELLED, np.int8)
        for candidate_set, supervised in zip(self.candidate_sets, self.supervised.T, strict=True):
            table[np.flatnonzero(supervised)[:, None], candidate_set.relation, candidate_set.nodes] = NEGATIVE
        for entries, value in ((self.ignored_negatives, IGNORED_NEGATIVE), (self.positive, POSITIVE)):
            rows = np.repeat(np.arange(len(table)), np.diff(entries.start))
            table[rows, entries.relation, entries.node] = value
        table[:, :, self.hidden] = IGNORED_NEGATIVE
        return _read_only(table)

    def row(self, node: int | str) -> int:
        """Returns the row of a query node, given by index or name."""
        index = self.graph.node(node)
        if index not in self.query_rows:
            raise UserError(f"{self.graph.nodes[index]} is no query node of the mask table; add it to its query nodes")
        return self.query_rows[index]

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
        """Returns the rows `[K]` int32 of what one image depicts, (relation, node) pairs.

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
        result = np.full((*rows.shape[:-1], *self.table.shape[1:]), UNLABELLED, np.int8)
        for index in np.moveaxis(rows, -1, 0):
            spoken = np.where((index >= 0)[..., None, None], self.table[index], np.int8(UNLABELLED))
            np.maximum(result, spoken, out=result)
        result[result == UNLABELLED] = IGNORED_NEGATIVE
        return result


def pad_rows(rows: Sequence[np.ndarray], *, width: int | None = None) -> np.ndarray:
    """Returns rows of many images as one array `[n, K]` int32, padded with -1."""
    width = max((len(row) for row in rows), default=0) if width is None else width
    result = np.full((len(rows), max(width, 1)), -1, np.int32)
    for index, row in enumerate(rows):
        result[index, : len(row)] = row
    return result


def make_mask_table(
    graph: Graph,
    *,
    query_nodes: Sequence[int],
    facts: Sequence[tuple[str, int]] = (),
    hierarchy: Sequence[str] = (),
    relations: Sequence[str] | None = None,
    ignored: Sequence[int] = (),
    ignored_facts: Sequence[tuple[str, int]] = (),
    candidates: str = "range",
    inherit: bool = True,
) -> MaskTable:
    """Builds the mask rows of every query node and fact.

    * `instanceOf`: +1 the query node; nodes related to it are protected (above and below it, what it and they
      have as facts, what has it as a fact); siblings are negatives.
    * A hierarchical relation: +1 its transitive closure; other nodes above or below the query node protected.
    * Any other relation: +1 the query node's tails; whatever lies above or below a positive protected, and
      what only some descendants of the query node have (a variant's colour is true of its class somewhere).
    * A relation in which the query node has no positive is a row of abstentions.

    Args:
      graph: the graph.
      query_nodes: nodes of which images are instances: classes, variants, elements.
      facts: (relation local name, node) pairs that a composition shows. Those of relations that the
        table does not keep are left out.
      hierarchy: names of the hierarchical relations; those the graph lacks add nothing.
      relations: names of the relations to keep (all, if None). What is left out gives no
        positives, and still protects.
      ignored: nodes that training shows nothing of (zero-shot): 0 in every row. Below those that are query nodes (held-out
        classes) so are the nodes that no other row has as a positive.
      ignored: (relation local name, node) pairs that no training image shows: they stay positives of the
        rows that state them, and are no row's negatives under that relation (with candidates `all`: under any).
      candidates: `range` takes negatives from nodes of the query node's type (`instanceOf`) or from
        the relation's objects; `all` takes them from all nodes.
      inherit: whether facts of ancestors hold for their descendants; if not, they are protected.

    Raises:
      UserError: a cycle in the hierarchy, or an unknown option or relation.
    """
    if candidates not in CANDIDATES:
        raise UserError(f"candidates is {candidates!r}; expected one of {', '.join(CANDIDATES)}")
    rules = _Rules(graph, hierarchy, relations, inherit=inherit)
    query_nodes = np.array(list(dict.fromkeys(int(node) for node in query_nodes)), np.int32)
    pairs = list(dict.fromkeys((rules.names.index(name), int(node)) for name, node in facts if name in rules.names[1:]))
    parts = [
        rules.instances(part)
        for part in np.split(query_nodes, range(_QUERIES_AT_ONCE, len(query_nodes), _QUERIES_AT_ONCE))
    ]
    parts.append(rules.single_facts(pairs))
    positive = _entries([part.positive for part in parts], np.zeros(0, np.int32))
    hidden = rules.hidden(np.array([int(node) for node in ignored], np.int32), query_nodes, positive)
    if len(hidden):
        positive = _entries([part.positive for part in parts], hidden)
    said = np.concatenate([part.supervised for part in parts])
    silent = frozenset((rules.names.index(name), int(node)) for name, node in ignored_facts if name in rules.names)
    candidate_sets, supervised = _candidate_sets(
        rules, said, query_nodes, hidden, silent, every_node=candidates == "all"
    )
    return MaskTable(
        graph=graph,
        relations=rules.names,
        candidate_sets=candidate_sets,
        supervised=_read_only(supervised),
        positive=positive,
        ignored_negatives=_entries([part.ignored_negatives for part in parts], hidden),
        hidden=_read_only(hidden),
        query_rows={int(node): row for row, node in enumerate(query_nodes)},
        fact_rows={pair: row for row, pair in enumerate(pairs, start=len(query_nodes))},
        ignored_facts=silent,
    )


def _candidate_sets(
    rules: _Rules,
    said: np.ndarray,
    query_nodes: np.ndarray,
    hidden: np.ndarray,
    ignored_facts: frozenset[tuple[int, int]],
    *,
    every_node: bool,
) -> tuple[tuple[CandidateSet, ...], np.ndarray]:
    """Returns the strips, and which row speaks about which, from the relations `[H, R]` that rows speak of."""
    graph = rules.graph
    if every_node:
        nodes = _visible(np.arange(len(graph.nodes)), np.union1d(hidden, [node for _, node in ignored_facts]))
        return tuple(CandidateSet(column, nodes) for column in range(len(rules.names))), said
    _, type_of = np.unique(np.array(graph.types), return_inverse=True)
    candidate_sets, supervised = [], []
    for kind in np.unique(type_of[query_nodes]):
        candidate_sets.append(CandidateSet(0, _visible(np.flatnonzero(type_of == kind), hidden)))
        supervised.append(said[:, 0].copy())
        supervised[-1][: len(query_nodes)] &= type_of[query_nodes] == kind
    for column, relation in enumerate(rules.columns, start=1):
        silent = [node for other, node in ignored_facts if other == column]
        candidate_sets.append(CandidateSet(column, _visible(graph.objects(relation), np.union1d(hidden, silent))))
        supervised.append(said[:, column])
    return tuple(candidate_sets), np.stack(supervised, axis=1)


def _visible(nodes: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    return _read_only(np.setdiff1d(nodes, hidden, assume_unique=True).astype(np.int32))


def _entries(parts: Sequence[Sequence[sparse.csr_array]], hidden: np.ndarray) -> Entries:
    """Returns the cells of parts of the rows, each a list of matrices `[h, N]`, one a relation."""
    counts, relations, nodes = [], [], []
    for part in parts:
        count = part[0].shape[1]
        # Side by side, so that a row lists its cells by relation and then by node.
        cells = sparse.hstack(part, format="csr")
        if len(hidden):
            shown = np.ones(count, bool)
            shown[hidden] = False
            cells.data &= shown[cells.indices % count]
            cells.eliminate_zeros()
        cells.sort_indices()
        counts.append(np.diff(cells.indptr))
        relation, node = np.divmod(cells.indices, count)
        relations.append(relation.astype(np.int32))
        nodes.append(node.astype(np.int32))
    start = np.concatenate([[0], np.cumsum(np.concatenate(counts), dtype=np.int64)])
    return Entries(_read_only(start), _read_only(np.concatenate(relations)), _read_only(np.concatenate(nodes)))


def _read_only(array: np.ndarray) -> np.ndarray:
    array.setflags(write=False)
    return array


class _Part(NamedTuple):
    """Some rows of the mask: boolean matrices `[h, N]`, one a relation, and `speaks [h, R]`."""

    positive: list[sparse.csr_array]
    ignored_negatives: list[sparse.csr_array]
    supervised: np.ndarray


class _Rules:
    """The closures of one graph as boolean matrices, and the rules that make rows from them.

    In a matrix `[N, N]`, row `n` has the nodes that are above, below or a fact of node `n`; a product with
    `[h, N]` then is a union over nodes. `up` is a node and what is above it, `line` what is below it too.
    """

    def __init__(self, graph: Graph, hierarchy: Sequence[str], relations: Sequence[str] | None, *, inherit: bool):
        self.graph, self.inherit = graph, inherit
        levels = closure.present(graph, hierarchy)
        above = _matrix(closure.ancestors(graph, levels))
        self.below = above.T.tocsr()
        self.up = sparse.eye_array(len(graph.nodes), dtype=bool, format="csr") + above
        self.line = self.up + self.below
        self.levels = frozenset(levels)
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
        self.tails = [
            _matrix(closure.ancestors(graph, (index,))) if index in self.levels else self._edges([index])
            for index in keep
        ]
        self.facts = self._edges([index for index in range(len(graph.relations)) if index not in self.levels])
        self.holders = self.facts.T.tocsr()

    def _edges(self, relations: Sequence[int]) -> sparse.csr_array:
        rows = self.graph.triples[np.isin(self.graph.triples[:, 1], relations)]
        count = len(self.graph.nodes)
        return sparse.csr_array((np.ones(len(rows), bool), (rows[:, 0], rows[:, 2])), shape=(count, count))

    def hidden(self, ignored: np.ndarray, query_nodes: np.ndarray, positive: Entries) -> np.ndarray:
        """Returns the ignored nodes and, below ignored query nodes, those that no other row has as a positive, sorted."""
        # Below query nodes alone: below a fact that training does not show there may be facts that it does show.
        row = np.repeat(np.arange(len(positive.start) - 1), np.diff(positive.start))
        shown = positive.node[~np.isin(row, np.flatnonzero(np.isin(query_nodes, ignored)))]
        below = self.below[np.intersect1d(ignored, query_nodes)].indices
        return np.union1d(ignored, np.setdiff1d(below, shown)).astype(np.int32)

    def instances(self, query_nodes: np.ndarray) -> _Part:
        """Returns the rows of instances of query nodes `[h]`."""
        rows = np.arange(len(query_nodes))
        one = self._one(rows, query_nodes, len(query_nodes))
        positive, ignored_negatives = [one], [_without(self._related(one), one)]
        for relation, tails in zip(self.columns, self.tails, strict=True):
            holds = ((one @ self.up) if self.inherit else one) @ tails
            some = np.diff(holds.indptr) > 0
            spoken = self._one(rows[some], query_nodes[some], len(query_nodes))
            if relation in self.levels:
                # Nodes below a positive stay negatives: all other branches lie below the root.
                kept = spoken @ self.line
            else:
                kept = spoken @ self.line @ tails @ self.line
            positive.append(holds)
            ignored_negatives.append(_without(kept, holds))
        return _Part(positive, ignored_negatives, _supervised(positive))

    def single_facts(self, pairs: Sequence[tuple[int, int]]) -> _Part:
        """Returns the rows of images of which one fact (column, node) alone is known."""
        of_column, nodes = np.array(pairs, np.int32).reshape(-1, 2).T
        nothing = self._one(nodes[:0], nodes[:0], len(pairs))
        positive, ignored_negatives = [nothing], [nothing]
        for column, (relation, tails) in enumerate(zip(self.columns, self.tails, strict=True), start=1):
            rows = np.flatnonzero(of_column == column)
            one = self._one(rows, nodes[rows], len(pairs))
            holds = one + one @ tails if relation in self.levels else one
            positive.append(holds)
            ignored_negatives.append(_without(one @ self.line, holds))
        return _Part(positive, ignored_negatives, _supervised(positive))

    def _one(self, rows: np.ndarray, nodes: np.ndarray, count: int) -> sparse.csr_array:
        """Returns a matrix `[count, N]` with one node in each of some rows."""
        return sparse.csr_array((np.ones(len(rows), bool), (rows, nodes)), shape=(count, len(self.graph.nodes)))

    def _related(self, one: sparse.csr_array) -> sparse.csr_array:
        """Returns the nodes that an image of a query node may also show or be."""
        line = one @ self.line
        return line + line @ self.facts @ self.up + line @ self.holders @ self.line


def _matrix(sets: closure.Sets) -> sparse.csr_array:
    """Returns sets of nodes as a boolean matrix `[N, N]`."""
    start = np.concatenate([[0], np.cumsum([len(nodes) for nodes in sets], dtype=np.int64)])
    nodes = np.fromiter(itertools.chain.from_iterable(sets), np.int32, count=start[-1])
    return sparse.csr_array((np.ones(len(nodes), bool), nodes, start), shape=(len(sets), len(sets)))


def _without(cells: sparse.csr_array, others: sparse.csr_array) -> sparse.csr_array:
    return cells > others  # of booleans, and sparse: True over False


def _supervised(positive: Sequence[sparse.csr_array]) -> np.ndarray:
    """Returns which relations `[h, R]` rows speak of: those in which they have a positive."""
    return np.stack([np.diff(holds.indptr) > 0 for holds in positive], axis=1)
