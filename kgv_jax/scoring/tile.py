"""One tile of the streamed score: `Q` relations by `C` nodes, forward and backward (see `scoring/streamed.py`).

With, for the nodes of a tile,

    W = -1 / (2 T var),   A = -2 W mu,   c_k = sum_d (W mu^2 - log var / 2T) - D log(2 pi) / 2T,

the scores over T are `z^2.W + z.A + 2 (z r_j).W + r_j^2.W + r_j.A + c`: one contraction of size `B Q C D`, besides
terms of size `B C D` and `Q C D`. A tile of one relation takes `x = z + r_j` and `x^2.W + x.A + c`.

Rounding: these are squares multiplied out, and their terms cancel. A term is as large as `sum_d W mu^2`, so the error
of a score is about `eps sum_d W mu^2` (`rounding_error`), with `mu` from the centre of all nodes. Where nodes lie many
standard deviations from the centre, that is too much. The rows (image, relation) that weigh in such a tile are computed
by `row_scores`, which subtracts first and squares then: exact, but no matmul.

The backward pass is written out, not left to `jax.vjp`, because its order of sums decides its memory and speed; the
comments say where. `tests/unit/scoring/test_streamed.py` compares all of it with the oracle in float64.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax

from kgv_jax.scoring.gaussian import HIGHEST, NEVER

_EPSILON = float(jnp.finfo(jnp.float32).eps)
_NEAR_SCORES = 2**16  # scores computed differences first at a time; they stay in a core's cache
_LANES = 16  # excluded pairs of a row written at a time

LogVar = Callable[[Array], Array]


class Table(NamedTuple):
    """Nodes as stored: `mu` `[N, D]`, and `raw` `[N, D]` or `[N, 1]`, from which log-variances come."""

    mu: Array
    raw: Array


class Gaussians(NamedTuple):
    """The nodes of a tile: `mu` `[C, D]`, `w = -1 / (2 T var)` `[C, D]`, and the constant `k` `[C]`.

    `s / T = sum_d w (x - mu)^2 + k`, with `x = z + r`.
    """

    mu: Array
    w: Array
    k: Array


class Points(NamedTuple):
    """Embeddings under the `Q` relations of a tile, as the left factors of the score's matmuls.

    Attributes:
      z, r: `[B, D]`, `[Q, D]`.
      cross: `2 z_b r_j` `[B Q, D]`; None if `Q = 1`.
      image: `[z^2, z]` `[B, 2 D]`; if `Q = 1`, of `z + r`.
      relation: `[r^2, r]` `[Q, 2 D]`; None if `Q = 1`.
    """

    z: Array
    r: Array
    cross: Array | None
    image: Array
    relation: Array | None


class Moments(NamedTuple):
    """Gradients of `cross`, `image` and `relation` of points: sums over nodes, so those of tiles add up."""

    cross: Array | None
    image: Array
    relation: Array | None


class ExcludedPairs(NamedTuple):
    """Pairs of a tile that a row of scores leaves out.

    Attributes:
      start, stop: `[n, K]` int32; row n leaves out `column[start:stop]`, for each of the `K` mask rows of its image.
      column: `[E]` int32, positions `q C + c` in the tile.
      origin: `[n]` int32, the position of the row's first score.
    """

    start: Array
    stop: Array
    column: Array
    origin: Array


def gaussians(log_var: LogVar, nodes: Table, temperature: Array) -> Gaussians:
    """Returns nodes as they are scored."""
    log_variance = jnp.broadcast_to(log_var(nodes.raw), nodes.mu.shape)
    constant = jnp.sum(log_variance, -1) + nodes.mu.shape[-1] * math.log(2 * math.pi)
    return Gaussians(nodes.mu, -0.5 / temperature * jnp.exp(-log_variance), -0.5 / temperature * constant)


def difference_scores(z: Array, r: Array, g: Gaussians) -> Array:
    """Returns scores over T, differences first; the leading axes of `z`, `r` and the nodes broadcast."""
    # In this order: where an image is near a node, z - mu loses nothing.
    difference = (z - g.mu) + r
    return jnp.sum(difference * difference * g.w, -1) + g.k


def rounding_error(g: Gaussians, valid: Array) -> Array:
    """Returns the size of the error of `scores` near the (centred) nodes, `[]`, in nats."""
    return _EPSILON * jnp.max(jnp.where(valid, -jnp.sum(g.w * g.mu * g.mu, -1), 0.0))


def difference_pullback(z: Array, r: Array, g: Gaussians, d_score: Array) -> tuple[Array, Gaussians]:
    """Returns the gradients of `z` (those of `r` too), not yet summed where it is broadcast, and of the nodes."""
    difference = (z - g.mu) + r
    pull = d_score[..., None] * difference
    d_z = lax.optimization_barrier(2 * pull * g.w)  # computed once, not once for each of its readers
    return d_z, Gaussians(-d_z, pull * difference, d_score)


def make_points(z: Array, r: Array) -> Points:
    """Returns what the scores of embeddings `[B, D]` under relations `[Q, D]` need; centred as the nodes are."""
    if len(r) == 1:
        return Points(z, r, None, _powers(z + r), None)
    return Points(z, r, (2 * z[:, None] * r).reshape(-1, z.shape[-1]), _powers(z), _powers(r))


def scores(points: Points, g: Gaussians, excluded_pairs: ExcludedPairs) -> Array:
    """Returns the scores over T `[B, Q, C]`; excluded pairs score about `NEVER`."""
    both, c = _factors(g)
    per_image = _dot(points.image, both.T)
    if points.cross is None:
        return (leave_out(per_image, excluded_pairs) + c)[:, None]
    images, relations = len(points.z), len(points.r)
    cross = leave_out(_dot(points.cross, g.w.T).reshape(images, -1), excluded_pairs)
    return cross.reshape(images, relations, -1) + per_image[:, None] + (_dot(points.relation, both.T) + c)


def pullback(points: Points, g: Gaussians, d_score: Array) -> tuple[Moments, Gaussians]:
    """Returns what gives the gradients of the points, and those of the nodes, for gradients `[B, Q, C]` of the scores.

    Written out, for two reasons. The moments are sums over nodes, so they are added up over tiles before anything else
    is done with them. The gradients of nodes are formed transposed, because XLA on a CPU takes twice the time for a
    product whose large side is transposed.
    """
    (both, _), to_nodes = jax.vjp(_factors, g)
    # Barriers: `d_score` and its sum have several readers, and XLA would compute them again for each.
    flat = lax.optimization_barrier(d_score.reshape(-1, d_score.shape[-1]))
    d_score = flat.reshape(d_score.shape)
    of_image = lax.optimization_barrier(d_score.sum(1))
    d_both = _dot(points.image.T, of_image)
    if points.cross is None:
        moments = Moments(None, _dot(of_image, both), None)
    else:
        of_relation = d_score.sum(0)
        moments = Moments(_dot(flat, g.w), _dot(of_image, both), _dot(of_relation, both))
        d_w = _dot(points.cross.T, flat)
        d_both = (d_both + _dot(points.relation.T, of_relation)).at[: len(d_w)].add(d_w)
    # The barrier keeps XLA from moving the transposition back into the products.
    d_both = lax.optimization_barrier(d_both).T
    return moments, to_nodes((d_both, of_image.sum(0)))[0]


def points_pullback(points: Points, moments: Moments) -> tuple[Array, Array]:
    """Returns the gradients of `z` `[B, D]` and `r` `[Q, D]`."""
    z, r = points.z, points.r
    if points.cross is None:
        d_z = _of_powers(z + r, moments.image)
        return d_z, d_z.sum(0, keepdims=True)
    cross = 2 * moments.cross.reshape(len(z), len(r), -1)
    d_z = _of_powers(z, moments.image) + jnp.sum(cross * r, 1)
    return d_z, _of_powers(r, moments.relation) + jnp.sum(cross * z[:, None], 0)


def row_scores(z: Array, r: Array, g: Gaussians) -> Array:
    """Returns the scores over T `[M, C]` of single rows `z`, `r` `[M, D]`, differences first.

    One dimension after another: `[M, C, D]` is never held.
    """

    def add(total: Array, coordinate: tuple) -> tuple[Array, None]:
        difference, w = _difference(*coordinate)
        return total + difference * difference * w, None

    return lax.scan(add, jnp.zeros((len(z), len(g.k))), (z.T, r.T, g.mu.T, g.w.T))[0] + g.k


def row_pullback(z: Array, r: Array, g: Gaussians, d_score: Array) -> tuple[Array, Gaussians]:
    """Returns the gradients of `z` (which are those of `r` too) and the nodes, for gradients `[M, C]` of the scores."""

    def of(_: None, coordinate: tuple) -> tuple[None, tuple]:
        difference, w = _difference(*coordinate)
        pull = d_score * difference
        return None, (2 * (pull * w).sum(1), -2 * pull.sum(0) * w, (pull * difference).sum(0))

    _, (d_z, d_mu, d_w) = lax.scan(of, None, (z.T, r.T, g.mu.T, g.w.T))
    return d_z.T, Gaussians(d_mu.T, d_w.T, d_score.sum(0))


def _difference(z: Array, r: Array, mu: Array, w: Array) -> tuple[Array, Array]:
    return (z[:, None] - mu) + r[:, None], w


def for_rows(need: Array, count: int, body: Callable[[Any, Array, Array, Array], Any], carry: Any) -> Any:
    """Runs `carry = body(carry, image, relation, real)` over the rows of `need` `[B, Q]` bool, some at a time.

    All three are `[M]`, with `M count` scores at a time. Where `real` is false, past the last row, `image` is out of
    bounds: reading is clamped, writing with mode "drop" does nothing.
    """
    rows, relations = need.size, need.shape[1]
    at_once = min(max(_NEAR_SCORES // count, 1), rows)

    def step(state: tuple[Array, Any]) -> tuple[Array, Any]:
        left, carry = state
        index = jnp.nonzero(left, size=at_once, fill_value=rows)[0]
        carry = body(carry, index // relations, index % relations, index < rows)
        return left.at[index].set(False, mode="drop"), carry

    return lax.while_loop(lambda state: state[0].any(), step, (need.reshape(-1), carry))[1]


def leave_out(scores: Array, excluded_pairs: ExcludedPairs) -> Array:
    """Returns the scores `[n, X]` with `NEVER` at the excluded pairs; positions outside `[0, X)` are other rows'."""
    start, stop, column, origin = excluded_pairs
    if not column.size:
        return scores
    row = jnp.arange(len(scores))[:, None, None]

    # Lists of excluded pairs differ in length: most are short, some name nearly all nodes. The loop runs as long as the
    # longest list of this batch and this tile, and writes a few pairs of every row at a time.
    def write(state: tuple[Array, Array]) -> tuple[Array, Array]:
        first, scores = state
        index = first[..., None] + jnp.arange(_LANES)
        position = column[index] - origin[:, None, None]
        # Out of bounds, where `mode="drop"` leaves it out: past the end of the list, or of another row.
        position = jnp.where((index < stop[..., None]) & (position >= 0), position, scores.shape[1])
        return first + _LANES, scores.at[row, position].set(NEVER, mode="drop")

    return lax.while_loop(lambda state: jnp.any(state[0] < stop), write, (start, scores))[1]


def _dot(x: Array, y: Array) -> Array:
    return jnp.dot(x, y, precision=HIGHEST)


def _factors(g: Gaussians) -> tuple[Array, Array]:
    """Returns `[W, A]` `[C, 2 D]` and `c` `[C]`."""
    return jnp.concatenate([g.w, -2 * g.w * g.mu], -1), jnp.sum(g.w * g.mu * g.mu, -1) + g.k


def _powers(x: Array) -> Array:
    """Returns `[x^2, x]`: one matmul in place of two."""
    return jnp.concatenate([x * x, x], -1)


def _of_powers(x: Array, d_powers: Array) -> Array:
    """Returns the gradient of `x` for that of `_powers(x)`."""
    square, linear = jnp.split(d_powers, 2, -1)
    return 2 * x * square + linear
