"""`kgv`: cross-entropy plus beta times the contrastive regulariser over Gaussian nodes (arXiv 2410.15981).

    L = CE(decoder(z), y) + beta * Reg(s / T, M),    s_bjk = log N(z_b + r_j ; mu_k, var_k)

An image `b` is a point `z_b`, a relation `j` a translation `r_j`, a node `k` a Gaussian `(mu_k, var_k)`. The mask `M`
says which (relation, node) pairs are positives of an image (+1), negatives (-1) or ignored (0). `Reg` is one of the
losses of `losses.py`. Element images, which show one node of the graph and have no class, enter `Reg` alone.

The controls are here too: the same on a graph whose facts are wrong (`shuffled_kg`, `random_attributes`), without
synthetic images, with point nodes, with some of the relations.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.sharding import Mesh

from kgv_jax import losses
from kgv_jax.config.methods import Method, Section
from kgv_jax.config.schema import Config
from kgv_jax.config.setting import setting
from kgv_jax.methods.graph_arrays import GraphArrays, mask_of, positives_of
from kgv_jax.methods.objective import NODES, RELATIONS, Batch, Objective, over_variants
from kgv_jax.methods.settings import COMPOSED, ELEMENTS, LABELLED, NO_IMAGES
from kgv_jax.models.classifier import Outputs
from kgv_jax.parallel.mesh import batch_sharding
from kgv_jax.scoring import gaussian
from kgv_jax.scoring.sampling import make_sampling, sampled_share
from kgv_jax.scoring.space import GaussianSpace, Nodes
from kgv_jax.scoring.streamed import Streaming, streamed_sums
from kgv_jax.scoring.tile import NEVER
from kgv_jax.util.errors import UserError

MOST_HELD = 2**20  # scores of a batch that one device holds; more of them are streamed


@dataclasses.dataclass(frozen=True)
class KgvSettings(Section):
    """The regulariser of KGV, its Gaussian nodes and its density head."""

    beta: float = setting(1.0, "weight of the regulariser", low=0.0)
    loss: str = setting("nodes", "form of the regulariser (losses.py)", choices=lambda: tuple(losses.REGULARISERS))
    temperature: float = setting(1.0, "initial T, in units of sqrt(D)", low=1e-3)
    learn_temperature: bool = setting(True, "train T")
    vector_nodes: bool = setting(False, "nodes are points: every variance stays at var_init")
    var_min: float = setting(0.05, "lower bound of a variance", low=1e-6)
    var_max: float = setting(5.0, "upper bound of a variance", low=1e-6)
    var_init: float = setting(1.0, "initial value of every variance", low=1e-6)
    inclusion: float = setting(0.0, "weight of KL(child || parent) over hierarchical triples", low=0.0)
    score: str = setting(
        "auto",
        "form of the score: whole, streamed in tiles of nodes, by size (auto), or as written in the paper (oracle)",
        choices=("auto", "whole", "streamed", "oracle"),
    )
    candidate_share: float = setting(
        1.0, "share of the nodes, in tiles sampled anew each step, that a positive is compared with", low=1e-6, high=1.0
    )
    density_head: str = setting(
        "instance",
        "what the density head sums: instanceOf alone; the evidence of every fact; lift: that over a uniform guess",
        choices=("instance", "facts", "lift"),
    )

    def check(self, config: Config) -> None:
        if self.var_min >= self.var_max:
            raise UserError(
                f"config.kgv.var_min is {self.var_min} and var_max {self.var_max}; expected var_min below var_max. "
                "For variances that all stay at var_init, set kgv.vector_nodes=true, with bounds around it."
            )
        if not self.var_min <= self.var_init <= self.var_max:
            raise UserError(
                f"config.kgv.var_init is {self.var_init}; expected between var_min = {self.var_min} "
                f"and var_max = {self.var_max}."
            )
        if self.loss == "images" and config.train.accumulate > 1:
            raise UserError(
                "config.kgv.loss is 'images', which contrasts over the whole batch, with train.accumulate > 1: the "
                "micro-batches would not add up to the batch. Set train.accumulate=1 or another kgv.loss."
            )
        # What streams a score only adds it up, which is all that the loss `nodes` needs.
        for name, streams in (("score", self.score == "streamed"), ("candidate_share", self.candidate_share < 1)):
            value = getattr(self, name)
            if streams and self.loss != "nodes":
                raise UserError(
                    f"config.kgv.{name} is {value!r} with kgv.loss = {self.loss!r}, which needs every score. Set "
                    "kgv.loss=nodes, or kgv.score=auto and kgv.candidate_share=1."
                )
            if streams and self.score not in ("auto", "streamed"):
                raise UserError(
                    f"config.kgv.{name} is {value!r} with kgv.score = {self.score!r}, which holds every score. Set "
                    "kgv.score=auto, or kgv.candidate_share=1."
                )


class Kgv(Objective):
    """Term `reg`: images are points, nodes Gaussians, relations translations in one space."""

    def __init__(self, config: Config, graph_arrays: GraphArrays, mesh: Mesh | None = None) -> None:
        super().__init__(config, graph_arrays, mesh)
        share = config.kgv.candidate_share
        self.sampling = make_sampling(graph_arrays.tiles, share) if share < 1 else None

    def make_head(self, graph_arrays: GraphArrays) -> nn.Module:
        num_relations, num_nodes = graph_arrays.candidate.shape
        kgv = self.config.kgv
        return GaussianSpace(
            num_nodes,
            num_relations,
            self.config.model.dim,
            var_min=kgv.var_min,
            var_max=kgv.var_max,
            var_init=kgv.var_init,
            vector_nodes=kgv.vector_nodes,
            temperature=kgv.temperature,
            learn_temperature=kgv.learn_temperature,
            form="oracle" if kgv.score == "oracle" else "fast",
        )

    def axes(self) -> Mapping[str, tuple[str | None, ...]]:
        return {"mu": (NODES, None), "v": (NODES, None), "r": (RELATIONS, None)}

    def whole_mask_for(self, graph_arrays: GraphArrays) -> str | None:
        kgv = self.config.kgv
        if kgv.density_head != "instance":
            return f"config.kgv.density_head = {kgv.density_head!r}"
        if not self._streams(graph_arrays):
            return f"config.kgv.score = {kgv.score!r} with kgv.loss = {kgv.loss!r}"
        return None

    def form(self, graph_arrays: GraphArrays) -> str | None:
        relations, nodes = graph_arrays.candidate.shape
        if not self._streams(graph_arrays):
            return f"Scores of {nodes} nodes under {relations} relations: held whole"
        shards, tiles, columns = graph_arrays.tiles.valid.shape
        pairs = int(np.prod(graph_arrays.tiles.relation.shape)) * columns
        split = f" on each of {shards} parts of the node table" if shards > 1 else ""
        sampled = f", {sampled_share(self.sampling):.1%} of them sampled each step" if self.sampling else ""
        return (
            f"Scores of {nodes} nodes under {relations} relations: streamed, {pairs} pairs in {tiles} tiles of "
            f"{graph_arrays.tiles.relation.shape[1]} x {columns}{split}{sampled}"
        )

    def _streams(self, graph_arrays: GraphArrays) -> bool:
        """Returns whether scores are only added up, in tiles; few are held, and the loss reads like its formula."""
        kgv = self.config.kgv
        devices = self.mesh.size if self.mesh else 1
        large = self.config.train.batch_size * graph_arrays.candidate.size > MOST_HELD * devices
        return (
            kgv.score == "streamed"
            or kgv.candidate_share < 1
            or (kgv.score == "auto" and kgv.loss == "nodes" and (large or graph_arrays.mask_rows is None))
        )

    def coefficients(self) -> dict[str, float]:
        return super().coefficients() | {"reg": self.config.kgv.beta}

    def weights(self, batch: Batch, graph_arrays: GraphArrays) -> dict[str, Array]:
        if self._streams(graph_arrays):
            supervised = jnp.any(positives_of(graph_arrays, batch["mask_ids"]).node >= 0, -1).astype(jnp.float32)
        else:
            supervised = losses.has_positive(mask_of(graph_arrays, batch["mask_ids"]))
        return super().weights(batch, graph_arrays) | {"reg": supervised}

    def values(
        self, params: Any, outputs: Outputs, batch: Batch, graph_arrays: GraphArrays, key: Array
    ) -> dict[str, Array]:
        if self._streams(graph_arrays):
            reg = self._streamed(params, outputs.z, batch["mask_ids"], graph_arrays, key)
        else:
            score, _ = self._score(params, outputs.z)
            reg = losses.REGULARISERS[self.config.kgv.loss](score, mask_of(graph_arrays, batch["mask_ids"]))
        return super().values(params, outputs, batch, graph_arrays, key) | {"reg": reg}

    def penalty(self, params: Any, graph_arrays: GraphArrays) -> Array:
        """Inclusion: `kgv.inclusion` times the mean `KL(child || parent)` over hierarchical triples."""
        if not self.config.kgv.inclusion or not graph_arrays.parents.size:
            return jnp.zeros(())
        nodes: Nodes = self.head.apply({"params": params}, method="nodes")
        child, parent = graph_arrays.parents[:, 0], graph_arrays.parents[:, 1]
        divergence = gaussian.kl_divergence(nodes.mu[child], nodes.var[child], nodes.mu[parent], nodes.var[parent])
        return self.config.kgv.inclusion * divergence.mean()

    def node_tables(self, params: Any) -> dict[str, Array]:
        nodes: Nodes = self.head.apply({"params": params}, method="nodes")
        return {"nodes.mu": nodes.mu, "nodes.var": nodes.var, "relations.mu": nodes.r}

    def graph_logits(self, params: Any, outputs: Outputs, graph_arrays: GraphArrays) -> Array:
        """Log-scores of the classes by node densities.

        `instance`: `s[b, instanceOf, class] / T`.
        `facts`: the evidence of every fact that a variant v of the class states,
        `sum_j mean_{k in P_vj} log softmax_k(s_bjk / T)`, the softmax over the `n_j` nodes that occur under j; then a
        logsumexp over the class's variants.
        `lift`: for each relation that v states, `log n_j - KL(uniform over P_vj || softmax_k)`. A uniform guess about
        a fact is worth 0, and so is a relation that a class does not state. So classes that state different relations,
        or different numbers of facts, can be compared; a held-out class has no `instanceOf`.
        """
        if self.config.kgv.density_head == "instance":
            mu, var, r, temperature = self.head.apply({"params": params}, method="nodes")
            of_class = graph_arrays.class_node
            return gaussian.log_density(outputs.z, r[:1], mu[of_class], var[of_class])[:, 0] / temperature
        score, _ = self._score(params, outputs.z)
        log_p = jax.nn.log_softmax(jnp.where(graph_arrays.candidate, score, NEVER), -1)
        spread = jnp.zeros(())
        if self.config.kgv.density_head == "lift":
            log_p += jnp.log(jnp.maximum(graph_arrays.candidate.sum(-1, keepdims=True), 1))
            spread = jnp.sum(jax.scipy.special.entr(graph_arrays.evidence), (1, 2))
        log_p = jnp.where(graph_arrays.candidate, log_p, 0.0)
        return over_variants(jnp.einsum("brn,vrn->bv", log_p, graph_arrays.evidence) + spread, graph_arrays)

    def _streamed(self, params: Any, z: Array, rows: Array, graph_arrays: GraphArrays, key: Array) -> Array:
        """Returns `losses.info_nce_nodes` `[B]` without its scores `[B, R, N]`."""
        if self.mesh:
            # The constraint holds for the gradient too: without it the encoder's gradient takes over the split of the
            # score, over `data` alone.
            z = jax.lax.with_sharding_constraint(z, batch_sharding(self.mesh))
        table, r, temperature = self.head.apply({"params": params}, method="table")
        # An image's padding has relation -1; any relation will do for a pair that the loss leaves out.
        positives, tiles = positives_of(graph_arrays, rows), graph_arrays.tiles
        pairs = positives._replace(relation=jnp.maximum(positives.relation, 0))
        correction = jnp.zeros(())
        if self.sampling:
            tiles, correction = self.sampling.draw(key, tiles), jnp.asarray(self.sampling.correction)
        streaming = Streaming(self.head.log_variance, self.mesh, split_nodes=len(tiles.where) > 1)
        sums = streamed_sums(streaming, table, z, r, temperature, pairs, rows, tiles)
        return losses.info_nce_of_sums(
            sums.pair,
            jnp.where(tiles.supervised[rows].any(1), sums.log_sum + correction, NEVER),
            pair_relation=positives.relation,
            candidate_set_relation=tiles.candidate_set_relation,
            num_relations=len(r),
        )

    def _score(self, params: Any, z: Array) -> tuple[Array, Nodes]:
        return self.head.apply({"params": params}, z)


_SHUFFLED = {"kg.permute_classes": True}
_RANDOM = {"kg.random_facts": True}

SETTINGS = {"kgv": KgvSettings}
METHODS = {
    "kgv": Method(Kgv, "KGV as in the paper: Gaussian nodes, isolated element images", ELEMENTS),
    "shuffled_kg": Method(Kgv, "KGV on a graph whose class rows are permuted", ELEMENTS | _SHUFFLED),
    "random_attributes": Method(Kgv, "KGV on random facts: is it the knowledge or the targets?", ELEMENTS | _RANDOM),
    "kgv_vector": Method(Kgv, "KGV with vector nodes", ELEMENTS | {"kgv.vector_nodes": True}),
    "kgv_no_synthetic": Method(Kgv, "KGV without synthetic images", NO_IMAGES),
    "shuffled_kg_no_synthetic": Method(Kgv, "the same on permuted class rows", NO_IMAGES | _SHUFFLED),
    "kgv_hierarchy": Method(Kgv, "KGV with hierarchical relations only", ELEMENTS | {"kg.keep": "hierarchy"}),
    "kgv_association": Method(Kgv, "KGV with association relations only", ELEMENTS | {"kg.keep": "association"}),
    "kgv_compose": Method(Kgv, "KGV with unlabelled compositions (ours)", COMPOSED),
    "kgv_compose_labelled": Method(Kgv, "KGV with the same compositions, labelled (ours)", LABELLED),
    "shuffled_kg_compose_labelled": Method(
        Kgv, "the same images and labels, with wrong facts in the regulariser: its control", LABELLED | _SHUFFLED
    ),
    "shuffled_kg_compose": Method(Kgv, "KGV with compositions on permuted class rows", COMPOSED | _SHUFFLED),
}
