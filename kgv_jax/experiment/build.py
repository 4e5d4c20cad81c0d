"""From a config to what a run works on: images, graph, mask, training batches and test images.

Nothing here knows a method or touches a device.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from kgv_jax.config.schema import Config
from kgv_jax.data.pipeline import Pipeline
from kgv_jax.data.types import SEEN, Dataset, ImageSet
from kgv_jax.experiment.class_roles import Trained, find_parents, set_roles
from kgv_jax.experiment.examples import load_dataset, open_domains
from kgv_jax.experiment.mask import ablate, make_mask, rows_of_classes
from kgv_jax.experiment.streams import build_pipeline, make_streams
from kgv_jax.experiment.synthetic_images import make_synthetic_images
from kgv_jax.kg import load_named_graph
from kgv_jax.kg.graph import Graph
from kgv_jax.kg.mask import Mask
from kgv_jax.kg.variants import find_variants


@dataclasses.dataclass(frozen=True)
class Experiment:
    """Everything a run works on.

    Attributes:
      dataset: classes and lists of images.
      graph: the graph as the method reads it (after ablations).
      mask: its mask table.
      class_nodes: `[C]` node of each class.
      roles: `[C]` what each class is to training: `seen`, `unseen` or `validation`.
      class_rows: mask rows of each class: its own, then its variants'.
      parents: `[E, 2]` (child, parent) pairs of the hierarchical relations.
      pipeline: training batches by step.
      domains: the images that each domain is tested on, `validation` first.
      notes: what a user should know of images and graph (classes left out, triples dropped, ...).
    """

    dataset: Dataset
    graph: Graph
    mask: Mask
    class_nodes: np.ndarray
    roles: tuple[str, ...]
    class_rows: tuple[tuple[int, ...], ...]
    parents: np.ndarray
    pipeline: Pipeline
    domains: Mapping[str, ImageSet]
    notes: tuple[str, ...]

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Shape of one image as the encoder gets it, `(S, S, 3)`, or of one feature vector, `(F,)`."""
        return self.pipeline.streams[0].images.shape

    @property
    def image_dtype(self) -> np.dtype:
        """Type of the images as the encoder gets them: uint8 pixels, or float32 features."""
        return self.pipeline.streams[0].images.dtype


def build(
    config: Config, *, process_index: int = 0, process_count: int = 1, trained: Trained | None = None
) -> Experiment:
    """Builds the experiment of a config; `trained` is what was trained, where that was with another graph."""
    # The images, the graph, and which classes are held out.
    dataset = load_dataset(config, every_class=bool(trained or config.zero_shot.holds_out))
    graph, graph_notes = load_named_graph(config.kg.path, class_type=config.kg.class_type)
    dataset, class_nodes, roles = set_roles(config, dataset, graph, trained)
    variants = find_variants(graph, class_nodes, relation=config.kg.variant_relation)

    # Synthetic images follow the graph as it is. Only the method reads an ablated one.
    synthetic = make_synthetic_images(config, graph, dataset, class_nodes=class_nodes, roles=roles)
    ablated = ablate(config, graph, class_nodes)
    classes = {"class_nodes": class_nodes, "variants": variants}
    # A class that labelled compositions show is learnt from them, and competes like any other, photographs or not.
    shown = set(synthetic.compositions.labels.tolist()) if config.synthetic.labelled else set()
    learnt = [SEEN if label in shown else role for label, role in enumerate(roles)]
    mask = make_mask(config, ablated, **classes, roles=learnt, depicted=synthetic.depicted(), trained=trained)

    # What is trained and tested on.
    streams = make_streams(config, dataset, graph=graph, mask=mask, **classes, synthetic=synthetic)
    return Experiment(
        dataset=dataset,
        graph=ablated,
        mask=mask,
        class_nodes=class_nodes,
        roles=roles,
        class_rows=rows_of_classes(mask, **classes),
        parents=find_parents(config, ablated),
        pipeline=build_pipeline(config, streams, process_index=process_index, process_count=process_count),
        domains=open_domains(config, dataset),
        notes=dataset.notes + graph_notes + synthetic.notes,
    )
