"""The losses, written like their formulas: one value per example. Weights, and the one division, are elsewhere.

The contrastive regularisers take scores `s / T` `[B, R, N]` (`scoring/gaussian.py`) and the mask `M` `[B, R, N]`
(+1 positive, 0 ignored, -1 negative; `kg/mask.py`) and return one value per image, `[B]`, in nats. Below,

    P_bj = {k : M_bjk = +1},   the positives of image b under relation j
    J_b  = {j : P_bj nonempty},   the relations that are supervised for image b

Why averages are nested
    The value of an image is a mean over its relations of a mean over its positives. One mean over all positives would
    let a relation with many of them (all categories above a class) outweigh one with a single node (its shape).

Images without any positive give 0 and have weight 0 (`has_positive`): the division is by the images that count
(`methods/objective.py`).
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax
from jax import Array

from kgv_jax.scoring.gaussian import NEVER
from kgv_jax.util.registry import Registry


def cross_entropy(logits: Array, label: Array, *, smoothing: float = 0.0, among: Array | None = None) -> Array:
    """Returns `-log softmax(logits)[label]` `[B]`, with label smoothing.

    Args:
      logits: `[B, C]`.
      label: `[B]`.
      smoothing: share of the target that is spread over the classes.
      among: `[C]` bool, the classes that compete, all if None. The others' logits get no gradient: as classes
        that are never right they would be pushed down by every image.
    """
    target = jax.nn.one_hot(label, logits.shape[-1])
    if among is None:
        return optax.softmax_cross_entropy(logits, optax.smooth_labels(target, smoothing))
    target = (1 - smoothing) * target + smoothing * among / jnp.sum(among)
    return optax.softmax_cross_entropy(competing(logits, among), target)


def competing(logits: Array, among: Array | None) -> Array:
    """Returns `[B, C]` logits in which only the classes `among` `[C]` bool compete, all if None."""
    return logits if among is None else jnp.where(among, logits, NEVER)


def has_positive(mask: Array) -> Array:
    """Returns 1.0 for each image that has a positive under some relation, `[B]` float32."""
    return jnp.any(mask == 1, (-2, -1)).astype(jnp.float32)


def _mean(values: Array, where: Array, axis: int | tuple[int, ...]) -> Array:
    """Returns the mean of the values that count, 0 if none does: `jnp.mean(where=...)` would be NaN there."""
    return jnp.sum(jnp.where(where, values, 0.0), axis) / jnp.maximum(jnp.sum(where, axis), 1)


def info_nce_nodes(score: Array, mask: Array) -> Array:
    """Multi-positive InfoNCE over the nodes of each relation, the default (docs/equations.md).

        Reg_b = -mean_{j in J_b} mean_{k in P_bj} [ s_bjk/T - logsumexp_{k' : M_bjk' != 0} s_bjk'/T ]

    The denominator holds the negatives and all positives of the relation, so it is a softmax over them.
    """
    positive, candidate = mask == 1, mask != 0
    log_z = jax.nn.logsumexp(jnp.where(candidate, score, NEVER), -1)
    per_relation = _mean(score - log_z[..., None], positive, -1)
    return -_mean(per_relation, positive.any(-1), -1)


def info_nce_of_sums(
    pair: Array, log_sum: Array, *, pair_relation: Array, candidate_set_relation: Array, num_relations: int
) -> Array:
    """`info_nce_nodes` from the scores of the positives and log-sums over the negatives (`scoring/streamed.py`).

    Args:
      pair: `[B, P]` scores over T of the positives.
      log_sum: `[B, S]`, of the negatives of each candidate set; very small where an image has none there.
      pair_relation: `[B, P]` int32, the relation of each; -1 where there is none.
      candidate_set_relation: `[S]` int32.
      num_relations: `R`.
    """
    # Under each relation, positives and negatives join in one denominator `log_z` `[B, R]`.
    relations = jnp.arange(num_relations)
    positive = pair_relation[..., None] == relations
    own_candidate_set = candidate_set_relation[:, None] == relations
    terms = [(pair, positive), (log_sum, jnp.broadcast_to(own_candidate_set, (len(pair), *own_candidate_set.shape)))]
    masked = jnp.concatenate([jnp.where(where, values[..., None], NEVER) for values, where in terms], 1)
    log_z = jax.nn.logsumexp(masked, 1)
    return -_mean(_mean(pair[..., None] - log_z[:, None], positive, 1), positive.any(1), -1)


def info_nce_joint(score: Array, mask: Array) -> Array:
    """InfoNCE over (relation, node) pairs together: one softmax over `R N` candidates per image.

        Reg_b = -mean_{(j,k) : M_bjk = 1} [ s_bjk/T - logsumexp_{(j',k') : M_bj'k' != 0} s_bj'k'/T ]

    Its one softmax compares relations with each other, so no mean over relations is left to take.
    """
    flat_score, flat_mask = score.reshape(len(score), -1), mask.reshape(len(mask), -1)
    log_z = jax.nn.logsumexp(jnp.where(flat_mask != 0, flat_score, NEVER), -1, keepdims=True)
    return -_mean(flat_score - log_z, flat_mask == 1, -1)


def info_nce_images(score: Array, mask: Array) -> Array:
    """The symmetric direction: for each positive (j, k), contrast over the images of the batch.

        Reg_b = -mean_{(j,k) : M_bjk = 1} [ s_bjk/T - logsumexp_{b' : b' = b or M_b'jk = -1} s_b'jk/T ]

    It depends on the whole batch, so it does not commute with gradient accumulation.
    """
    positive = mask == 1
    log_negatives = jax.nn.logsumexp(jnp.where(mask == -1, score, NEVER), 0)
    return -_mean(score - jnp.logaddexp(score, log_negatives), positive, (-2, -1))


def logistic(score: Array, mask: Array) -> Array:
    """An independent logistic loss per triple; positives and negatives weigh the same per image and relation.

        Reg_b = 1/2 mean_{j in J_b} [ mean_{k in P_bj} softplus(-u_bjk) + mean_{k : M_bjk = -1} softplus(u_bjk) ],
        u_bjk = s_bjk/T - stop_gradient(mean_{k' : M_bjk' != 0} s_bjk'/T)

    Scores are centred on their mean over the candidates, since a raw log-density has no natural zero.
    """
    positive, negative = mask == 1, mask == -1
    centred = score - jax.lax.stop_gradient(_mean(score, mask != 0, -1))[..., None]
    loss = _mean(jax.nn.softplus(-centred), positive, -1) + _mean(jax.nn.softplus(centred), negative, -1)
    return 0.5 * _mean(loss, positive.any(-1), -1)


def clamped_sum(score: Array, mask: Array, *, margin: float = 10.0) -> Array:
    """The plain masked sum `-sum_jk M_bjk s_bjk / T`, each negative's part clamped by a margin (in nats).

        Reg_b = mean_{j in J_b} [ mean_{k : M_bjk = -1} clip(margin - (p_bj - s_bjk/T), 0, 2 margin) + q_bj / N ],
        p_bj = mean_{k in P_bj} s_bjk/T,   q_bj = mean_{k in P_bj} max(-s_bjk/T, 0)

    Unclamped it is unbounded below with log-densities: negatives are pushed away for ever. `q` pulls positives up.
    """
    positive, negative = mask == 1, mask == -1
    reference = _mean(score, positive, -1)[..., None]
    hinge = jnp.clip(margin - (reference - score), 0.0, 2 * margin)
    pull = _mean(jnp.clip(-score, 0.0, None), positive, -1)
    return _mean(_mean(hinge, negative, -1) + pull / score.shape[-1], positive.any(-1), -1)


def contrast(score: Array, positive: Array, present: Array) -> Array:
    """The mean over an image's positives of `-log softmax` over all other images (arXiv 2004.11362, equation 2).

    Args:
      score: `[B, B]`, cosines over the temperature.
      positive: `[B, B]` bool, False on the diagonal; an image without any gives 0.
      present: `[B]` bool, images that are compared with at all.
    """
    others = present & ~jnp.eye(len(score), dtype=bool)
    log_z = jax.nn.logsumexp(jnp.where(others, score, NEVER), -1, keepdims=True)
    return -_mean(score - log_z, positive, -1)


# `kgv.loss`: functions of scores over T and mask, `[B, R, N]` each, that return one value per image, `[B]`.
REGULARISERS: Registry[Callable[[Array, Array], Array]] = Registry(
    "loss of the regulariser",
    attribute="REGULARISERS",
    of=Callable,
    entries={
        "nodes": info_nce_nodes,
        "joint": info_nce_joint,
        "images": info_nce_images,
        "logistic": logistic,
        "sum": clamped_sum,
    },
)


def binary_cross_entropy(logits: Array, mask: Array) -> Array:
    """Returns the mean binary cross-entropy per image over the facts that its mask supervises, `[B]`.

    Args:
      logits: `[B, A]`, one per fact.
      mask: `[B, A]`, +1 true, -1 false, 0 ignored.
    """
    losses = optax.sigmoid_binary_cross_entropy(logits, (mask == 1).astype(logits.dtype))
    return _mean(losses, mask != 0, -1)
