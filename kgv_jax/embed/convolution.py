"""Graph convolutions (Kipf and Welling, ICLR 2017) before a model: a node's mean is made of its neighbours'."""

from __future__ import annotations

import jax
import numpy as np
from jax import Array

from kgv_jax.embed.model import Model, Tables
from kgv_jax.kg.adjacency import symmetric
from kgv_jax.models.graph_convolution import Edges
from kgv_jax.util.errors import UserError

WEIGHTS = "gcn"
"""The name of the weights `[L, D, D]`, which are parameters of no relation and leave no row behind."""


def convolved(model: Model, edges: np.ndarray, num_nodes: int, *, layers: int = 2) -> Model:
    """Returns `model` on the means that `layers` convolutions make of its own, which are free parameters `X` `[N, D]`.

        H_0 = X,   H_(l+1) = relu(A H_l W_l), the last one without relu,   mu = H_L

    `A` is `D^-1/2 (E + I) D^-1/2` of the edges in both directions, whatever their relation. The model's own bounds
    apply to `mu`.

    Args:
      edges: `[E, 2]` node indices of the triples that are trained on.
    """
    adjacency = Edges(*symmetric(edges, num_nodes))

    def init(key: Array, num_nodes: int, num_relations: int, dim: int) -> Tables:
        inner, weights = jax.random.split(key)
        nodes, relations = model.init(inner, num_nodes, num_relations, dim)
        if "mu" not in nodes:
            raise UserError(
                f"A graph convolution makes means, and the nodes of this model have {', '.join(nodes)}; take a model "
                "with means, such as --model=distmult."
            )
        random = dim**-0.5 * jax.random.normal(weights, (layers, dim, dim))
        return Tables(nodes, relations | {WEIGHTS: random})

    def tables(parameters: Tables) -> Tables:
        relations = {name: x for name, x in parameters.relations.items() if name != WEIGHTS}
        hidden, kernels = parameters.nodes["mu"], parameters.relations[WEIGHTS]
        for layer in range(layers):
            hidden = adjacency @ (hidden @ kernels[layer])
            hidden = hidden if layer == layers - 1 else jax.nn.relu(hidden)
        return model.tables(Tables(parameters.nodes | {"mu": hidden}, relations))

    return model._replace(init=init, tables=tables)
