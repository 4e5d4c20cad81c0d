"""The images that are made from the graph: of its elements one by one, and composed of the facts of classes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np

from kgv_jax.config.schema import Config
from kgv_jax.data import synthetic, synthetic_manifest
from kgv_jax.data.extract import ExtractedLegends
from kgv_jax.data.legend_sources import ArtworkLegends, MergedLegends
from kgv_jax.data.source_images import SourceImages
from kgv_jax.data.sources import SOURCES
from kgv_jax.data.synthetic import LegendSource
from kgv_jax.data.types import SEEN, Dataset, SourceImage
from kgv_jax.kg.graph import Graph
from kgv_jax.kg.names import local_name
from kgv_jax.util.errors import UserError

_STYLES = {"plain": synthetic.PLAIN_STYLES}


@dataclasses.dataclass(frozen=True)
class SyntheticImages:
    """What is made from the graph of a config.

    Attributes:
      elements: images of one node each, or, from a manifest, of several facts; without a class.
      compositions: signs composed of the facts of a class's variants; `label` is the class.
      notes: what the renderer could not render.
      legends: where their pictograms come from; None where nothing is made.
    """

    elements: SourceImages
    compositions: SourceImages
    notes: tuple[str, ...] = ()
    legends: LegendSource | None = None

    def depicted(self) -> set[tuple[str, str]]:
        """Returns the (relation, node) pairs that any of the images shows."""
        return {pair for image in (*self.elements, *self.compositions) for pair in image.depicts}


def make_synthetic_images(
    config: Config, graph: Graph, dataset: Dataset, *, class_nodes: np.ndarray, roles: Sequence[str]
) -> SyntheticImages:
    """Returns the images that `config.synthetic` asks for.

    Args:
      config: of the run.
      graph: as it was loaded. An ablation of the graph changes what the method reads, and no image.
      dataset: whose training images give legends, and whose evaluated images no element image may copy.
      class_nodes: `[C]` node of each class of the data set.
      roles: `[C]`. Held-out classes are composed only where `config.zero_shot.compositions` asks.

    Raises:
      UserError: the graph has nothing that can be rendered, or a manifest is not as it should be.
    """
    wanted = config.synthetic
    if not (wanted.elements or wanted.compositions):
        return SyntheticImages(SourceImages(), SourceImages())
    elements, compositions, notes = (), (), []

    # Images of single elements: from a folder with a manifest, or rendered here.
    if wanted.elements and wanted.manifest:
        elements, own = _read_elements(config, graph, dataset)
        notes += own
    legends = _legends(config, graph, dataset)
    if wanted.elements and not wanted.manifest:
        if unknown := synthetic.unknown_elements(graph, legends):
            notes.append(f"{len(unknown)} elements of the graph cannot be rendered: {_some(unknown)}")
        elements = synthetic.element_images(
            graph, legends=legends, per_element=wanted.per_element, seed=config.data.split_seed
        )
        if not elements:
            raise UserError(
                f"The renderer knows no shape, colour or legend of the graph {config.kg.path!r}, so method "
                f"{config.method!r} has no element images. Use method kgv_no_synthetic, or name nodes as the "
                "renderer does."
            )

    # Compositions of the facts that each class, or each of its variants, states.
    if wanted.compositions:
        label_of = {
            graph.nodes[node]: label
            for label, (node, role) in enumerate(zip(class_nodes, roles, strict=True))
            if config.zero_shot.compositions or role == SEEN
        }
        styles = _styles(config, graph) or None
        if unknown := synthetic.unknown_compositions(graph, [*label_of], legends=legends, styles=styles):
            notes.append(f"{len(unknown)} variants of classes cannot be composed: {_some(unknown)}")
        images = synthetic.composition_images(
            graph,
            [*label_of],
            legends=legends,
            styles=styles,
            per_variant=wanted.per_variant,
            seed=config.data.split_seed,
            legend_scale=wanted.legend_scale,
        )
        if not images:
            raise UserError(
                f"No class of the graph {config.kg.path!r} states a shape and a legend that the renderer knows, so "
                f"method {config.method!r} has nothing to compose. Use method kgv, or add hasShape and hasLegend."
            )
        compositions = _with_class_names(images, {local_name(n): dataset.classes[k] for n, k in label_of.items()})
    return SyntheticImages(SourceImages(elements), SourceImages(compositions, dataset.classes), tuple(notes), legends)


def _styles(config: Config, graph: Graph) -> list[str]:
    """Returns the styles to compose in; `domains` stands for those of the source and the targets, such as de and cn."""
    known = {local_name(graph.nodes[node]) for node in graph.nodes_of_type("Style")}
    # A country with several sets of images is called by it first: cn-tt100k.
    countries = [domain.partition("-")[0] for domain in (config.data.source, *config.data.targets)]
    own = [country for country in dict.fromkeys(countries) if country in known]
    return [style for name in config.synthetic.styles for style in (own if name == "domains" else [name])]


def _legends(config: Config, graph: Graph, dataset: Dataset) -> MergedLegends:
    sources = []
    if config.synthetic.legends in ("source", "both"):
        sources.append(ExtractedLegends(graph, dataset.train))
    if config.synthetic.legends == "artwork":
        sources.append(ArtworkLegends.for_graph(graph))
    if config.synthetic.legends in ("rendered", "both", "artwork"):
        chosen = config.synthetic.drawing_styles
        styles = _STYLES.get(chosen, synthetic.VARIED_STYLES)
        sources.append(synthetic.RenderedLegends.for_graph(graph, styles, plates=chosen == "plates"))
    return MergedLegends(sources)


def _read_elements(config: Config, graph: Graph, dataset: Dataset) -> tuple[tuple[SourceImage, ...], tuple[str, ...]]:
    """Returns the element images of `config.synthetic.manifest`, and notes on what they show."""
    name = config.synthetic.manifest
    prepared = {known: source.elements for known, source in SOURCES.items() if source.elements is not None}
    manifest = synthetic_manifest.read_manifest(prepared[name]() if name in prepared else name, graph)
    # What comes with a data set was compared with its images where it was prepared, and with no others.
    if name not in prepared or name != config.data.name:
        evaluated = [*dataset.validation, *(image for part in dataset.domains.values() for image in part)]
        synthetic_manifest.refuse_copies(manifest.images, evaluated)
    return manifest.images, synthetic_manifest.audit(manifest, graph)


def _with_class_names(images: Iterable[SourceImage], class_of: dict[str, str]) -> list[SourceImage]:
    """Returns compositions labelled with a class of the data set, which a folder may call otherwise than the graph."""
    return [dataclasses.replace(image, label=class_of[image.label]) for image in images]


def _some(names: Sequence[str], count: int = 8) -> str:
    return ", ".join(map(local_name, names[:count])) + (", ..." if len(names) > count else "")
