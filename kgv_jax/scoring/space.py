"""The common space of images and graph: Gaussian nodes, translations, a temperature."""

from __future__ import annotations

import dataclasses
import math
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from kgv_jax.scoring import gaussian
from kgv_jax.scoring.tile import Table


class Nodes(NamedTuple):
    """Gaussian nodes and relation translations: `mu`, `var` `[N, D]`; `r` `[R, D]`; `temperature` `[]`."""

    mu: Array
    var: Array
    r: Array
    temperature: Array


@dataclasses.dataclass(frozen=True)
class BoundedLogVariance:
    """`log var = log var_min + (log var_max - log var_min) sigmoid(v)`."""

    var_min: float
    var_max: float

    def __call__(self, v: Array) -> Array:
        low, high = math.log(self.var_min), math.log(self.var_max)
        return low + (high - low) * jax.nn.sigmoid(v)


class GaussianSpace(nn.Module):
    """Parameters of the graph side of KGV, and its score.

    The variance is bounded by parametrisation, in the log domain,

        log var = log var_min + (log var_max - log var_min) sigmoid(v),

    because a density grows without bound as a node shrinks onto one image. Its initial value is
    `var_init`. With `vector_nodes` it stays there, and a node is a point (TransE's distance).

    Attributes:
      num_nodes, num_relations, dim: sizes `N`, `R`, `D`.
      var_min, var_max, var_init: bounds and initial value of every variance.
      vector_nodes: keep variances fixed: the ablation of Gaussian nodes.
      temperature: initial softmax temperature `T`, in units of `sqrt(D)`, as scores spread in proportion to it.
      learn_temperature: whether `T` is trained (as `log T`).
      mean_scale: standard deviation of the initial means; that of translations is a tenth of it.
      form: "fast" (one contraction) or "oracle" (nested vmap) for the score.
    """

    num_nodes: int
    num_relations: int
    dim: int
    var_min: float = 0.05
    var_max: float = 5.0
    var_init: float = 1.0
    vector_nodes: bool = False
    temperature: float = 1.0
    learn_temperature: bool = True
    mean_scale: float = 1.0
    form: str = "fast"

    def setup(self) -> None:
        normal = nn.initializers.normal(self.mean_scale)
        self.mu = self.param("mu", normal, (self.num_nodes, self.dim))
        self.r = self.param("r", nn.initializers.normal(0.1 * self.mean_scale), (self.num_relations, self.dim))
        start = nn.initializers.constant(self._start())
        self.v = None if self.vector_nodes else self.param("v", start, (self.num_nodes, self.dim))
        log_t = math.log(self.temperature * math.sqrt(self.dim))
        self.log_t = (
            self.param("log_t", nn.initializers.constant(log_t), ()) if self.learn_temperature else jnp.asarray(log_t)
        )

    def _start(self) -> float:
        # The inverse of `log_variance`, kept off the flat ends of the sigmoid.
        low, high = math.log(self.var_min), math.log(self.var_max)
        share = min(max((math.log(self.var_init) - low) / (high - low), 1e-4), 1 - 1e-4)
        return math.log(share / (1 - share))

    @property
    def log_variance(self) -> BoundedLogVariance:
        """The map from what `table` stores to log-variances."""
        return BoundedLogVariance(self.var_min, self.var_max)

    def table(self) -> tuple[Table, Array, Array]:
        """Returns the nodes as stored (before the bounds), the translations `[R, D]` and the temperature `[]`."""
        raw = jnp.full((self.num_nodes, 1), self._start()) if self.v is None else self.v
        return Table(self.mu, raw), self.r, jnp.exp(self.log_t)

    def nodes(self) -> Nodes:
        """Returns the nodes with their variances inside the bounds."""
        if self.v is None:
            var = jnp.full((self.num_nodes, self.dim), self.var_init)
        else:
            var = jnp.exp(self.log_variance(self.v))
        return Nodes(self.mu, var, self.r, jnp.exp(self.log_t))

    def __call__(self, z: Array) -> tuple[Array, Nodes]:
        """Returns `s / T` `[B, R, N]` of embeddings `z` `[B, D]`, and the nodes it used."""
        nodes = self.nodes()
        score = gaussian.log_density if self.form == "fast" else gaussian.log_density_oracle
        return score(z, nodes.r, nodes.mu, nodes.var) / nodes.temperature, nodes
