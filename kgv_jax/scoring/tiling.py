"""From a mask to the tiles of the streamed score, on the host: its candidate sets, cut into pieces of one size.

Tiles are arrays of fixed shapes, as a scan needs them. What of a tile is no negative of an image follows from the
image's mask rows, as excluded pairs: few, so that a tile costs its size and not the size of a dense mask.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from kgv_jax.kg.mask import CandidateSet, Mask
from kgv_jax.scoring.streamed import Tiles

# Scores per image in a tile. The scores of 256 images then take 4 MB, which stays in a processor's cache.
_PAIRS = 4096
_SIZES = (64, 128, 256, 512, 1024, 2048)
_TILE_COST = 128  # the cost of a tile besides its pairs, in pairs


class _Cut(NamedTuple):
    """Tiles without excluded pairs; `tile`, `column` `[R, N]` int32 locate every pair (-1: in no tile)."""

    where: np.ndarray
    valid: np.ndarray
    relation: np.ndarray
    candidate_set: np.ndarray
    tile: np.ndarray
    column: np.ndarray


def cut_tiles(mask: Mask, *, shards: int = 1) -> Tiles:
    """Returns the tiles of a mask, as numpy arrays.

    If all relations have all nodes as candidates, a tile holds neighbouring nodes under every relation. Otherwise a
    tile holds one relation and part of its candidates, so the work is the sum of the candidates, not `R N`.

    Args:
      mask: the mask.
      shards: parts of equal size that the node table is split into.
    """
    num_nodes = len(mask.graph.nodes)
    if num_nodes % shards:
        raise ValueError(f"{num_nodes} nodes do not split into {shards} shards")
    shared = len(mask.candidate_sets) == len(mask.relations) and all(
        s.nodes is mask.candidate_sets[0].nodes for s in mask.candidate_sets
    )
    cut = (_cut_together if shared else _cut_apart)(mask.candidate_sets, len(mask.relations), num_nodes, shards)
    start, stop, column = _excluded_pairs(mask, cut, shards)
    padding = np.zeros((1, len(mask.candidate_sets)), bool)  # the last row, which index -1 reads
    return Tiles(
        where=cut.where,
        valid=cut.valid,
        relation=cut.relation,
        candidate_set=cut.candidate_set,
        supervised=np.concatenate([mask.supervised, padding]),
        candidate_set_relation=np.array([candidate_set.relation for candidate_set in mask.candidate_sets], np.int32),
        start=start,
        stop=stop,
        column=column,
    )


def _cut_together(candidate_sets: Sequence[CandidateSet], num_relations: int, num_nodes: int, shards: int) -> _Cut:
    """Every relation over the same nodes: `[R, C]` pairs of `C` neighbours; the last tile begins where it just fits."""
    own = num_nodes // shards
    count = -(-own // max(_PAIRS // num_relations, 1))
    size = -(-own // count)
    first = np.arange(count) * size
    where = np.minimum(first, own - size)
    rows = where[:, None] + np.arange(size)
    candidate = np.zeros(num_nodes, bool)
    candidate[candidate_sets[0].nodes] = True
    valid = (rows >= first[:, None]) & candidate.reshape(shards, own)[:, rows]
    node = np.arange(num_nodes) % own
    tile = np.where(candidate, node // size, -1)
    column = node - where[tile] + size * np.arange(num_relations)[:, None]
    relation = np.array([candidate_set.relation for candidate_set in candidate_sets], np.int32)
    return _Cut(
        where=np.tile(where.astype(np.int32), (shards, 1)),
        valid=valid,
        relation=np.tile(relation, (count, 1)),
        candidate_set=np.tile(np.arange(len(candidate_sets), dtype=np.int32), (count, 1)),
        tile=np.tile(tile.astype(np.int32), (num_relations, 1)),
        column=column.astype(np.int32),
    )


def _cut_apart(candidate_sets: Sequence[CandidateSet], num_relations: int, num_nodes: int, shards: int) -> _Cut:
    """Each candidate set on its own: `[1, C]` pairs of nodes listed one by one, as many tiles on every shard."""
    own = num_nodes // shards
    local = [[s.nodes[s.nodes // own == shard] - shard * own for shard in range(shards)] for s in candidate_sets]
    longest = np.array([max(map(len, parts)) for parts in local])
    size = min(_SIZES, key=lambda size: int(np.sum(-(-longest // size))) * (size + _TILE_COST))
    counts = -(-longest // size)
    candidate_set = np.repeat(np.arange(len(candidate_sets)), counts)
    where = np.zeros((shards, len(candidate_set), size), np.int32)
    valid = np.zeros(where.shape, bool)
    tile, column = (np.full((num_relations, num_nodes), -1, np.int32) for _ in range(2))
    for index, (first, parts) in enumerate(zip(np.cumsum(counts) - counts, local, strict=True)):
        for shard, nodes in enumerate(parts):
            at, lane = first + np.arange(len(nodes)) // size, np.arange(len(nodes)) % size
            where[shard, at, lane], valid[shard, at, lane] = nodes, True
            tile[candidate_sets[index].relation, nodes + shard * own] = at
            column[candidate_sets[index].relation, nodes + shard * own] = lane
    relation = np.array([s.relation for s in candidate_sets], np.int32)[candidate_set]
    return _Cut(where, valid, relation[:, None], candidate_set[:, None].astype(np.int32), tile, column)


def _excluded_pairs(mask: Mask, cut: _Cut, shards: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns `start`, `stop` `[M, T, H + 1]` and `column` `[M, E]` of the pairs that each mask row leaves out."""
    rows, count = len(mask.supervised), len(cut.relation)
    parts = (mask.positive, mask.ignored_negatives)
    row = np.concatenate([entries.row() for entries in parts])
    relation, node = (np.concatenate([getattr(entries, name) for entries in parts]) for name in ("relation", "node"))

    # Where each excluded pair is; one that is in no candidate set is in no tile.
    there = cut.tile[relation, node] >= 0
    row, relation, node = row[there], relation[there], node[there]
    tile, column = cut.tile[relation, node], cut.column[relation, node]
    shard = node // (len(mask.graph.nodes) // shards)

    # A list per shard, sorted by (tile, mask row), and where the part of each begins and ends.
    cell = (shard * count + tile) * (rows + 1) + row
    order = np.argsort(cell, kind="stable")
    length = np.bincount(cell, minlength=shards * count * (rows + 1)).reshape(shards, -1)
    stop = np.cumsum(length, -1)
    columns = np.zeros((shards, int(stop[:, -1].max(initial=0))), np.int32)
    columns[shard[order], np.arange(len(order)) - np.searchsorted(shard[order], shard[order])] = column[order]
    shape = (shards, count, rows + 1)
    return (stop - length).astype(np.int32).reshape(shape), stop.astype(np.int32).reshape(shape), columns
