"""`kgv`: cross-entropy plus beta times the contrastive regulariser over Gaussian nodes (arXiv 2410.15981).

L = CE(decoder(z), y) + beta * Reg(log N(z_b + r_j ; mu_k, var_k), M)
"""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from kgv_jax import losses
from kgv_jax.methods.knowledge import Knowledge, mask_of
from kgv_jax.methods.objective import Batch, Objective, over_variants
from kgv_jax.models.classifier import Outputs
from kgv_jax.scoring import gaussian
from kgv_jax.scoring.space import GaussianSpace, Nodes


class Kgv(Objective):
    """Images are points, nodes Gaussians, relations translations in one space."""

    def make_head(self, knowledge: Knowledge) -> nn.Module:
        _, num_relations, num_nodes = knowledge.rows.shape
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
            form=kgv.score,
        )

    def coefficients(self) -> dict[str, float]:
        return super().coefficients() | {"reg": self.config.kgv.beta}

    def weights(self, batch: Batch, knowledge: Knowledge) -> dict[str, Array]:
        mask = mask_of(knowledge, batch["rows"])
        return super().weights(batch, knowledge) | {"reg": losses.has_positive(mask)}

    def values(self, params: Any, outputs: Outputs, batch: Batch, knowledge: Knowledge) -> dict[str, Array]:
        score, _ = self._score(params, outputs.z)
        reg = losses.REGULARISERS[self.config.kgv.loss](score, mask_of(knowledge, batch["rows"]))
        return super().values(params, outputs, batch, knowledge) | {"reg": reg}

    def penalty(self, params: Any, knowledge: Knowledge) -> Array:
        """Inclusion: the mean `KL(child || parent)` over hierarchical triples, if asked for."""
        if not self.config.kgv.inclusion or not knowledge.parents.size:
            return jnp.zeros(())
        nodes: Nodes = self.head.apply({"params": params}, method="nodes")
        child, parent = knowledge.parents[:, 0], knowledge.parents[:, 1]
        divergence = gaussian.kl_divergence(nodes.mu[child], nodes.var[child], nodes.mu[parent], nodes.var[parent])
        return self.config.kgv.inclusion * divergence.mean()

    def knowledge_scores(self, params: Any, outputs: Outputs, knowledge: Knowledge) -> Array:
        """Log-scores of the classes by node densities.

        `instance`: `s[b, instanceOf, class] / T`. `facts`: an image is evidence for every fact that a
        class, drawn as one of its variants v, states: `sum_j mean_{k in P_vj} log softmax_k(s_bjk / T)`,
        the softmax over the nodes that occur under j; then a logsumexp over the class's variants.
        """
        score, _ = self._score(params, outputs.z)
        if self.config.kgv.density_head == "instance":
            return score[:, 0, knowledge.class_node]
        log_p = jax.nn.log_softmax(jnp.where(knowledge.candidate, score, -1e30), -1)
        log_p = jnp.where(knowledge.candidate, log_p, 0.0)
        return over_variants(jnp.einsum("brn,vrn->bv", log_p, knowledge.evidence), knowledge)

    def _score(self, params: Any, z: Array) -> tuple[Array, Nodes]:
        return self.head.apply({"params": params}, z)
