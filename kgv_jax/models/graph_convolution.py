"""Graph convolutions that predict classifiers from a graph: GCNZ, SGCN and DGP.

A layer is `H' = sigma(A (H W + b))` with `A` a weighted adjacency `[N, N]`. It is given as edges, because a graph of
categories is sparse.

  GCNZ (Wang et al., arXiv 1803.08035): six layers, `A = D^-1/2 (E + I) D^-1/2`, `b = 0`
  SGCN, DGP (Kampffmeyer et al., arXiv 1805.11724): two layers, `A = D^-1 (E + I)`. DGP's first layer reads descendants
       and its second ancestors, grouped by distance `k = 0 ... K`, each group with a weight of its own (equation 4):
       `H' = sigma( sum_k a_k D_k^-1 A_k (H W + b) )`, `a = softmax(w)`

A layer is computed as `(A H) W + (A 1) b`, which is equal. The last layer, the widest, then multiplies only rows of
nodes that are predicted. All have LeakyReLU 0.2 between layers, and rows of length 1 at the end. What the equations
leave open follows the authors' programs: which layers have a bias, and which have dropout 0.5 on their input (the last
two of GCNZ; both of SGCN and DGP).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

_SLOPE, _DROPOUT = 0.2, 0.5


class Edges(NamedTuple):
    """A weighted adjacency: row `to` gets `weight` times row `source`; each is `[E]`."""

    to: Array
    source: Array
    weight: Array

    def __matmul__(self, rows: Array) -> Array:
        """Returns `A H` `[N, F]` of rows `H` `[N, F]`."""
        return jax.ops.segment_sum(self.weight[:, None] * rows[self.source], self.to, len(rows))


class GraphConvolutions(nn.Module):
    """From features of all nodes `[N, F]` to directions `[N, widths[-1]]`.

    Attributes:
      widths: of the layers.
      groups: for each layer, how many adjacencies it reads; a softmax weighs them.
      dropped: for each layer, whether dropout is on its input.
      bias: whether layers have one.
    """

    widths: Sequence[int]
    groups: Sequence[int]
    dropped: Sequence[bool]
    bias: bool = True

    @nn.compact
    def __call__(
        self, features: Array, layers: Sequence[Sequence[Edges]], *, train: bool, nodes: Array | None = None
    ) -> Array:
        """Maps features with the adjacencies of every layer; needs the key `dropout` in training.

        Args:
          features: `[N, F]`.
          layers: for each layer, its adjacencies.
          train: whether dropout acts.
          nodes: `[C]`, those whose directions are returned; all if None.
        """
        h = features
        settings = zip(self.widths, self.groups, self.dropped, layers, strict=True)
        for number, (width, groups, drops, edges) in enumerate(settings):
            h = nn.Dropout(_DROPOUT, deterministic=not (train and drops))(h)
            share = nn.softmax(self.param(f"share{number}", nn.initializers.zeros, (groups,)))
            of_one = jnp.ones((len(h), 1), h.dtype)
            h, ones = (sum(share[k] * (edges[k] @ x) for k in range(groups)) for x in (h, of_one))
            if number == len(self.widths) - 1 and nodes is not None:
                h, ones = h[nodes], ones[nodes]
            h = _Affine(width, self.bias, name=f"layer{number}")(h, ones)
            if number < len(self.widths) - 1:
                h = nn.leaky_relu(h, _SLOPE)
        return h / jnp.maximum(jnp.linalg.norm(h, axis=-1, keepdims=True), 1e-12)


class _Affine(nn.Module):
    """`h W + s b` of rows `h` `[N, F]`, with `s` `[N, 1]` the factor of each row's bias."""

    width: int
    use_bias: bool

    @nn.compact
    def __call__(self, h: Array, s: Array) -> Array:
        h = h @ self.param("kernel", nn.initializers.xavier_uniform(), (h.shape[-1], self.width))
        return h + s * self.param("bias", nn.initializers.zeros, (self.width,)) if self.use_bias else h
