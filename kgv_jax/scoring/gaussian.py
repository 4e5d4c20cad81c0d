"""Log-density of translated image embeddings under Gaussian graph nodes (KGV, section 3 of arXiv 2410.15981).

The score of an image `b` for relation `j` and node `k` is

    s[b, j, k] = log N(z_b + r_j ; mu_k, diag(var_k))
               = -1/2 sum_d [ (z_bd + r_jd - mu_kd)^2 / var_kd + log var_kd + log 2 pi ].

`B` images, `R` relations, `N` nodes, `D` dimensions; scores are in nats. Two forms compute all of them at once:
`log_density_oracle` reads like the formula and needs `[B, R, N, D]`; every other form is tested against it.
`log_density` is one `[B R, D] x [D, N]` matmul besides terms of size `[B, N]` and `[R, N]`, and needs `[B, R, N]`.
Where even that is too large, `scoring/streamed.py` sums scores without holding them.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from jax import Array

# Put in place of a score that must not count in a maximum or a logsumexp. It is finite, because differences of
# infinities, and so the gradient of a logsumexp over nothing, are NaN.
NEVER = -1e30

# Accelerators multiply float32 matrices as bfloat16 or TF32 by default. A score is a small difference of
# large sums, so that this costs 5e-3 in the softmax, even when centred.
HIGHEST = jax.lax.Precision.HIGHEST


def log_density_oracle(z: Array, r: Array, mu: Array, var: Array) -> Array:
    """Returns the scores `[B, R, N]` by `vmap` over images, relations and nodes.

    Args:
      z: `[B, D]` image embeddings.
      r: `[R, D]` relation translations.
      mu: `[N, D]` node means.
      var: `[N, D]` diagonal node variances, positive.
    """

    def score(z_b: Array, r_j: Array, mu_k: Array, var_k: Array) -> Array:
        squares = (z_b + r_j - mu_k) ** 2 / var_k
        return -0.5 * jnp.sum(squares + jnp.log(var_k) + math.log(2 * math.pi))

    over_nodes = jax.vmap(score, (None, None, 0, 0))
    over_relations = jax.vmap(over_nodes, (None, 0, None, None))
    return jax.vmap(over_relations, (0, None, None, None))(z, r, mu, var)


def log_density(z: Array, r: Array, mu: Array, var: Array) -> Array:
    """Returns the scores `[B, R, N]` with one contraction over `D` of size `B x R x N`.

    With `w = 1 / var`, `a = mu w` and `c_k = sum_d (mu^2 w + log var) + D log 2 pi`,

        -2 s[b,j,k] = z_b^2 . w_k + 2 (z_b r_j) . w_k + r_j^2 . w_k - 2 z_b . a_k - 2 r_j . a_k + c_k.

    This is the square of `z + r - mu`, multiplied out, so that no array has both an image's and a node's axis besides
    `D`. Its price is rounding: where `z` and `mu` are far from 0 and near each other, `z^2 w`, `2 z a` and `mu^2 w` are
    large and nearly cancel. A score depends on `z - mu` alone, so the mean of all `mu` is first subtracted from both;
    a common offset then costs nothing. Shapes as in `log_density_oracle`.
    """
    # No gradient: the centre cancels, so the gradient through it is zero but for rounding.
    centre = jax.lax.stop_gradient(mu.mean(0))
    z, mu = z - centre, mu - centre
    w = 1.0 / var
    a = mu * w
    c = jnp.sum(mu * a + jnp.log(var), -1) + mu.shape[-1] * math.log(2 * math.pi)

    def dot(x: Array, y: Array) -> Array:
        return jnp.einsum("...d,nd->...n", x, y, precision=HIGHEST)

    per_image = dot(z * z, w) - 2 * dot(z, a)
    per_relation = dot(r * r, w) - 2 * dot(r, a)
    cross = dot(z[:, None, :] * r[None, :, :], w)
    return -0.5 * (per_image[:, None, :] + per_relation[None, :, :] + 2 * cross + c)


def kl_divergence(mu_p: Array, var_p: Array, mu_q: Array, var_q: Array) -> Array:
    """Returns `KL(p || q)` of diagonal Gaussians in nats, summed over the last axis.

    `KL = 1/2 sum_d [ var_p / var_q + (mu_q - mu_p)^2 / var_q - 1 + log var_q - log var_p ]`.
    """
    terms = var_p / var_q + (mu_q - mu_p) ** 2 / var_q - 1 + jnp.log(var_q) - jnp.log(var_p)
    return 0.5 * jnp.sum(terms, -1)
