"""The score of KGV where it is only summed: scores of single pairs, and log-sums over many nodes, tile by tile.

Why streamed
    Of the scores `s[b, j, k] / T` (`scoring/gaussian.py`), the contrastive loss needs those of the positives, and
    `log sum_k exp(s[b, j, k] / T)` over the negatives of every candidate set. It does not need `[B, R, N]` itself, an
    array that for 256 images, 8 relations and 40,000 nodes takes 330 MB, and several times that for its gradient. So
    nodes come in tiles of `C`. Forward, a running maximum and a running sum per image and candidate set are carried
    from tile to tile, as in a streaming softmax.

What is recomputed in the backward pass
    The scores. Automatic differentiation of the scan would store them all, so the gradient is written out
    (`jax.custom_vjp`): the backward pass scans the same tiles again, computes the scores again, and has with the saved
    log-sums the softmax weight of each, `exp(s / T - log_sum)`. One more product is cheaper than `[B, R, N]` of memory.
    Of the size of the node table are then only its gradient (and, of tiles that list nodes one by one, theirs).

Several devices
    Images are split over the mesh axis `data`, the node table may be split over `model`. Every device sums over its own
    nodes and scores the pairs whose nodes it holds; then sums are added over devices.

Numerics
    Any softmax of the result is right to 1e-4, however the nodes lie. `scoring/tile.py` says which digits cancel. Where
    they would matter, rows (image, relation) are computed again, differences first: `_Tile.near` finds them.

To read it, begin with `_forward`; `_backward` has the same parts in the same order.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.sharding import Mesh, PartitionSpec

from kgv_jax.scoring import tile as tile_lib
from kgv_jax.scoring.tile import NEVER, ExcludedPairs, Gaussians, LogVar, Moments, Points, Table

_ERROR = 2e-5  # of a score in nats; where rounding may cost more, rows are computed again
_WEIGHTLESS = 20.0  # nats: a score so far below a log-sum is 2e-9 of the sum, and its error does not matter


class Tiles(NamedTuple):
    """Which (relation, node) pairs are negatives of some image: on each of `M` shards `T` tiles of `[Q, C]` pairs.

    A candidate set is a relation and the nodes that are summed over under it. Its pairs that are no negatives of an
    image, the positives and ignored negatives of the image's mask rows, are excluded pairs.

    There are two layouts. If all relations share their candidates, a tile is `Q = R` relations by `C` neighbouring
    nodes, read as one slice. Else a tile has `Q = 1` relation, and its `C` nodes are listed one by one.

    Attributes:
      where: rows of the shard's part of the node table: `[M, T]` first of `C` neighbours, or `[M, T, C]` one by one.
      valid: `[M, T, C]` bool; false where a tile is padded.
      relation: `[T, Q]` int32.
      candidate_set: `[T, Q]` int32, of `S`.
      supervised: `[H + 1, S]` bool: whether a mask row has negatives in a candidate set; the last row, of index -1, has
        none.
      candidate_set_relation: `[S]` int32, the relation of each candidate set.
      start, stop: `[M, T, H + 1]` int32: the part of `column` with the excluded pairs of a tile and a mask row.
      column: `[M, E]` int32: the position `q C + c` of an excluded pair in its tile.
    """

    where: Array
    valid: Array
    relation: Array
    candidate_set: Array
    supervised: Array
    candidate_set_relation: Array
    start: Array
    stop: Array
    column: Array


class Pairs(NamedTuple):
    """Pairs that are scored one by one, `P` per image: `relation`, `node` `[B, P]` int32; node -1 is none."""

    relation: Array
    node: Array


class Sums(NamedTuple):
    """What the loss needs, in nats.

    Attributes:
      pair: `[B, P]`, scores over T of the pairs; 0 where there is none.
      log_sum: `[B, S]`, over the negatives of each candidate set.
    """

    pair: Array
    log_sum: Array


@dataclasses.dataclass(frozen=True)
class Streaming:
    """What of a streamed score is fixed when it is compiled.

    Attributes:
      log_var: maps what is stored to log-variances, elementwise; hashable.
      mesh: images are split over its axis `data`; None on one device.
      split_nodes: whether nodes, and so tiles, are split over its axis `model`. If not, `M` is 1.
    """

    log_var: LogVar
    mesh: Mesh | None = None
    split_nodes: bool = False


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def streamed_sums(
    streaming: Streaming, table: Table, z: Array, r: Array, temperature: Array, pairs: Pairs, rows: Array, tiles: Tiles
) -> Sums:
    """Returns the scores of the pairs and the log-sums over negatives; gradients are of the first four arrays.

    Args:
      streaming: what is fixed.
      table: the nodes.
      z: `[B, D]` embeddings.
      r: `[R, D]` translations.
      temperature: `[]`.
      pairs: what is scored one by one.
      rows: `[B, K]` int32 mask rows of each image; -1 is none.
      tiles: the negatives.
    """
    return _forward_rule(streaming, table, z, r, temperature, pairs, rows, tiles)[0]


def _forward_rule(streaming: Streaming, *arrays: Any) -> tuple[Sums, tuple]:
    sums = _on_mesh(streaming, _forward, _SPECS, Sums(_IMAGES, _IMAGES))(*arrays)
    return sums, (arrays, sums)


def _backward_rule(streaming: Streaming, residuals: tuple, gradient: Sums) -> tuple:
    arrays, sums = residuals
    run = _on_mesh(streaming, _backward, (*_SPECS, _IMAGES, _IMAGES), _Gradients(*_SPECS[:4]))
    return (*run(*arrays, sums, gradient), None, None, None)


streamed_sums.defvjp(_forward_rule, _backward_rule)

_IMAGES, _NODES, _WHOLE = PartitionSpec("data"), PartitionSpec("model"), PartitionSpec()
_TILES = Tiles(_NODES, _NODES, _WHOLE, _WHOLE, _WHOLE, _WHOLE, _NODES, _NODES, _NODES)
_SPECS = (_NODES, _IMAGES, _WHOLE, _WHOLE, _IMAGES, _IMAGES, _TILES)


class _Problem(NamedTuple):
    """What one device works on: its nodes, its images, its tiles without their shard axis."""

    table: Table
    z: Array
    r: Array
    temperature: Array
    pairs: Pairs
    rows: Array
    tiles: Tiles


class _Collectives(NamedTuple):
    """Sums over the devices of the mesh; `shard` is this device's index along `model`."""

    over_images: Callable[[Any], Any]
    over_nodes: Callable[[Any], Any]
    most_over_nodes: Callable[[Array], Array]
    shard: Callable[[], Array | int]


_ALONE = _Collectives(lambda x: x, lambda x: x, lambda x: x, lambda: 0)
_SPLIT_IMAGES = _ALONE._replace(over_images=lambda x: lax.psum(x, "data"))
_SPLIT_BOTH = _Collectives(
    _SPLIT_IMAGES.over_images,
    lambda x: lax.psum(x, "model"),
    lambda x: lax.pmax(x, "model"),
    lambda: lax.axis_index("model"),
)


def _on_mesh(streaming: Streaming, body: Callable, in_specs: tuple, out_specs: Any) -> Callable:
    """Returns `body` as it runs on every device, on its own part."""

    def local(collectives: _Collectives, *arrays: Any) -> Any:
        *inputs, tiles = arrays[: len(_SPECS)]
        tiles = Tiles(*(x[0] if spec is _NODES else x for x, spec in zip(tiles, _TILES, strict=True)))
        return body(streaming.log_var, collectives, _Problem(*inputs, tiles), *arrays[len(_SPECS) :])

    if streaming.mesh is None:
        return functools.partial(local, _ALONE)
    if not streaming.split_nodes:
        in_specs, out_specs = (
            jax.tree.map(lambda spec: _WHOLE if spec == _NODES else spec, specs) for specs in (in_specs, out_specs)
        )
    # No check_vma: JAX cannot see that a result is the same on several devices. The sums of the body make it so.
    return jax.shard_map(
        functools.partial(local, _SPLIT_BOTH if streaming.split_nodes else _SPLIT_IMAGES),
        mesh=streaming.mesh,
        in_specs=in_specs,
        out_specs=out_specs,
        check_vma=False,
    )


class _Tile(NamedTuple):
    """One tile and its nodes, as stored and centred."""

    where: Array
    valid: Array
    relation: Array
    candidate_set: Array
    excluded_pairs: ExcludedPairs
    nodes: Table
    centre: Array

    @classmethod
    def of(cls, p: _Problem, centre: Array, scanned: tuple) -> _Tile:
        where, valid, relation, candidate_set, start, stop = scanned
        origin = jnp.zeros(len(p.rows), jnp.int32)
        excluded_pairs = ExcludedPairs(start[p.rows], stop[p.rows], p.tiles.column, origin)
        return cls(where, valid, relation, candidate_set, excluded_pairs, _read(p.table, where, len(valid)), centre)

    @staticmethod
    def scanned(tiles: Tiles) -> tuple:
        """Returns what the scan over tiles passes to `of`."""
        return tiles.where, tiles.valid, tiles.relation, tiles.candidate_set, tiles.start, tiles.stop

    def gaussians(self, log_var: LogVar, nodes: Table, temperature: Array) -> Gaussians:
        """Returns the tile's nodes as they are scored; one that is not valid scores `NEVER`."""
        g = tile_lib.gaussians(log_var, nodes, temperature)
        return g._replace(k=jnp.where(self.valid, g.k, NEVER))

    def centred(self, g: Gaussians) -> Gaussians:
        return g._replace(mu=g.mu - self.centre)

    def near(self, points: Points, g: Gaussians, least: Array) -> Array:
        """Returns the rows `[B, Q]` that must be computed again; log-sums are at least `least`.

        None, unless rounding in this tile may exceed `_ERROR`: with nodes within a few standard deviations of their
        centre it does not. Else those rows in which some score is large enough to weigh in its log-sum.
        """
        centred = self.centred(g)
        error = tile_lib.rounding_error(centred, self.valid)

        def weighty() -> Array:
            # Its own scores: scores that both branches read would have to be kept in memory for it.
            score = tile_lib.scores(points, centred, self.excluded_pairs)
            return score.max(-1) > least - _WEIGHTLESS - 2 * error

        return lax.cond(error > _ERROR, weighty, lambda: jnp.zeros(least.shape, bool))

    def leave_out(self, row_score: Array, image: Array, relation: Array) -> Array:
        """Returns scores `[M, C]` of single rows without their excluded pairs."""
        start, stop, column, _ = self.excluded_pairs
        own = ExcludedPairs(start[image], stop[image], column, relation * len(self.valid))
        return tile_lib.leave_out(row_score, own)


def _forward(log_var: LogVar, collectives: _Collectives, p: _Problem) -> Sums:
    # The positives, one by one. They bound the log-sum that they will be compared with: `floor`.
    mine, local = _own_pairs(collectives, p)
    g = tile_lib.gaussians(log_var, _rows(p.table, local), p.temperature)
    pair = tile_lib.difference_scores(p.z[:, None], p.r[p.pairs.relation], g)
    pair = collectives.over_nodes(jnp.where(mine, pair, 0.0))
    floor = jnp.full((len(p.z), len(p.r)), NEVER)
    image = jnp.arange(len(p.z))[:, None]
    floor = floor.at[image, p.pairs.relation].max(jnp.where(p.pairs.node >= 0, pair, NEVER))

    # The negatives, tile by tile. `top` is the largest score so far, `total` the sum of exp(score - top).
    centre = p.table.mu.mean(0)
    points_of = _points(p, centre)

    def body(carry: tuple[Array, Array], scanned: tuple) -> tuple[tuple[Array, Array], None]:
        top, total = carry
        tile = _Tile.of(p, centre, scanned)
        g, r = tile.gaussians(log_var, tile.nodes, p.temperature), p.r[tile.relation]
        before, points = top[:, tile.candidate_set], points_of(tile.relation)
        score = tile_lib.scores(points, tile.centred(g), tile.excluded_pairs)
        need = tile.near(points, g, jnp.maximum(before, floor[:, tile.relation]))

        def near(carry: tuple[Array, Array], image: Array, relation: Array, _: Array) -> tuple[Array, Array]:
            score = tile_lib.row_scores(p.z[image], r[relation], g)
            top, total = _sum(tile.leave_out(score, image, relation))
            where = (image, relation)
            return carry[0].at[where].set(top, mode="drop"), carry[1].at[where].set(total, mode="drop")

        # Sums of this tile, some rows of them replaced, join the sums so far.
        tile_top, tile_total = tile_lib.for_rows(need, len(tile.valid), near, _sum(score))
        after = jnp.maximum(before, tile_top)
        summed = total[:, tile.candidate_set] * jnp.exp(before - after) + tile_total * jnp.exp(tile_top - after)
        return (top.at[:, tile.candidate_set].set(after), total.at[:, tile.candidate_set].set(summed)), None

    shape = (len(p.z), len(p.tiles.candidate_set_relation))
    (top, total), _ = lax.scan(body, (jnp.full(shape, NEVER), jnp.zeros(shape)), _Tile.scanned(p.tiles))

    # Over devices, the same step once more: with the largest score of all, the sums can be added.
    most = collectives.most_over_nodes(top)
    return Sums(pair, most + jnp.log(collectives.over_nodes(total * jnp.exp(top - most))))


class _Gradients(NamedTuple):
    """The gradients of `streamed_sums`, of its first four arrays."""

    table: Table
    z: Array
    r: Array
    temperature: Array


def _backward(log_var: LogVar, collectives: _Collectives, p: _Problem, sums: Sums, gradient: Sums) -> _Gradients:
    # The negatives, tile by tile. With all relations in a tile, all tiles have the same points, so that the tiles'
    # moments are summed and become gradients of `z` and `r` once, after the scan. Else every tile has its own points.
    centre = p.table.mu.mean(0)
    points_of = _points(p, centre)
    together = p.tiles.relation.shape[1] > 1

    def body(carry: tuple[_Gradients, Moments], scanned: tuple) -> tuple[tuple[_Gradients, Moments], Table | None]:
        total, all_moments = carry
        tile = _Tile.of(p, centre, scanned)
        r, points = p.r[tile.relation], points_of(tile.relation)

        # The scores again, and the softmax weight of each: the gradient of its log-sum.
        log_sum, weight = sums.log_sum[:, tile.candidate_set], gradient.log_sum[:, tile.candidate_set]
        g, to_nodes = jax.vjp(functools.partial(tile.gaussians, log_var), tile.nodes, p.temperature)
        score = tile_lib.scores(points, tile.centred(g), tile.excluded_pairs)
        # No score exceeds its log-sum, but wrong ones may: rows that are computed again below, and could overflow here.
        share = jnp.exp(jnp.minimum(score - log_sum[..., None], 0.0))
        need = tile.near(points, g, log_sum)
        moments, d_g = tile_lib.pullback(points, tile.centred(g), share * jnp.where(need, 0.0, weight)[..., None])
        if together:
            all_moments = jax.tree.map(jnp.add, all_moments, moments)
            d_z, d_r = jnp.zeros_like(p.z), jnp.zeros_like(r)
        else:
            d_z, d_r = tile_lib.points_pullback(points, moments)

        # Rows whose scores are wrong had weight 0 above; their gradients are added here.
        def near(carry: tuple, image: Array, relation: Array, real: Array) -> tuple:
            own_z, own_r = p.z[image], r[relation]
            score = tile.leave_out(tile_lib.row_scores(own_z, own_r, g), image, relation)
            own = jnp.where(real, weight[image, relation], 0.0)[:, None]
            share = jnp.exp(score - log_sum[image, relation][:, None])
            d_x, d_g = tile_lib.row_pullback(own_z, own_r, g, share * own)
            return (
                carry[0].at[image].add(d_x, mode="drop"),
                carry[1].at[relation].add(d_x),
                jax.tree.map(jnp.add, carry[2], d_g),
            )

        d_z, d_r, d_g = tile_lib.for_rows(need, len(tile.valid), near, (d_z, d_r, d_g))

        # From the tile's Gaussians to what is stored, and into the gradient of the table.
        d_nodes, d_temperature = to_nodes(d_g)
        table, one_by_one = total.table, d_nodes
        if not tile.where.ndim:
            table, one_by_one = jax.tree.map(functools.partial(_add, tile.where), table, d_nodes), None
        total = _Gradients(table, total.z + d_z, total.r.at[tile.relation].add(d_r), total.temperature + d_temperature)
        return (total, all_moments), one_by_one

    total = jax.tree.map(jnp.zeros_like, _Gradients(p.table, p.z, p.r, p.temperature))
    moments = Moments(None, None, None)
    if together:
        points = points_of(p.tiles.relation[0])
        moments = jax.tree.map(jnp.zeros_like, Moments(points.cross, points.image, points.relation))
    (total, moments), one_by_one = lax.scan(body, (total, moments), _Tile.scanned(p.tiles))
    if together:
        d_z, d_r = tile_lib.points_pullback(points, moments)
        total = total._replace(z=total.z + d_z, r=total.r.at[p.tiles.relation[0]].add(d_r))
    table = total.table
    if one_by_one is not None:
        # Once, and not in the scan, where every tile would wait for the whole table.
        table = jax.tree.map(lambda whole, parts: whole.at[p.tiles.where].add(parts), table, one_by_one)

    # The positives.
    mine, local = _own_pairs(collectives, p)
    make = functools.partial(tile_lib.gaussians, log_var)
    g, to_rows = jax.vjp(make, _rows(p.table, local), p.temperature)
    d_pair = jnp.where(mine, gradient.pair, 0.0)
    d_x, d_g = tile_lib.difference_pullback(p.z[:, None], p.r[p.pairs.relation], g, d_pair)
    d_rows, d_temperature = to_rows(d_g)
    table = jax.tree.map(lambda whole, part: whole.at[local].add(part), table, d_rows)
    d_z, d_r = d_x.sum(1), jnp.zeros_like(p.r).at[p.pairs.relation].add(d_x)

    def everywhere(x: Array) -> Array:
        return collectives.over_images(collectives.over_nodes(x))

    return _Gradients(
        collectives.over_images(table),
        collectives.over_nodes(total.z + d_z),
        everywhere(total.r + d_r),
        everywhere(total.temperature + d_temperature),
    )


def _points(p: _Problem, centre: Array) -> Callable[[Array], Points]:
    """Returns the points of a tile by its relations; made once where all tiles have the same."""
    z = p.z - centre
    if p.tiles.relation.shape[1] == 1:
        return lambda relation: tile_lib.make_points(z, p.r[relation])
    points = tile_lib.make_points(z, p.r[p.tiles.relation[0]])
    return lambda relation: points


def _sum(score: Array) -> tuple[Array, Array]:
    """Returns the largest score of the last axis, and the sum of exponentials over that of the largest."""
    top = score.max(-1)
    return top, jnp.exp(score - top[..., None]).sum(-1)


def _read(table: Table, where: Array, count: int) -> Table:
    """Returns `count` nodes: from the row `where` `[]` on, or those of the rows `where` `[C]`."""
    if where.ndim:
        return _rows(table, where)
    return jax.tree.map(lambda x: lax.dynamic_slice_in_dim(x, where, count), table)


def _add(where: Array, whole: Array, part: Array) -> Array:
    """Adds gradients of neighbouring nodes from the row `where` on, in place in a scan."""
    there = lax.dynamic_slice_in_dim(whole, where, len(part))
    return lax.dynamic_update_slice_in_dim(whole, there + part, where, 0)


def _rows(table: Table, index: Array) -> Table:
    return jax.tree.map(lambda x: x[index], table)


def _own_pairs(collectives: _Collectives, p: _Problem) -> tuple[Array, Array]:
    """Returns which pairs have their node on this device, and its row here (0 if not)."""
    local = p.pairs.node - collectives.shard() * len(p.table.mu)
    mine = (p.pairs.node >= 0) & (local >= 0) & (local < len(p.table.mu))
    return mine, jnp.where(mine, local, 0)
