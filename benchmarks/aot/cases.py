"""The training steps that are compiled ahead of time, as abstract programs: shapes and shardings, no array."""

from __future__ import annotations

import dataclasses
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from benchmarks.aot.chips import CHIPS
from configs import imagenet
from kgv_jax.config import schema as config_schema
from kgv_jax.config.schema import Config
from kgv_jax.kg.graph import Graph
from kgv_jax.kg.mask import CandidateSet, Entries, Mask
from kgv_jax.methods import make_objective
from kgv_jax.methods.graph_arrays import GraphArrays
from kgv_jax.models import registry
from kgv_jax.models.classifier import Classifier
from kgv_jax.models.features import Features
from kgv_jax.optim.optimizer import make_optimizer
from kgv_jax.optim.stages import plan_stages
from kgv_jax.parallel import mesh as mesh_lib
from kgv_jax.run.build import make_classifier
from kgv_jax.run.state import init_state
from kgv_jax.train_step import make_train_step

METHODS = {"ce": "ce", "kgv": "kgv_no_synthetic"}
NO_ENCODER = "none"
_DEPTH = 13  # nodes above a class, as in ImageNet's part of WordNet


@dataclasses.dataclass(frozen=True)
class Case:
    """One program.

    Attributes:
      encoder: of the registry; "none" is a mean over pixels, which leaves what the objective costs.
      method: "ce" or "kgv".
      chip: key of `CHIPS`.
      nodes, heads, relations: `N`; rows of the mask, which are the classes; `R` with `instanceOf`.
      model: devices along the mesh axis `model`, over which nodes are split.
      images: mesh axes over which images are split: "data model", as in a run (with `model` 1 the same as "data"),
        or "data", to compare.
      batch: images per step, over all chips.
    """

    encoder: str
    method: str
    chip: str
    nodes: int = 1860
    heads: int = 1000
    relations: int = 2
    model: int = 1
    images: str = "data"
    batch: int = 4096

    def __str__(self) -> str:
        mesh = f"{CHIPS[self.chip].count // self.model}x{self.model}"
        graph = "" if self.method == "ce" else f" N={self.nodes} R={self.relations}"
        where = f"{CHIPS[self.chip].name} mesh={mesh} images={self.images.replace(' ', '+')}"
        return f"{self.encoder} {self.method}{graph} C={self.heads} B={self.batch} {where}"


class PixelMean(nn.Module):
    """Hardly an encoder: one linear map of an image's mean colour to as many features as ResNet-50 has."""

    @nn.compact
    def __call__(self, images: Array, *, train: bool) -> Features:
        """Maps `[B, H, W, 3]` to `[B, 2048]`."""
        del train
        pooled = nn.Dense(2048)(images.mean((1, 2)))
        return Features(pooled, images, (images,))


def make_config(case: Case) -> Config:
    """Returns the settings of `configs/imagenet.py` with the case's encoder and method, bfloat16, no mixed images."""
    values = imagenet.get_config("quick")
    values.method = METHODS[case.method]
    values.model.encoder = "resnet50" if case.encoder == NO_ENCODER else case.encoder
    values.model.dtype = "bfloat16"
    values.augment.mixup = values.augment.cutmix = 0.0
    values.train.batch_size = case.batch
    values.mesh.model = case.model
    return config_schema.resolve(values)


def make_mask(case: Case) -> Mask:
    """Returns a mask of the case's size: its arrays are as large as a real graph's, its facts mean nothing.

    The query nodes are the classes, a candidate set of their own; every other relation has all other nodes as
    candidates. A query node has `_DEPTH` ancestors, and two facts under each relation besides.
    """
    inner = case.nodes - case.heads
    classes, others = np.split(np.arange(case.nodes, dtype=np.int32), [case.heads])
    candidate_sets = [
        CandidateSet(0, classes),
        *(CandidateSet(relation, others) for relation in range(1, case.relations)),
    ]
    facts = [(0, 0, 1), (1, case.heads, _DEPTH), *((relation, case.heads, 2) for relation in range(2, case.relations))]
    relation = np.repeat([relation for relation, _, _ in facts], [count for _, _, count in facts])
    lane = np.concatenate([np.arange(count) for _, _, count in facts])
    row = np.arange(case.heads)[:, None]
    node = np.where(relation == 0, row, case.heads + (row % (inner - _DEPTH)) + lane)
    positive = _entries(np.tile(relation, (case.heads, 1)), node)
    above = case.heads + (row % (inner - _DEPTH)) + np.arange(_DEPTH)
    return Mask(
        graph=Graph(nodes=("",) * case.nodes, labels=(), types=(), relations=(), triples=np.zeros((0, 3), np.int32)),
        relations=("instanceOf", *(f"relation{index}" for index in range(1, case.relations))),
        candidate_sets=tuple(candidate_sets),
        supervised=np.ones((case.heads, case.relations), bool),
        positive=positive,
        ignored_negatives=_entries(np.zeros_like(above), above),
        ignored_nodes=np.zeros(0, np.int32),
        query_rows={},
        fact_rows={},
    )


def _entries(relation: np.ndarray, node: np.ndarray) -> Entries:
    start = np.arange(len(relation) + 1, dtype=np.int64) * relation.shape[1]
    return Entries(start, relation.reshape(-1).astype(np.int32), node.reshape(-1).astype(np.int32))


def abstract_graph_arrays(case: Case, mesh: Mesh) -> GraphArrays:
    """Returns the shapes and shardings of what the step reads of a graph of the case's size."""
    graph_arrays = GraphArrays.from_mask(
        make_mask(case),
        class_nodes=range(case.heads),
        class_rows=[(row,) for row in range(case.heads)],
        parents=np.zeros((0, 2), np.int32),
        shards=case.model,
    )
    return jax.tree.map(
        lambda x, sharding: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=sharding),
        graph_arrays,
        mesh_lib.graph_array_shardings(mesh, graph_arrays),
    )


def abstract_batch(case: Case, size_px: int) -> dict[str, jax.ShapeDtypeStruct]:
    """Returns the shapes of a batch; an image shows one head."""
    shape = jax.ShapeDtypeStruct
    return {
        "image": shape((case.batch, size_px, size_px, 3), jnp.uint8),
        "label": shape((case.batch,), jnp.int32),
        "labelled": shape((case.batch,), jnp.float32),
        "mask_ids": shape((case.batch, 1), jnp.int32),
    }


def _classifier(case: Case, config: Config) -> Classifier:
    classifier = make_classifier(config, num_classes=case.heads)
    return classifier.clone(encoder=PixelMean()) if case.encoder == NO_ENCODER else classifier


def lower(case: Case, devices: Any) -> jax.stages.Lowered:
    """Returns the training step of a case, traced for the devices and not yet compiled."""
    config = make_config(case)
    mesh = mesh_lib.make_mesh(-1, case.model, devices=devices)
    graph_arrays = abstract_graph_arrays(case, mesh)
    classifier = _classifier(case, config)
    objective = make_objective(config, graph_arrays, mesh)
    layers = registry.get(config.model.encoder).layers
    optimizer = make_optimizer(config.optim, plan_stages(config), transfer=config.transfer, layers=layers)
    state = jax.eval_shape(
        lambda: init_state(
            config.seed,
            classifier=classifier,
            objective=objective,
            optimizer=optimizer,
            image_shape=(config.data.size_px, config.data.size_px, 3),
            ema=False,
        )
    )
    step = make_train_step(classifier, objective, optimizer)
    shardings = mesh_lib.state_shardings(mesh, state)
    source_images = NamedSharding(mesh, PartitionSpec(tuple(case.images.split())))
    # As `step.jit_train_step`, but for a case that splits images otherwise.
    jitted = jax.jit(
        step,
        in_shardings=(shardings, source_images, None),
        out_shardings=(shardings, mesh_lib.replicated(mesh)),
        donate_argnums=0,
    )
    return jitted.lower(state, abstract_batch(case, config.data.size_px), graph_arrays)
