"""The mask `M` on the host: which nodes are positives and negatives of an image (KGV, arXiv 2410.15981, section 3).

The regulariser contrasts an image with the nodes of the graph, one relation at a time. `M[b, j, k]` says how node `k`
under relation `j` takes part for image `b`: +1 is a positive, -1 a negative, 0 takes no part. The paper leaves the
values of `M` open. The rules of this module are ours; `make_mask` lists them.

Why four values
    An image may have several query nodes: a composed image shows a shape and a colour, and each of the two supervises
    another relation. So the mask is kept as one row for every query node, and the rows of an image are combined when
    its batch is made. A row needs a fourth value for the cells that it leaves to other rows:

        +1  positive
         0  ignored negative: it may be true of the image, so no row may make it a negative
        -1  negative
        -2  unlabelled: this row has no opinion, another row may have one

    With this order the combination is a maximum over rows. A cell that is still unlabelled then becomes 0.

Why ancestors are never negatives
    A stop sign is a priority sign. If `priority sign` were a negative of an image of `stop`, the loss would push the
    image away from a node that describes it, and so from every class that the node describes. The same holds for
    descendants (an image of the class may show any of its variants), and for the facts of both. All of them are
    ignored negatives. Siblings are what an image is contrasted with.

Why candidate sets
    Most cells are -1 or -2, and these follow from few lists of nodes. A `Mask` therefore stores the lists
    (`CandidateSet`), which row is supervised in which of them, and only the +1 and 0 cells one by one. The dense
    table has `H R N` cells: billions for the classes of ImageNet-21k.

`methods/graph_arrays.py` makes the device's form of a mask, `GraphArrays`.
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
_QUERIES_AT_ONCE = 512  # bounds the memory of `make_mask` for temporaries


class CandidateSet(NamedTuple):
    """Nodes among which the rows that are supervised in this set have their negatives under one relation.

    Attributes:
      relation: index into the relations of the mask.
      nodes: `[n]` int32, sorted, read-only, without ignored nodes. Sets of one relation are disjoint.
    """

    relation: int
    nodes: np.ndarray


class Entries(NamedTuple):
    """Cells (row, relation, node) in row order, sorted, unique; row `h` has those of `start[h]:start[h + 1]`.

    Attributes:
      start: `[H + 1]` int64.
      relation: `[E]` int32.
      node: `[E]` int32.
    """

    start: np.ndarray
    relation: np.ndarray
    node: np.ndarray

    def row(self) -> np.ndarray:
        """Returns the row of each cell, `[E]` int64."""
        return np.repeat(np.arange(len(self.start) - 1), np.diff(self.start))


@dataclasses.dataclass(frozen=True, eq=False)
class Mask:
    """One row for every query node and every single fact: `H` rows of `R` relations by `N` nodes.

    A cell is +1 if it is in `positive`. Else it is 0 if it is in `ignored_negatives` or its node is ignored. Else it
    is -1 if its row is supervised in a candidate set of its relation that holds its node. Else it is -2.

    Attributes:
      graph: the graph with the `N` nodes.
      relations: `R` local names; the first is `instanceOf`, which no graph file contains.
      candidate_sets: by relation. With candidates `range` one for each relation (its objects), and for
        `instanceOf` one for each type of node among the query nodes. With `all` one for each relation, all
        of them with the very same array.
      supervised: `[H, S]` bool: whether the row has its negatives in each of the `S` candidate sets.
      positive: cells that hold.
      ignored_negatives: cells that are not known to be false, wherever their row is supervised under the relation,
        inside its candidate sets and outside (another query node of the same image may be supervised there). Never
        also positive.
      ignored_nodes: nodes held out of training, `[n]` int32, sorted: 0 in every row, in no candidate set or entry.
      query_rows: query node -> row: the image is an instance of this node.
      fact_rows: (relation index, node) -> row: all that is known of the image is that this one fact holds.
      ignored_facts: (relation index, node) of facts that no training image shows: in no candidate set.
    """

    graph: Graph
    relations: tuple[str, ...]
    candidate_sets: tuple[CandidateSet, ...]
    supervised: np.ndarray
    positive: Entries
    ignored_negatives: Entries
    ignored_nodes: np.ndarray
    query_rows: Mapping[int, int]
    fact_rows: Mapping[tuple[int, int], int]
    ignored_facts: frozenset[tuple[int, int]] = frozenset()

    @functools.cached_property
    def table(self) -> np.ndarray:
        """All cells, `[H, R, N]` int8, four-valued, read-only. Made when first read: large graphs do without."""
        table = np.full((len(self.supervised), len(self.relations), len(self.graph.nodes)), UNLABELLED, np.int8)
        for candidate_set, supervised in zip(self.candidate_sets, self.supervised.T, strict=True):
            table[np.flatnonzero(supervised)[:, None], candidate_set.relation, candidate_set.nodes] = NEGATIVE
        for entries, value in ((self.ignored_negatives, IGNORED_NEGATIVE), (self.positive, POSITIVE)):
            table[entries.row(), entries.relation, entries.node] = value
        table[:, :, self.ignored_nodes] = IGNORED_NEGATIVE
        return _read_only(table)

    def row(self, node: int | str) -> int:
        """Returns the row of a query node, given by index or name."""
        index = self.graph.node(node)
        if index not in self.query_rows:
            raise UserError(f"{self.graph.nodes[index]} is no query node of the mask. Add it to its query nodes.")
        return self.query_rows[index]

    def fact_row(self, relation: str, node: int | str) -> int:
        """Returns the row of the fact (relation, node)."""
        if relation not in self.relations:
            near, known = nearest(relation, self.relations), ", ".join(self.relations)
            raise UserError(f"The mask has no relation {relation!r}{near}; it has {known}.")
        key = self.relations.index(relation), self.graph.node(node)
        if key not in self.fact_rows:
            raise UserError(f"({relation}, {self.graph.nodes[key[1]]}) is no fact of the mask. Add it to its facts.")
        return self.fact_rows[key]

    def rows_for(self, depicts: Iterable[tuple[str, str | int]]) -> np.ndarray:
        """Returns the rows `[K]` int32 of what one image depicts, (relation, node) pairs.

        Pairs of a relation that the mask leaves out supervise nothing and have no row.
        """
        rows = []
        for relation, node in depicts:
            if relation == INSTANCE_OF:
                rows.append(self.row(node))
            elif relation in self.relations:
                rows.append(self.fact_row(relation, node))
        return np.array(rows, np.int32)

    def combine(self, rows: np.ndarray) -> np.ndarray:
        """Returns `M`, `[..., R, N]` int8 in {-1, 0, +1}, of images with rows `[..., K]` (-1 padded).

        The host's one place where four values become three; `graph_arrays.mask_of` is the device's.
        """
        rows = np.asarray(rows, np.int32)
        result = np.full((*rows.shape[:-1], *self.table.shape[1:]), UNLABELLED, np.int8)
        for index in np.moveaxis(rows, -1, 0):
            labelled = np.where((index >= 0)[..., None, None], self.table[index], np.int8(UNLABELLED))
            np.maximum(result, labelled, out=result)
        result[result == UNLABELLED] = IGNORED_NEGATIVE
        return result


def pad_rows(rows: Sequence[np.ndarray], *, width: int | None = None) -> np.ndarray:
    """Returns rows of many images as one array `[n, K]` int32, padded with -1."""
    width = max((len(row) for row in rows), default=0) if width is None else width
    result = np.full((len(rows), max(width, 1)), -1, np.int32)
    for index, row in enumerate(rows):
        result[index, : len(row)] = row
    return result


def make_mask(
    graph: Graph,
    *,
    query_nodes: Sequence[int],
    facts: Sequence[tuple[str, int]] = (),
    hierarchy: Sequence[str] = (),
    relations: Sequence[str] | None = None,
    ignored_nodes: Sequence[int] = (),
    ignored_facts: Sequence[tuple[str, int]] = (),
    candidates: str = "range",
    inherit: bool = True,
) -> Mask:
    """Makes the rows of every query node and fact.

    * `instanceOf`: the query node is positive. Nodes related to it are ignored negatives: above and below it, what it
      and they have as facts, what has it as a fact. Siblings are negatives.
    * A hierarchical relation: the query node's transitive closure is positive. Other nodes above or below it are
      ignored negatives.
    * Any other relation: the query node's tails are positive. Whatever lies above or below a positive is an ignored
      negative, and so is what only some descendants have (a variant's colour is true of its class somewhere).
    * Under a relation in which the query node has no positive, the whole row is unlabelled.

    Args:
      graph: the graph.
      query_nodes: nodes of which images are instances: classes, variants, elements.
      facts: (relation local name, node) pairs that a composition shows. Those of relations that the
        mask leaves out get no row.
      hierarchy: names of the hierarchical relations; those that the graph lacks add nothing.
      relations: names of the relations to keep (all, if None). A relation that is left out gives no positives; it
        still makes ignored negatives.
      ignored_nodes: nodes that no training image shows (zero-shot): 0 in every row. Below those that are query nodes
        (held-out classes), nodes that no other row has as a positive are ignored too.
      ignored_facts: (relation local name, node) pairs that no training image shows. They stay positives of the
        rows that state them, and are no row's negatives under that relation (with candidates `all`: under any).
      candidates: `range` takes negatives from nodes of the query node's type (`instanceOf`) or from
        the relation's objects; `all` takes them from all nodes.
      inherit: whether facts of ancestors hold for their descendants; if not, they are ignored negatives.

    Raises:
      UserError: a cycle in the hierarchy, or an unknown option or relation.
    """
    if candidates not in CANDIDATES:
        raise UserError(f"candidates is {candidates!r}; expected one of {', '.join(CANDIDATES)}.")
    rules = _Rules(graph, hierarchy, relations, inherit=inherit)
    query_nodes = np.array(list(dict.fromkeys(int(node) for node in query_nodes)), np.int32)
    pairs = list(dict.fromkeys((rules.names.index(name), int(node)) for name, node in facts if name in rules.names[1:]))

    # Positives and ignored negatives, as sparse matrices, a few hundred query nodes at a time.
    parts = [
        rules.instances(part)
        for part in np.split(query_nodes, range(_QUERIES_AT_ONCE, len(query_nodes), _QUERIES_AT_ONCE))
    ]
    parts.append(rules.single_facts(pairs))
    positive = _entries([part.positive for part in parts], np.zeros(0, np.int32))

    # Which nodes training never shows: known only now that all positives are.
    ignored = rules.find_ignored(np.array([int(node) for node in ignored_nodes], np.int32), query_nodes, positive)
    if len(ignored):
        positive = _entries([part.positive for part in parts], ignored)
    own_ignored_facts = frozenset(
        (rules.names.index(name), int(node)) for name, node in ignored_facts if name in rules.names
    )

    # Where negatives come from.
    candidate_sets, supervised = _candidate_sets(
        rules,
        np.concatenate([part.supervised for part in parts]),
        query_nodes,
        ignored,
        own_ignored_facts,
        every_node=candidates == "all",
    )
    return Mask(
        graph=graph,
        relations=rules.names,
        candidate_sets=candidate_sets,
        supervised=_read_only(supervised),
        positive=positive,
        ignored_negatives=_entries([part.ignored_negatives for part in parts], ignored),
        ignored_nodes=_read_only(ignored),
        query_rows={int(node): row for row, node in enumerate(query_nodes)},
        fact_rows={pair: row for row, pair in enumerate(pairs, start=len(query_nodes))},
        ignored_facts=own_ignored_facts,
    )


def _candidate_sets(
    rules: _Rules,
    by_relation: np.ndarray,
    query_nodes: np.ndarray,
    ignored_nodes: np.ndarray,
    ignored_facts: frozenset[tuple[int, int]],
    *,
    every_node: bool,
) -> tuple[tuple[CandidateSet, ...], np.ndarray]:
    """Returns the candidate sets, and which row is supervised in which, from the supervised relations `[H, R]`."""
    graph = rules.graph
    if every_node:
        nodes = _except(np.arange(len(graph.nodes)), np.union1d(ignored_nodes, [node for _, node in ignored_facts]))
        return tuple(CandidateSet(column, nodes) for column in range(len(rules.names))), by_relation
    _, type_of = np.unique(np.array(graph.types), return_inverse=True)
    candidate_sets, supervised = [], []
    # `instanceOf`: a class is contrasted with classes, a colour with colours.
    for kind in np.unique(type_of[query_nodes]):
        candidate_sets.append(CandidateSet(0, _except(np.flatnonzero(type_of == kind), ignored_nodes)))
        supervised.append(by_relation[:, 0].copy())
        supervised[-1][: len(query_nodes)] &= type_of[query_nodes] == kind
    for column, relation in enumerate(rules.columns, start=1):
        own_ignored = [node for other, node in ignored_facts if other == column]
        nodes = _except(graph.objects(relation), np.union1d(ignored_nodes, own_ignored))
        candidate_sets.append(CandidateSet(column, nodes))
        supervised.append(by_relation[:, column])
    return tuple(candidate_sets), np.stack(supervised, axis=1)


def _except(nodes: np.ndarray, left_out: np.ndarray) -> np.ndarray:
    return _read_only(np.setdiff1d(nodes, left_out, assume_unique=True).astype(np.int32))


def _entries(parts: Sequence[Sequence[sparse.csr_array]], ignored_nodes: np.ndarray) -> Entries:
    """Returns the cells of parts of the rows, each a list of matrices `[h, N]`, one per relation."""
    counts, relations, nodes = [], [], []
    for part in parts:
        count = part[0].shape[1]
        # Side by side, so that a row lists its cells by relation and then by node.
        cells = sparse.hstack(part, format="csr")
        if len(ignored_nodes):
            keep = np.ones(count, bool)
            keep[ignored_nodes] = False
            cells.data &= keep[cells.indices % count]
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
    """Some rows of the mask: boolean matrices `[h, N]`, one per relation, and the supervised relations `[h, R]`."""

    positive: list[sparse.csr_array]
    ignored_negatives: list[sparse.csr_array]
    supervised: np.ndarray


class _Rules:
    """The closures of one graph as boolean matrices, and the rules that make rows from them.

    The rules are about sets of nodes: "what lies above it", "the facts of what lies below it". As boolean matrices
    `[N, N]`, whose row `n` is the set of node `n`, such sets of many query nodes at a time are matrix products: with
    `[h, N]` on the left, a product is a union over nodes.

    Attributes:
      up: a node and all above it.
      below: all below a node.
      line: `up` and `below` together: what a node is comparable with.
      tails: for each kept relation a node's tails, of a hierarchical relation all of its transitive closure.
      facts: a node's tails under all relations that are not hierarchical, kept or not.
      holders: the transpose of `facts`.
    """

    def __init__(self, graph: Graph, hierarchy: Sequence[str], relations: Sequence[str] | None, *, inherit: bool):
        self.graph, self.inherit = graph, inherit

        # What is above and below a node, along all hierarchical relations together.
        levels = closure.present(graph, hierarchy)
        above = _matrix(closure.ancestors(graph, levels))
        self.below = above.T.tocsr()
        self.up = sparse.eye_array(len(graph.nodes), dtype=bool, format="csr") + above
        self.line = self.up + self.below
        self.levels = frozenset(levels)

        # Which relations have a column in the mask: `instanceOf`, which is column 0, and the kept ones.
        keep = range(len(graph.relations))
        if relations is not None:
            wanted = {graph.relation(name) for name in relations if name != INSTANCE_OF}
            keep = [index for index in keep if index in wanted]
        self.columns = tuple(keep)
        self.names = (INSTANCE_OF, *(local_name(graph.relations[index]) for index in keep))
        if len(set(self.names)) < len(self.names):
            raise UserError(
                f"Two relations have the same local name among {', '.join(self.names)} (instanceOf is built in). "
                "Rename one of them."
            )

        # The facts.
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

    def find_ignored(self, ignored: np.ndarray, query_nodes: np.ndarray, positive: Entries) -> np.ndarray:
        """Returns the ignored nodes and, below ignored query nodes, those that are no other row's positives, sorted."""
        # Only below query nodes: a fact that no training image shows may have facts below it that some image shows.
        shown = positive.node[~np.isin(positive.row(), np.flatnonzero(np.isin(query_nodes, ignored)))]
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
            # Where there is no positive, the row stays unlabelled: it needs no ignored negatives either.
            queries = self._one(rows[some], query_nodes[some], len(query_nodes))
            if relation in self.levels:
                # Nodes below a positive stay negatives: everything lies below the root, which is a positive.
                maybe = queries @ self.line
            else:
                # From right to left: what is comparable with a fact of a node that is comparable with the query node.
                maybe = queries @ self.line @ tails @ self.line
            positive.append(holds)
            ignored_negatives.append(_without(maybe, holds))
        return _Part(positive, ignored_negatives, _supervised(positive))

    def single_facts(self, pairs: Sequence[tuple[int, int]]) -> _Part:
        """Returns the rows of images of which only one fact (column, node) is known."""
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
    return cells > others  # on sparse booleans this is `cells and not others`


def _supervised(positive: Sequence[sparse.csr_array]) -> np.ndarray:
    """Returns which relations `[h, R]` are supervised: those in which the row has a positive."""
    return np.stack([np.diff(holds.indptr) > 0 for holds in positive], axis=1)
