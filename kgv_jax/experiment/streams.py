"""The streams that a training batch is made of: source images, element images, compositions."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from kgv_jax.config.schema import Config
from kgv_jax.data.augment import make_augment
from kgv_jax.data.crop import RandomCrop
from kgv_jax.data.low_data import kept_rows
from kgv_jax.data.pipeline import Pipeline, Stream, make_pipeline
from kgv_jax.data.scenes import Scene
from kgv_jax.data.types import Dataset, ImageSet, Reading, source_of_row
from kgv_jax.experiment.scenes import find_scenes
from kgv_jax.experiment.synthetic_images import SyntheticImages
from kgv_jax.kg.graph import Graph
from kgv_jax.kg.mask import Mask, pad_rows
from kgv_jax.kg.variants import Variants, closest_variant, variants_used_in


class _Part(NamedTuple):
    """One stream before its arrays are padded to the width of all; one entry of `mask_rows` per image."""

    name: str
    images: ImageSet
    mask_rows: Sequence[Sequence[int]]
    labelled: bool
    per_step: int


def build_pipeline(
    config: Config, streams: Sequence[Stream], *, process_index: int = 0, process_count: int = 1
) -> Pipeline:
    """Returns the batches of a run by step, augmented as `config.augment` says."""
    augment = make_augment(
        seed=config.seed,
        mixup=config.augment.mixup,
        cutmix=config.augment.cutmix,
        ops=config.augment.randaugment_ops,
        magnitude=config.augment.randaugment_magnitude,
        jitter=config.augment.jitter,
    )
    return make_pipeline(
        streams, seed=config.seed, process_index=process_index, process_count=process_count, augment=augment
    )


def make_streams(
    config: Config,
    dataset: Dataset,
    *,
    graph: Graph,
    mask: Mask,
    class_nodes: np.ndarray,
    variants: Variants,
    synthetic: SyntheticImages,
) -> list[Stream]:
    """Returns the training streams; each example has the arrays of `methods.objective.Batch`.

    The query nodes of a source image are its class and its class's variant in the style of the source domain. A
    composition has one mask row for every fact that it shows; labelled, it has the query nodes that a source image of
    its variant would have.
    """

    def query_rows(label: int, variant: int | None) -> list[int]:
        return [mask.row(int(class_nodes[label]))] + ([] if variant is None else [mask.row(variant)])

    # Source images: all mask rows follow from the class.
    images = _open_training_images(config, dataset)
    source_variants = variants_used_in(graph, variants, dataset.source, relation=config.kg.style_relation)
    rows_of_class = [query_rows(label, source_variants.get(int(node))) for label, node in enumerate(class_nodes)]
    rows = [rows_of_class[label] for label in images.labels]
    parts = [] if config.synthetic.alone else [_Part("train", images, rows, True, config.train.batch_size)]
    scenes = ()
    if config.synthetic.scenes == "photographs" and synthetic.legends is not None:
        scenes = find_scenes(
            images,
            graph,
            class_nodes,
            source=dataset.source,
            legends=synthetic.legends,
            margin=config.data.margin,
            seed=config.data.split_seed,
        )

    # Element images: what a generator made is of the kind that the data set's images are; our renderer makes drawings.
    if len(synthetic.elements):
        render = dataset.render_views or not config.synthetic.manifest
        images = synthetic.elements.open(_synthetic_reading(config, "elements", render=render, scenes=scenes))
        rows_of_image = {image.id: mask.rows_for(image.depicts) for image in synthetic.elements}
        rows = [rows_of_image[source_of_row(id)] for id in images.ids.tolist()]
        parts.append(_Part("elements", images, rows, False, config.synthetic.elements_per_step))

    if len(synthetic.compositions):
        images = synthetic.compositions.open(_synthetic_reading(config, "compositions", render=True, scenes=scenes))
        rows_of_image = {}
        for image, label in zip(synthetic.compositions, synthetic.compositions.labels, strict=True):
            if config.synthetic.labelled:
                variant = closest_variant(graph, variants[int(class_nodes[label])], image.depicts)
                rows_of_image[image.id] = query_rows(label, variant)
            else:
                rows_of_image[image.id] = mask.rows_for(image.depicts)
        rows = [rows_of_image[source_of_row(id)] for id in images.ids.tolist()]
        per_step = config.synthetic.compositions_per_step
        parts.append(_Part("compositions", images, rows, config.synthetic.labelled, per_step))

    # The width is that of all training images, so that low-data runs compile the same programs.
    of_classes = [rows_of_class[label] for label in np.unique(dataset.train.labels)]
    width = max(len(rows) for group in (of_classes, *(part.mask_rows for part in parts)) for rows in group)
    streams = [_to_stream(part, width) for part in parts]
    if config.augment.views > 1:
        another = _another_view(streams[0].images, seed=config.seed)
        streams[0] = dataclasses.replace(streams[0], views=config.augment.views, another=another)
    return streams


def _open_training_images(config: Config, dataset: Dataset) -> ImageSet:
    """Returns the images of the source that a run trains on, less those that a low-data run leaves out."""
    augment = config.augment
    reading = Reading(
        size_px=config.data.size_px,
        stream="train",
        seed=config.data.split_seed,
        views=config.data.train_views if dataset.render_views else 1,
        render=dataset.render_views,
        crop=RandomCrop(config.seed, "train", scale=(augment.crop_area, 1.0), mirror=augment.mirror),
    )
    images = dataset.train.open(reading)
    held_out = []
    if config.subset:
        tested = dataset.domains.get(dataset.source)
        held_out = [*dataset.validation.ids.tolist(), *(() if tested is None else tested.ids.tolist())]
    kept = kept_rows(
        images,
        fraction=config.fraction,
        shots=config.shots,
        subset=config.subset,
        held_out=held_out,
        seed=config.data.split_seed,
    )
    return images if kept is None else images.take(kept)


def _synthetic_reading(config: Config, stream: str, *, render: bool, scenes: Sequence[Scene] = ()) -> Reading:
    return Reading(
        size_px=config.data.size_px,
        stream=stream,
        seed=config.data.split_seed,
        views=config.synthetic.views if render else 1,
        render=render,
        extent=config.synthetic.extent,
        scenes=scenes,
    )


def _to_stream(part: _Part, width: int) -> Stream:
    count = len(part.images)
    arrays = {
        # An image without a class gets class 0, which no loss reads: `labelled` is 0 there.
        "label": np.maximum(part.images.labels, 0),
        "labelled": np.full(count, part.labelled, np.float32),
        "mask_ids": pad_rows(part.mask_rows, width=width),
    }
    return Stream(part.name, arrays, part.per_step, part.images)


def _another_view(images: ImageSet, *, seed: int) -> AnotherView | None:
    """Returns what finds other views of the same source images, or None where each has one row alone."""
    sources = np.array([source_of_row(id) for id in images.ids.tolist()], str)
    return AnotherView(sources, seed=seed) if len({*sources.tolist()}) < len(sources) else None


class AnotherView:
    """From rows to other rows of the same source image, chosen anew at each position of the stream.

    An image with a single row keeps that row.
    """

    def __init__(self, sources: np.ndarray, *, seed: int) -> None:
        self._order = np.argsort(sources, kind="stable")
        self._rank = np.argsort(self._order, kind="stable")
        ordered = sources[self._order]
        self._first = np.searchsorted(ordered, sources, side="left")
        self._count = np.searchsorted(ordered, sources, side="right") - self._first
        self._seed = seed

    def __call__(self, rows: np.ndarray, positions: np.ndarray) -> np.ndarray:
        """Returns int64 [n] for rows [n] at positions [n] of the stream's endless order."""
        first, others = self._first[rows], np.maximum(self._count[rows] - 1, 1)
        random = [np.random.Philox(key=self._seed, counter=int(position)).random_raw() for position in positions]
        steps = np.where(self._count[rows] > 1, 1 + np.array(random, np.uint64) % others.astype(np.uint64), 0)
        return self._order[first + (self._rank[rows] - first + steps.astype(np.int64)) % self._count[rows]]
