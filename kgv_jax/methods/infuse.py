"""`infuse`: several scales of knowledge are injected into layers at the encoder's maps or behind it (arXiv 2401.04441).

Stage 1 aligns a layer `p_m` with each scale `m` of knowledge, by the contrastive or the cosine loss

    L = sum_m lambda_m CE(cos(p_m, K_m) / T, y)    or    L = sum_m lambda_m (1 - cos(p_m, K_m[y]));

stage 2 is cross-entropy, with encoder and layers frozen or at a tenth of the rate. `K_m` `[C, D]` are fixed embeddings
of the classes: of their triples as a sentence, of their nodes in the graph, of a longer description
(`init/class_embeddings.py`). `models/infuse.py` has the layers.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from kgv_jax import losses
from kgv_jax.config.methods import Method, Section
from kgv_jax.config.schema import Config
from kgv_jax.config.setting import setting
from kgv_jax.methods.graph_arrays import GraphArrays
from kgv_jax.methods.objective import Batch, Objective
from kgv_jax.methods.settings import EMBEDDED, NO_IMAGES
from kgv_jax.models.classifier import Outputs
from kgv_jax.models.infuse import BEHIND, SPREAD
from kgv_jax.util.errors import UserError, nearest


@dataclasses.dataclass(frozen=True)
class InfuseSettings(Section):
    """Knowledge of several scales in layers behind the encoder."""

    scales: tuple[str, ...] = setting(
        (),
        "what layers are aligned with, one layer per scale: triples, graph, description; random is the control; "
        "empty: no layers",
        choices=("triples", "graph", "description", "random"),
    )
    taps: tuple[str, ...] = setting(
        (),
        "what each scale's layer reads: the number of a map of the encoder (0 nearest the input, -1 the last) or z; "
        "spread: maps at equal distances, the last scale z; empty: z",
    )
    weights: tuple[float, ...] = setting((), "weight of each scale in the alignment; empty: 1", low=0.0)
    whiten: bool = setting(False, "whiten embeddings of texts over the classes: they differ in few directions")
    loss: str = setting("contrastive", "of the alignment", choices=("contrastive", "cosine"))
    temperature: float = setting(0.1, "of its cosines (contrastive)", low=1e-3)
    dropout: float = setting(0.1, "rate in each layer", low=0.0, high=0.9)

    def lambdas(self) -> tuple[float, ...]:
        """Returns the weight of each scale."""
        return self.weights or (1.0,) * len(self.scales)

    def check(self, config: Config) -> None:
        if not self.scales:
            return
        decoder, scales = config.model.decoder, ",".join(self.scales)
        if decoder not in ("linear", "mlp"):
            raise UserError(
                f"config.infuse.scales is {scales!r} with model.decoder = {decoder!r}, which does not read the infuse "
                "layers. Set model.decoder=mlp or linear, or leave the scales empty."
            )
        if "graph" in self.scales and not config.kg.vectors:
            raise UserError(
                f"config.infuse.scales is {scales!r} and config.kg.vectors is empty, so there is no embedding of the "
                "graph. Name a file or a model, such as --config.kg.vectors=transh, or leave graph out."
            )
        if self.weights and not any(self.weights):
            raise UserError(
                f"config.infuse.weights is {_listed(self.weights)!r}: nothing would be aligned. Give one more than 0."
            )
        # `spread` chooses a map for each scale; else there is one tap, and one weight, for each.
        taps = () if self.taps == (SPREAD,) else self.taps
        for tap in taps:
            if tap != BEHIND and not tap.removeprefix("-").isdecimal():
                raise UserError(
                    f"config.infuse.taps has {tap!r}{nearest(tap, (SPREAD,))}; expected {SPREAD}, or for each scale "
                    f"{BEHIND} or the number of a map, such as 0 or -1."
                )
        for name, given in (("weights", self.weights), ("taps", taps)):
            if given and len(given) != len(self.scales):
                raise UserError(
                    f"config.infuse.{name} is {_listed(given)!r}, {len(given)} for the {len(self.scales)} scales "
                    f"{scales!r}; expected one for each scale."
                )


def _listed(values: tuple[Any, ...]) -> str:
    """Returns a tuple as the command line writes it."""
    return ",".join(f"{value:g}" if isinstance(value, float) else value for value in values)


class _Scales(nn.Module):
    """The `K_m`: random unless `init/class_embeddings.py` gives them; no loss trains them."""

    scales: int
    num_classes: int

    @nn.compact
    def __call__(self, z: Array) -> tuple[Array, ...]:
        shape = (self.num_classes, z.shape[-1])
        return tuple(self.param(f"scale{m}", nn.initializers.normal(1.0), shape) for m in range(self.scales))


class Infuse(Objective):
    """Term `align` beside the cross-entropy; the stages of training decide when either counts."""

    def make_head(self, graph_arrays: GraphArrays) -> nn.Module:
        return _Scales(len(self.config.infuse.scales), len(graph_arrays.class_node))

    def coefficients(self) -> dict[str, float]:
        return super().coefficients() | {"align": 1.0}

    def weights(self, batch: Batch, graph_arrays: GraphArrays) -> dict[str, Array]:
        return super().weights(batch, graph_arrays) | {"align": batch["labelled"]}

    def values(
        self, params: Any, outputs: Outputs, batch: Batch, graph_arrays: GraphArrays, key: Array
    ) -> dict[str, Array]:
        infuse, label, align = self.config.infuse, batch["label"], jnp.zeros(len(batch["label"]))
        scales = jax.lax.stop_gradient(self.head.apply({"params": params}, outputs.z))
        for weight, p, k in zip(infuse.lambdas(), outputs.aligned, scales, strict=True):
            cosine = _directions(p) @ _directions(k).T
            if infuse.loss == "contrastive":
                nll = losses.cross_entropy(cosine / infuse.temperature, label, among=graph_arrays.seen)
                align += weight * nll
            else:
                align += weight * (1 - jnp.take_along_axis(cosine, label[:, None], -1)[:, 0])
        return super().values(params, outputs, batch, graph_arrays, key) | {"align": align}


def _directions(x: Array) -> Array:
    return x / jnp.maximum(jnp.linalg.norm(x, axis=-1, keepdims=True), 1e-6)


# Stage 2 trains encoder and infuse layers at a tenth of the rate (slow), or leaves them as they are (freeze).
_STAGES = "align 0.7 terms=align rate=0.5; classify 0.3 terms=ce {}=encoder/.*,projection/.*,infuse/.*"
_DEFAULTS = EMBEDDED | {
    "infuse.scales": ("triples", "graph", "description"),
    "model.decoder": "mlp",
    "train.stages": _STAGES.format("slow"),
}


def _method(about: str, **settings: Any) -> Method:
    """Returns `infuse` with some of its settings fixed."""
    return Method(Infuse, about, NO_IMAGES | settings, _DEFAULTS)


def _of_scales(*scales: str) -> Method:
    """Returns `infuse` with some of its scales: a row of the ablation."""
    about = f"knowledge injection of {' and '.join(scales)} alone"
    return _method(about, **{"infuse.scales": scales})


SETTINGS = {"infuse": InfuseSettings}
METHODS = {
    "infuse": _method("three scales of knowledge in layers behind the encoder"),
    "infuse_triples": _of_scales("triples"),
    "infuse_graph": _of_scales("graph"),
    "infuse_description": _of_scales("description"),
    "infuse_triples_graph": _of_scales("triples", "graph"),
    "infuse_triples_description": _of_scales("triples", "description"),
    "infuse_graph_description": _of_scales("graph", "description"),
    "infuse_taps": _method("three scales at maps of the encoder", **{"infuse.taps": (SPREAD,)}),
    "infuse_frozen": _method(
        "three scales; then cross-entropy trains the decoder alone", **{"train.stages": _STAGES.format("freeze")}
    ),
    "infuse_random": _method(
        "the same layers and stages, aligned with random directions: the control",
        **{"infuse.scales": ("random",) * 3},
    ),
}
