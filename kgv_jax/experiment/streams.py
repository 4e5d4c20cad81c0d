"""The streams that a training batch is made of: source images, element images, compositions."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from kgv_jax.config.schema import Config
from kgv_jax.data.crop import RandomCrop
from kgv_jax.data.encoded import CropReader
from kgv_jax.data.low_data import kept_rows
from kgv_jax.data.pipeline import Stream
from kgv_jax.data.records import Cropped, Records
from kgv_jax.data.render_augment import RenderAugmentation
from kgv_jax.data.render_cache import RenderedViews, build_render_cache
from kgv_jax.data.types import Dataset, SourceImage
from kgv_jax.data.vectors import Vectors
from kgv_jax.kg.graph import Graph
from kgv_jax.kg.mask import Mask, pad_rows
from kgv_jax.kg.names import local_name
from kgv_jax.kg.variants import Variants, closest_variant, variants_used_in
from kgv_jax.util.cache import cache_dir
from kgv_jax.util.cores import usable_cores


@dataclasses.dataclass(frozen=True)
class _Plan:
    """One stream before its photographs are taken; one entry of `rows` and `labels` an image."""

    name: str
    source_images: Sequence[SourceImage]
    rows: Sequence[Sequence[int]]
    labels: Sequence[int] | np.ndarray
    labelled: bool
    per_step: int


def make_streams(
    config: Config,
    dataset: Dataset,
    *,
    graph: Graph,
    mask: Mask,
    class_nodes: np.ndarray,
    variants: Variants,
    elements: Sequence[SourceImage],
    compositions: Sequence[SourceImage],
) -> list[Stream]:
    """Returns the training streams; each example has the arrays of `methods.objective.Batch`.

    A source image's heads are its class and its class's variant in the source's style. A composition
    has one row for every fact that it shows or, labelled, the heads of a source image of its variant.
    """
    source_variants = variants_used_in(graph, variants, dataset.source, relation=config.kg.style_relation)

    def heads(label: int, variant: int | None) -> list[int]:
        return [mask.row(int(class_nodes[label]))] + ([] if variant is None else [mask.row(variant)])

    labels = labels_of(dataset.train, dataset.classes)
    rows_of_class = [heads(label, source_variants.get(int(node))) for label, node in enumerate(class_nodes)]
    rows = [rows_of_class[label] for label in labels]
    plans = [_Plan("train", dataset.train, rows, labels, True, config.train.batch_size)]
    if elements:
        rows = [mask.rows_for(image.depicts) for image in elements]
        labels = [0] * len(elements)
        plans.append(_Plan("elements", elements, rows, labels, False, config.synthetic.elements_per_step))
    if compositions:
        # Its label is the local name of its class node; a folder's class may be called otherwise.
        label_of_node = {local_name(graph.nodes[node]): label for label, node in enumerate(class_nodes)}
        labels = [label_of_node[local_name(image.label)] for image in compositions]
        rows = [mask.rows_for(image.depicts) for image in compositions]
        if config.synthetic.labelled:
            rows = [
                heads(label, closest_variant(graph, variants[int(class_nodes[label])], image.depicts))
                for label, image in zip(labels, compositions, strict=True)
            ]
        labelled, per_step = config.synthetic.labelled, config.synthetic.compositions_per_step
        plans.append(_Plan("compositions", compositions, rows, labels, labelled, per_step))
    width = max(len(row) for plan in plans for row in plan.rows)
    return [_take(config, dataset, plan, width) for plan in plans]


def _take(config: Config, dataset: Dataset, plan: _Plan, width: int) -> Stream:
    source = plan.name == "train"
    # Images of a generator are of the kind that the data set's are; our renderer's are drawings.
    generated = plan.name == "elements" and config.synthetic.manifest
    rendered = dataset.render_views or not (source or generated)
    views_per_image = config.data.train_views if source else config.synthetic.views
    views_per_image = views_per_image if rendered else 1
    read = None
    if isinstance(plan.source_images, Records):
        image = np.arange(len(plan.source_images))
        images, views_per_image, read = image, 1, _crops(config, plan).rows
    elif isinstance(plan.source_images, Vectors):
        images, image, views_per_image = plan.source_images.vectors, np.arange(len(plan.source_images)), 1
    else:
        views = render_views(config, plan.source_images, views_per_image, stream=plan.name, rendered=rendered)
        images, image = views.images, views.source
    if source:
        asked = {"fraction": config.fraction, "shots": config.shots, "subset": config.subset}
        held_out = [*dataset.validation, *dataset.domains.get(dataset.source, ())] if config.subset else []
        kept = kept_rows(plan.source_images, views_per_image, held_out=held_out, seed=config.data.split_seed, **asked)
        images, image = (images, image) if kept is None else (images[kept], image[kept])
    arrays = {
        "image": images,
        "label": np.asarray(plan.labels, np.int32)[image],
        "labelled": np.full(len(image), plan.labelled, np.float32),
        "mask_ids": pad_rows(plan.rows, width=width)[image],
    }
    if not source or config.augment.views == 1:
        return Stream(plan.name, arrays, plan.per_step, read)
    another = None if read else AnotherView(image, seed=config.seed)
    return Stream(plan.name, arrays, plan.per_step, read, views=config.augment.views, another=another)


class AnotherView:
    """From rows to other rows of the same image, drawn anew for each place; of an image's only one, that row."""

    def __init__(self, source: np.ndarray, *, seed: int) -> None:
        self._order = np.argsort(source, kind="stable")
        self._place = np.argsort(self._order, kind="stable")
        ordered = source[self._order]
        self._first = np.searchsorted(ordered, source, side="left")
        self._count = np.searchsorted(ordered, source, side="right") - self._first
        self._seed = seed

    def __call__(self, rows: np.ndarray, places: np.ndarray) -> np.ndarray:
        """Returns int64 [n] of rows [n] at places [n] of the stream's endless order."""
        first, others = self._first[rows], np.maximum(self._count[rows] - 1, 1)
        drawn = [np.random.Philox(key=self._seed, counter=int(place)).random_raw() for place in places]
        steps = np.where(self._count[rows] > 1, 1 + np.array(drawn, np.uint64) % others.astype(np.uint64), 0)
        return self._order[first + (self._place[rows] - first + steps.astype(np.int64)) % self._count[rows]]


def _crops(config: Config, plan: _Plan) -> Cropped:
    """Returns photographs as random crops, another one each time an image is shown."""
    augment = config.augment
    crop = RandomCrop(config.seed, plan.name, scale=(augment.crop_area, 1.0), mirror=augment.mirror)
    return Cropped(plan.source_images, CropReader(config.data.size_px, crop, threads=usable_cores()))


def labels_of(source_images: Sequence[SourceImage], classes: Sequence[str]) -> np.ndarray:
    """Returns the labels int32 `[n]` of images: positions of their classes."""
    if isinstance(source_images, (Records, Vectors)):
        return source_images.label
    label_of = {name: label for label, name in enumerate(classes)}
    return np.array([label_of[image.label] for image in source_images], np.int32)


def render_views(
    config: Config, source_images: Sequence[SourceImage], views_per_image: int, *, stream: str, rendered: bool
) -> RenderedViews:
    """Returns the photographs of the images, from the cache where they were taken before."""
    return build_render_cache(
        source_images,
        size_px=config.data.size_px,
        views_per_image=views_per_image,
        render_augmentation=RenderAugmentation() if rendered else None,
        seed=config.data.split_seed,
        stream=stream,
        cache_dir=cache_dir("views"),
    )
