"""`gcnz`, `sgcn`, `dgp`: a network on the graph predicts the classifier that images learnt; then the encoder adapts.

    1. cross-entropy trains a classifier `w_c` for each class
    2. a graph network `g` regresses their directions from the vectors of all nodes `X`, with the loss
           sum_{c seen} |g(X)_c - w_c / |w_c||^2 / (2 C_seen)
    3. the predicted classifier, scaled to the mean length of the old one, replaces it and is frozen; the rest is
       fine-tuned. Held-out classes get theirs from the graph alone

(Wang et al., arXiv 1803.08035, section 3.2; Kampffmeyer et al., arXiv 1805.11724, section 3.3; both with Adam at 1e-3
and an L2 penalty of 5e-4.) The papers' `X` are GloVe vectors of names, `--config.kg.vectors=words`. As in DGP's
program, rows of `X` have length 1 and the last coordinate of `w_c` is its bias. One thing differs from the papers:
step 3 uses the optimiser of the run.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array
from jax.sharding import Mesh

from kgv_jax.config.methods import Method, Section
from kgv_jax.config.schema import Config
from kgv_jax.config.setting import setting
from kgv_jax.kg import adjacency
from kgv_jax.methods.graph_arrays import GraphArrays
from kgv_jax.methods.objective import Objective
from kgv_jax.methods.settings import EMBEDDED, NO_IMAGES
from kgv_jax.models.graph_convolution import Edges, GraphConvolutions
from kgv_jax.util.errors import UserError

FINETUNE = "finetune"  # the stage that begins with the predicted classifier
_RATE, _L2 = 1e-3, 5e-4

Layers = tuple[tuple[Edges, ...], ...]


@dataclasses.dataclass(frozen=True)
class GcnSettings(Section):
    """A network on the graph that predicts classifiers."""

    kind: str = setting("dgp", "GCNZ, SGCN or dense graph propagation", choices=("gcnz", "sgcn", "dgp"))
    hidden: int = setting(2048, "dimensions of its first layer", low=4)
    epochs: int = setting(3000, "full-batch steps of its regression", low=1)


def regress(
    network: GraphConvolutions,
    features: Array,
    layers: Layers,
    rows: Array,
    target: Array,
    known: Array,
    key: Array,
    *,
    epochs: int,
) -> Array:
    """Trains the network (step 2) and returns what it predicts for the classes, `[C, F]`.

    Args:
      network: has as many output dimensions as the target.
      features: `[N, D]`.
      layers: the adjacencies of each layer.
      rows: `[C]`, the nodes of the classes.
      target: `[C, F]`.
      known: `[C]` bool, the classes whose target images have learnt.
      key: for the initial parameters and for dropout.
      epochs: full-batch steps.
    """
    optimizer = optax.chain(optax.add_decayed_weights(_L2), optax.adam(_RATE))
    params = network.init(key, features, layers, train=False)["params"]

    def loss(params: Any, key: Array) -> Array:
        found = network.apply({"params": params}, features, layers, train=True, nodes=rows, rngs={"dropout": key})
        return jnp.sum(jnp.where(known[:, None], found - target, 0.0) ** 2) / (2 * jnp.sum(known))

    def step(state: tuple, epoch: Array) -> tuple[tuple, Array]:
        params, moments = state
        value, gradient = jax.value_and_grad(loss)(params, jax.random.fold_in(key, epoch))
        updates, moments = optimizer.update(gradient, moments, params)
        return (optax.apply_updates(params, updates), moments), value

    (params, _), _ = jax.lax.scan(step, (params, optimizer.init(params)), jnp.arange(epochs))
    return network.apply({"params": params}, features, layers, train=False, nodes=rows)


class _Vectors(nn.Module):
    """`X`, the vectors of the nodes: random unless `config.kg.vectors` names some; no loss trains them."""

    num_nodes: int

    @nn.compact
    def __call__(self, z: Array) -> Array:
        return self.param("mu", nn.initializers.normal(1.0), (self.num_nodes, z.shape[-1]))


class GraphClassifier(Objective):
    """Cross-entropy throughout; between two stages the graph network replaces the classifier."""

    begins = (FINETUNE,)

    def __init__(self, config: Config, graph_arrays: GraphArrays, mesh: Mesh | None = None) -> None:
        super().__init__(config, graph_arrays, mesh)
        if config.model.decoder != "linear":
            raise UserError(
                f"config.model.decoder is {config.model.decoder!r}; method {config.method!r} predicts a linear one. "
                "Set config.model.decoder=linear."
            )
        triples, parents, classes = jax.device_get(
            (graph_arrays.triples, graph_arrays.parents, graph_arrays.class_node)
        )
        if config.gcn.kind == "dgp" and not np.isin(classes, parents).any():
            raise UserError(
                f"config.kg.hierarchy is {config.kg.hierarchy!r}, along which no class has a node above or below it, "
                f"and method {config.method!r} reads nothing else of the graph. Name the hierarchical relations there, "
                "or use method gcnz or sgcn, which read every relation."
            )
        self.layers = make_layers(config.gcn.kind, triples, parents,
                                  num_nodes=graph_arrays.candidate.shape[1])  # fmt: skip

    def make_head(self, graph_arrays: GraphArrays) -> nn.Module:
        return _Vectors(graph_arrays.candidate.shape[1])

    def begin(self, stage: str, params: Any, graph_arrays: GraphArrays, key: Array) -> Any:
        # The classifier of stage 1: weights and bias of a class as one row, whose direction is the target.
        decoder = params["classifier"]["decoder"]
        rows = jnp.concatenate([decoder["kernel"].T, decoder["bias"][:, None]], -1)
        length = jnp.linalg.norm(rows, axis=-1, keepdims=True)
        # Step 2, over nodes scaled to length 1.
        network = make_network(self.config.gcn.kind, self.config.gcn.hidden, rows.shape[-1], self.layers)
        features, classes = params["knowledge"]["mu"], graph_arrays.class_node
        features /= jnp.maximum(jnp.linalg.norm(features, axis=-1, keepdims=True), 1e-12)
        seen = jnp.ones(len(classes), bool) if graph_arrays.seen is None else graph_arrays.seen
        found = regress(network, features, self.layers, classes, rows / jnp.maximum(length, 1e-12), seen, key,
                        epochs=self.config.gcn.epochs)  # fmt: skip
        # Step 3: the predicted directions take the decoder's place.
        predicted = found * length.mean(where=seen[:, None])
        decoder = {"kernel": predicted[:, :-1].T, "bias": predicted[:, -1]}
        return {**params, "classifier": {**params["classifier"], "decoder": decoder}}


def make_network(kind: str, hidden: int, out: int, layers: Layers) -> GraphConvolutions:
    """Returns the network of a paper for these adjacencies."""
    gcnz = kind == "gcnz"
    dropped = (False, False, False, False, True, True) if gcnz else (True, True)
    return GraphConvolutions(widths(kind, hidden, out), tuple(map(len, layers)), dropped, bias=not gcnz)


def widths(kind: str, hidden: int, out: int) -> tuple[int, ...]:
    """Returns the widths of the layers; GCNZ's are 2048, 2048, 1024, 1024, 512 and the output's."""
    if kind == "gcnz":
        return hidden, hidden, hidden // 2, hidden // 2, hidden // 4, out
    return hidden, out


def make_layers(kind: str, triples: np.ndarray, parents: np.ndarray, *, num_nodes: int) -> Layers:
    """Returns the adjacencies of each layer: GCNZ and SGCN read every relation, DGP the hierarchy."""
    edges = triples[:, [0, 2]]
    if kind == "gcnz":
        layers = ((adjacency.symmetric(edges, num_nodes),),) * 6
    elif kind == "sgcn":
        layers = ((adjacency.row_normalised(edges, num_nodes),),) * 2
    else:
        layers = adjacency.by_distance(parents, num_nodes)
    return jax.tree.map(
        lambda found: Edges(*found), layers, is_leaf=lambda value: isinstance(value, adjacency.Adjacency)
    )


# A linear decoder learns first; `finetune`, which begins with the predicted one, keeps it.
_STAGES = NO_IMAGES | {"train.stages": f"classify 0.7 terms=ce; {FINETUNE} 0.3 terms=ce freeze=decoder/.* rate=0.1"}

SETTINGS = {"gcn": GcnSettings}
METHODS = {
    "gcnz": Method(
        GraphClassifier,
        "GCNZ: a graph network predicts the classifier",
        _STAGES | {"gcn.kind": "gcnz"},
        {"gcn.epochs": 300} | EMBEDDED,
    ),
    "sgcn": Method(GraphClassifier, "SGCN: the same with two layers", _STAGES | {"gcn.kind": "sgcn"}, EMBEDDED),
    "dgp": Method(
        GraphClassifier, "DGP: the same along ancestors and descendants", _STAGES | {"gcn.kind": "dgp"}, EMBEDDED
    ),
}
