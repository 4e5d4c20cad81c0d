"""Batch norm with the statistics of the images that are evaluated, and without their labels.

Adaptive batch normalisation (Li et al., arXiv 1603.04779): the running mean and variance of every layer are replaced by
those of the domain. A run that does so sees unlabelled images of the target, so it is a row of its own.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.sharding import Mesh

from kgv_jax.data.types import ImageSet
from kgv_jax.models.layers import BATCH_NORM_MOMENTUM
from kgv_jax.parallel.mesh import batch_sharding, put_batch, replicated
from kgv_jax.run.state import State
from kgv_jax.util.errors import UserError


def make_domain_statistics(classifier: Any, mesh: Mesh, shardings: State) -> Callable[[State, ImageSet, int], State]:
    """Returns `(state, images, batch_size) -> state` whose batch norms have the statistics of the images.

    Means and variances are those over all whole batches; images that fill no batch are filled up from the first ones.

    The function raises a UserError where no layer has batch norm.
    """
    of_batch = jax.jit(
        functools.partial(_moments, classifier),
        in_shardings=(shardings, batch_sharding(mesh)),
        out_shardings=replicated(mesh),
    )

    def adapt(state: State, images: ImageSet, batch_size: int) -> State:
        if not jax.tree.leaves(state.batch_stats):
            raise UserError(
                "config.evaluate.statistics is 'domain', and the encoder has no batch norm whose statistics could be "
                "those of a domain. Set config.model.norm=batch, or config.evaluate.statistics=trained."
            )
        per_process = batch_size // jax.process_count()
        start = jax.process_index() * per_process
        total, batches = None, 0
        for first in range(0, len(images), batch_size):
            rows = (first + start + np.arange(per_process)) % len(images)
            moments = of_batch(state, put_batch({"image": images.read(rows, rows)}, mesh)["image"])
            total = moments if total is None else jax.tree.map(jnp.add, total, moments)
            batches += 1
        mean = jax.tree.map(lambda sum: sum / batches, total)
        statistics = jax.device_put(_statistics(mean), shardings.batch_stats)
        return state._replace(batch_stats=statistics)

    return adapt


def _moments(classifier: Any, state: State, images: Array) -> Any:
    """Returns the first and second moments of a batch in the place of means and variances."""
    params = state.ema or state.params
    _, updated = classifier.apply(
        {"params": params["classifier"], "batch_stats": state.batch_stats},
        images,
        train=True,
        mutable=["batch_stats"],
        rngs={"drop_path": jax.random.key(0), "dropout": jax.random.key(1)},
    )
    # A running value moves by a share of the way to the batch's own, which is solved for the latter.
    share = 1 - BATCH_NORM_MOMENTUM
    own = jax.tree.map(lambda new, old: old + (new - old) / share, updated["batch_stats"], state.batch_stats)
    return _each_norm(own, lambda norm: {"mean": norm["mean"], "var": norm["var"] + norm["mean"] ** 2})


def _statistics(moments: Any) -> Any:
    return _each_norm(moments, lambda norm: {"mean": norm["mean"], "var": norm["var"] - norm["mean"] ** 2})


def _each_norm(tree: Mapping[str, Any], change: Callable[[Mapping[str, Array]], dict[str, Array]]) -> dict[str, Any]:
    if {*tree} == {"mean", "var"}:
        return change(tree)
    return {name: _each_norm(below, change) for name, below in tree.items()}
