"""One tiny problem that many tests share: a graph of four classes worked out by hand, and batches of noise.

`make` gives a method on the graph, ready to step, without any file. `make_run` writes the graph and images of noise
into a folder and builds a run of them, as a user would.
"""

from __future__ import annotations

import dataclasses
import functools
import pathlib
from collections.abc import Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from PIL import Image

from kgv_jax import train_step as step
from kgv_jax.config import schema as config_schema
from kgv_jax.config.schema import Config
from kgv_jax.kg.graph import Graph
from kgv_jax.kg.mask import Mask, make_mask, pad_rows
from kgv_jax.methods import make_objective
from kgv_jax.methods.graph_arrays import GraphArrays
from kgv_jax.methods.objective import Objective
from kgv_jax.models.classifier import Classifier
from kgv_jax.models.features import Features
from kgv_jax.models.infuse import make_infuse
from kgv_jax.models.layers import make_norm
from kgv_jax.optim.optimizer import make_optimizer
from kgv_jax.optim.stages import plan_stages
from kgv_jax.parallel import mesh as mesh_lib
from kgv_jax.run.build import Run
from kgv_jax.run.build import make_run as build_run
from kgv_jax.run.state import State, init_state

CLASSES = ("yield", "stop", "no_entry", "parking")
SIZE_PX = 16
# `yield` has two variants that differ in their colour; the other classes have none.
TRIPLES = (
    ("yield", "broader", "priority"),
    ("stop", "broader", "priority"),
    ("no_entry", "broader", "prohibition"),
    ("priority", "broader", "sign"),
    ("prohibition", "broader", "sign"),
    ("parking", "broader", "sign"),
    ("yield.de", "variantOf", "yield"),
    ("yield.us", "variantOf", "yield"),
    ("yield", "hasShape", "triangle"),
    ("stop", "hasShape", "octagon"),
    ("no_entry", "hasShape", "circle"),
    ("parking", "hasShape", "square"),
    ("yield.de", "hasColour", "red"),
    ("yield.us", "hasColour", "yellow"),
    ("stop", "hasColour", "red"),
    ("no_entry", "hasColour", "red"),
    ("parking", "hasColour", "blue"),
)
TYPES = {
    **dict.fromkeys(CLASSES, "Class"),
    **dict.fromkeys(("yield.de", "yield.us"), "Variant"),
    **dict.fromkeys(("sign", "priority", "prohibition"), "Category"),
    **dict.fromkeys(("triangle", "octagon", "circle", "square"), "Shape"),
    # 18 nodes in all: a model axis of two divides them. No sign is white or green.
    **dict.fromkeys(("red", "yellow", "blue", "white", "green"), "Colour"),
}
HIERARCHY = ("broader", "variantOf")


class Encoder(nn.Module):
    """One convolution and one norm: compiles ten times faster than the smallest residual network."""

    norm: str

    @nn.compact
    def __call__(self, images: jax.Array, *, train: bool) -> Features:
        x = nn.Conv(8, (4, 4), strides=4, use_bias=False)(images)
        x = nn.relu(make_norm(self.norm, train=train, groups=2)()(x))
        return Features(jnp.mean(x, (1, 2)), x, (x,))


@dataclasses.dataclass(frozen=True)
class Tiny:
    """A method on the tiny graph, ready to step."""

    config: Config
    mask: Mask
    graph_arrays: GraphArrays
    classifier: Classifier
    objective: Objective

    def init(self, *, ema: bool = False, anchored: bool = False) -> State:
        """Returns the state before the first step."""
        make = functools.partial(
            init_state,
            classifier=self.classifier,
            objective=self.objective,
            optimizer=self.optimizer,
            image_shape=(SIZE_PX, SIZE_PX, 3),
            ema=ema,
            anchored=anchored,
        )
        return jax.jit(make)(jnp.uint32(self.config.seed))

    @property
    def optimizer(self) -> Any:
        """The optimiser of the config."""
        return make_optimizer(self.config.optim, plan_stages(self.config), transfer=self.config.transfer)

    def step(self, *, optimizer: Any = None, **options: Any) -> Any:
        """Returns the training step, not jitted."""
        return step.make_train_step(self.classifier, self.objective, optimizer or self.optimizer, **options)

    def sharded_step(self, mesh: Mesh, state: State) -> tuple[Any, State]:
        """Returns the step jitted over a mesh, and the state laid out on it."""
        shardings = mesh_lib.state_shardings(mesh, state)
        return step.jit_train_step(self.step(), mesh, shardings), jax.device_put(state, shardings)


def graph() -> Graph:
    """Returns the graph."""
    return Graph.from_triples(TRIPLES, types=TYPES)


def mask_table() -> Mask:
    """Returns the mask rows of every class, variant and element, and of the facts of a yield sign."""
    value = graph()
    query_nodes = [value.node(name) for name, kind in TYPES.items() if kind != "Category"]
    facts = [("hasShape", value.node("triangle")), ("hasColour", value.node("red"))]
    return make_mask(value, query_nodes=query_nodes, facts=facts, hierarchy=HIERARCHY)


def class_rows(mask: Mask) -> list[list[int]]:
    """Returns the rows of each class and its variants."""
    variants = {"yield": ("yield.de", "yield.us")}
    return [[mask.row(name), *map(mask.row, variants.get(name, ()))] for name in CLASSES]


def graph_arrays(mask: Mask, *, shards: int = 1) -> GraphArrays:
    """Returns the arrays of the graph."""
    value = mask.graph
    levels = [value.relation(name) for name in HIERARCHY]
    parents = value.triples[np.isin(value.triples[:, 1], levels)][:, [0, 2]]
    nodes = [value.node(name) for name in CLASSES]
    return GraphArrays.from_mask(mask, class_nodes=nodes, class_rows=class_rows(mask), parents=parents, shards=shards)


def config(method: str = "kgv", **settings: Any) -> Config:
    """Returns a small config; settings are `section__name=value`."""
    values = config_schema.default_config()
    values.method = method
    values.model.update(encoder="resnet_test", dim=8)
    values.optim.update(warmup_steps=0, learning_rate=1e-3)
    values.train.update(steps=20)
    for key, value in settings.items():
        section, name = key.split("__")
        values[section][name] = value
    return config_schema.resolve(values)


def make(method: str = "kgv", **settings: Any) -> Tiny:
    """Returns a method on the tiny graph."""
    resolved = config(method, **settings)
    mask = mask_table()
    arrays = graph_arrays(mask)
    encoder = Encoder("group" if resolved.model.norm == "auto" else resolved.model.norm)
    model = resolved.model
    classifier = Classifier(
        encoder,
        num_classes=len(CLASSES),
        dim=model.dim,
        decoder=model.decoder,
        infuse=make_infuse(resolved.infuse, width=model.dim),
    )
    return Tiny(resolved, mask, arrays, classifier, make_objective(resolved, arrays))


def make_run(
    folder: pathlib.Path,
    method: str = "kgv_no_synthetic",
    *,
    devices: Sequence[jax.Device] | None = None,
    **settings: Any,
) -> Run:
    """Returns a run on the tiny graph and images of noise, from files in `folder`: 24 images to train on, 8 of
    validation, 8 of the source domain `de`, 13 of the target domain `cn`."""
    graph_file, images = folder / "graph.csv", folder / "images"
    if not graph_file.exists():
        types = [(node, "type", kind) for node, kind in TYPES.items()]
        graph_file.write_text("\n".join(",".join(row) for row in (("head", "relation", "tail"), *types, *TRIPLES)))
        rng = np.random.default_rng(0)
        for domain, counts in {"de": (10, 10, 10, 10), "cn": (4, 3, 3, 3)}.items():
            for name, count in zip(CLASSES, counts, strict=True):
                (images / domain / name).mkdir(parents=True)
                for number, pixels in enumerate(rng.integers(0, 256, (count, SIZE_PX, SIZE_PX, 3), np.uint8)):
                    Image.fromarray(pixels).save(images / domain / name / f"{number}.png")
    files = {"data__name": "folder", "data__root": str(images), "kg__path": str(graph_file)}
    domains = {"data__source": "de", "data__targets": "cn", "data__size_px": SIZE_PX}
    return build_run(config(method, **files, **domains, **settings), devices=devices)


def batch(mask: Mask, count: int, *, seed: int = 0) -> dict[str, np.ndarray]:
    """Returns noise: labelled images, element images, compositions, images without a query node."""
    rng = np.random.default_rng(seed)
    elements = [mask.row(name) for name in ("triangle", "red", "white")]
    composed = [mask.fact_row("hasShape", "triangle"), mask.fact_row("hasColour", "red")]
    rows, labels, labelled = [], rng.integers(len(CLASSES), size=count), np.zeros(count, np.float32)
    for index, label in enumerate(labels):
        # Labelled images at even positions only, so that strided micro-batches differ in weight.
        kind = (0, 2, 1, 3, 0, 4)[index % 6]
        labelled[index] = kind < 2
        own = class_rows(mask)[label]
        rows.append([own[:1], [own[0], own[-1]], [int(rng.choice(elements))], composed, []][kind])
    return {
        "image": rng.integers(0, 256, size=(count, SIZE_PX, SIZE_PX, 3), dtype=np.uint8),
        "label": labels.astype(np.int32),
        "labelled": labelled,
        "mask_ids": pad_rows(rows, width=2),
        "group": np.arange(count, dtype=np.int32) // 4,
    }
