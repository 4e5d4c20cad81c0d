"""The streams that a training batch is made of: source pictures, element pictures, compositions."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from kgv_jax.config_schema import Config
from kgv_jax.data.bank import Bank, build_bank
from kgv_jax.data.crop import RandomCrop
from kgv_jax.data.encoded import CropReader
from kgv_jax.data.low_data import kept_rows
from kgv_jax.data.photograph import Nuisance
from kgv_jax.data.pipeline import Stream
from kgv_jax.data.records import Cropped, Records
from kgv_jax.data.types import Dataset, Picture
from kgv_jax.data.vectors import Vectors
from kgv_jax.kg.graph import Graph
from kgv_jax.kg.mask import MaskTable, pad_rows
from kgv_jax.kg.names import local_name
from kgv_jax.kg.variants import Variants, closest_variant, variants_used_in
from kgv_jax.util.cache import cache_dir
from kgv_jax.util.cores import usable_cores


@dataclasses.dataclass(frozen=True)
class _Plan:
    """One stream before its photographs are taken; one entry of `rows` and `labels` a picture."""

    name: str
    pictures: Sequence[Picture]
    rows: Sequence[Sequence[int]]
    labels: Sequence[int] | np.ndarray
    labelled: bool
    per_step: int


def make_streams(
    config: Config,
    dataset: Dataset,
    *,
    graph: Graph,
    mask: MaskTable,
    class_nodes: np.ndarray,
    variants: Variants,
    elements: Sequence[Picture],
    compositions: Sequence[Picture],
) -> list[Stream]:
    """Returns the training streams; each example has the arrays of `methods.objective.Batch`.

    A source picture's heads are its class and its class's variant in the source's style. A composition
    has one row for every fact that it shows or, labelled, the heads of a source picture of its variant.
    """
    at_home = variants_used_in(graph, variants, dataset.source, relation=config.kg.style_relation)

    def heads(label: int, variant: int | None) -> list[int]:
        return [mask.row(int(class_nodes[label]))] + ([] if variant is None else [mask.row(variant)])

    labels = labels_of(dataset.train, dataset.classes)
    rows_of_class = [heads(label, at_home.get(int(node))) for label, node in enumerate(class_nodes)]
    rows = [rows_of_class[label] for label in labels]
    plans = [_Plan("train", dataset.train, rows, labels, True, config.train.batch_size)]
    if elements:
        rows = [mask.rows_for(picture.depicts) for picture in elements]
        labels = [0] * len(elements)
        plans.append(_Plan("elements", elements, rows, labels, False, config.synthetic.elements_per_step))
    if compositions:
        # Its label is the local name of its class node; a folder's class may be called otherwise.
        label_of_node = {local_name(graph.nodes[node]): label for label, node in enumerate(class_nodes)}
        labels = [label_of_node[local_name(picture.label)] for picture in compositions]
        rows = [mask.rows_for(picture.depicts) for picture in compositions]
        if config.synthetic.labelled:
            rows = [
                heads(label, closest_variant(graph, variants[int(class_nodes[label])], picture.depicts))
                for label, picture in zip(labels, compositions, strict=True)
            ]
        labelled, per_step = config.synthetic.labelled, config.synthetic.compositions_per_step
        plans.append(_Plan("compositions", compositions, rows, labels, labelled, per_step))
    width = max(len(row) for plan in plans for row in plan.rows)
    return [_take(config, dataset, plan, width) for plan in plans]


def _take(config: Config, dataset: Dataset, plan: _Plan, width: int) -> Stream:
    source = plan.name == "train"
    # Images of a generator are of the kind that the data set's are; our renderer's are drawings.
    generated = plan.name == "elements" and config.synthetic.manifest
    photographed = dataset.photographs or not (source or generated)
    per_picture = config.data.train_photographs if source else config.synthetic.photographs
    per_picture = per_picture if photographed else 1
    read = None
    if isinstance(plan.pictures, Records):
        picture = np.arange(len(plan.pictures))
        images, per_picture, read = picture, 1, _crops(config, plan).rows
    elif isinstance(plan.pictures, Vectors):
        images, picture, per_picture = plan.pictures.vectors, np.arange(len(plan.pictures)), 1
    else:
        bank = take_photographs(config, plan.pictures, per_picture, stream=plan.name, photographed=photographed)
        images, picture = bank.images, bank.picture
    if source:
        asked = {"fraction": config.fraction, "shots": config.shots, "subset": config.subset}
        held_out = [*dataset.validation, *dataset.domains.get(dataset.source, ())] if config.subset else []
        kept = kept_rows(plan.pictures, per_picture, held_out=held_out, seed=config.data.split_seed, **asked)
        images, picture = (images, picture) if kept is None else (images[kept], picture[kept])
    arrays = {
        "image": images,
        "label": np.asarray(plan.labels, np.int32)[picture],
        "labelled": np.full(len(picture), plan.labelled, np.float32),
        "rows": pad_rows(plan.rows, width=width)[picture],
    }
    if not source or config.augment.views == 1:
        return Stream(plan.name, arrays, plan.per_step, read)
    another = None if read else AnotherPhotograph(picture, seed=config.seed)
    return Stream(plan.name, arrays, plan.per_step, read, views=config.augment.views, another=another)


class AnotherPhotograph:
    """From rows to other rows of the same picture, drawn anew for each place; of a picture's only one, that row."""

    def __init__(self, picture: np.ndarray, *, seed: int) -> None:
        self._order = np.argsort(picture, kind="stable")
        self._place = np.argsort(self._order, kind="stable")
        ordered = picture[self._order]
        self._first = np.searchsorted(ordered, picture, side="left")
        self._count = np.searchsorted(ordered, picture, side="right") - self._first
        self._seed = seed

    def __call__(self, rows: np.ndarray, places: np.ndarray) -> np.ndarray:
        """Returns int64 [n] of rows [n] at places [n] of the stream's endless order."""
        first, others = self._first[rows], np.maximum(self._count[rows] - 1, 1)
        drawn = [np.random.Philox(key=self._seed, counter=int(place)).random_raw() for place in places]
        steps = np.where(self._count[rows] > 1, 1 + np.array(drawn, np.uint64) % others.astype(np.uint64), 0)
        return self._order[first + (self._place[rows] - first + steps.astype(np.int64)) % self._count[rows]]


def _crops(config: Config, plan: _Plan) -> Cropped:
    """Returns photographs as random crops, another one each time a picture is shown."""
    augment = config.augment
    crop = RandomCrop(config.seed, plan.name, scale=(augment.crop_area, 1.0), mirror=augment.mirror)
    return Cropped(plan.pictures, CropReader(config.data.size_px, crop, threads=usable_cores()))


def labels_of(pictures: Sequence[Picture], classes: Sequence[str]) -> np.ndarray:
    """Returns the labels int32 `[n]` of pictures: positions of their classes."""
    if isinstance(pictures, (Records, Vectors)):
        return pictures.label
    label_of = {name: label for label, name in enumerate(classes)}
    return np.array([label_of[picture.label] for picture in pictures], np.int32)


def take_photographs(
    config: Config, pictures: Sequence[Picture], per_picture: int, *, stream: str, photographed: bool
) -> Bank:
    """Returns the photographs of the pictures, from the cache where they were taken before."""
    return build_bank(
        pictures,
        size_px=config.data.size_px,
        per_picture=per_picture,
        nuisance=Nuisance() if photographed else None,
        seed=config.data.split_seed,
        stream=stream,
        cache_dir=cache_dir("banks"),
    )
