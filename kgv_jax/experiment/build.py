"""From a config to what a run works on: images, graph, mask rows, batches, test photographs.

Nothing here knows a method or touches a device.
"""

from __future__ import annotations

import dataclasses
import functools
import pathlib
from collections.abc import Callable, Mapping, Sequence
from importlib import resources

import numpy as np

from kgv_jax.config.schema import Config
from kgv_jax.data import synthetic, synthetic_manifest
from kgv_jax.data.augment import make_augment
from kgv_jax.data.crop import CentreCrop
from kgv_jax.data.encoded import CropReader
from kgv_jax.data.extract import ExtractedLegends
from kgv_jax.data.legend_sources import MergedLegends
from kgv_jax.data.pipeline import Pipeline, make_pipeline
from kgv_jax.data.prepare import emoji_elements
from kgv_jax.data.records import Cropped, Records
from kgv_jax.data.sources import (
    artwork,
    cars,
    emoji,
    fake,
    folder,
    imagenet,
    rendered_signs,
    road_photographs,
    zero_shot_features,
)
from kgv_jax.data.types import SEEN, VALIDATION, Dataset, SourceImage
from kgv_jax.data.vectors import Vectors
from kgv_jax.experiment.class_roles import Trained, find_parents, set_roles
from kgv_jax.experiment.streams import labels_of, make_streams, render_views
from kgv_jax.kg import closure, held_out, transforms, wordnet_graph
from kgv_jax.kg import emoji as emoji_graph
from kgv_jax.kg import fake as fake_graph
from kgv_jax.kg.graph import Graph
from kgv_jax.kg.load import load_graph
from kgv_jax.kg.mask import INSTANCE_OF, Mask, make_mask
from kgv_jax.kg.names import local_name
from kgv_jax.kg.variants import Variants, find_variants
from kgv_jax.util.cores import usable_cores
from kgv_jax.util.errors import UserError, nearest

# Name -> path of a file that is written when asked for.
GENERATED_GRAPHS = {
    "emoji": emoji_graph.graph_path,
    "fake": fake_graph.graph_path,
    **{f"imagenet-{ids}": functools.partial(wordnet_graph.graph_path, ids) for ids in ("mini", "1k", "22k")},
}


_HELD_OUT = {"validation_fraction": "validation_fraction"}
_FOLDER = _HELD_OUT | {"root": "root"}
# Name -> folder of element images with a manifest that preparing a data set wrote.
GENERATED_MANIFESTS = {"emoji": emoji_elements.elements_folder}
# Name of a data set -> its loader, and which settings of `config.data` are which of its arguments.
_SOURCES: Mapping[str, tuple[Callable[..., Dataset], Mapping[str, str]]] = {
    "rendered": (rendered_signs.load, _HELD_OUT),
    "artwork": (artwork.load, _HELD_OUT),
    "emoji": (emoji.load, _HELD_OUT),
    "folder": (folder.load, _FOLDER | {"render_views": "render_views"}),
    "imagenet": (imagenet.load, _FOLDER | {"class_list": "class_list"}),
    "road_photographs": (road_photographs.load, _FOLDER),
    "cars": (cars.load, _FOLDER | {"shift": "shift"}),
    "zero_shot_features": (zero_shot_features.load, _FOLDER),
    "fake": (
        fake.load,
        {"classes": "fake_classes", "images": "fake_images", "test_images": "fake_test_images"},
    ),
}

_OPEN = ("folder",)  # whose targets may have classes that the source does not have


@dataclasses.dataclass(frozen=True)
class Examples:
    """Photographs to test on: `image` `[n, S, S, 3]` uint8 (of feature vectors `[n, F]` float32), `label` `[n]`,
    `image` and `id` names `[n]`.

    `also` `[n, K]` are other labels that are right too, -1 pads.
    """

    image: np.ndarray | Cropped
    label: np.ndarray
    group: np.ndarray
    id: np.ndarray
    also: np.ndarray


@dataclasses.dataclass(frozen=True)
class Experiment:
    """Everything a run works on.

    Attributes:
      dataset: classes and images.
      graph: the graph as the method sees it (after ablations).
      mask: its mask table.
      class_nodes: `[C]` node of each class.
      roles: `[C]` what each class is to training (`predictions.py`).
      class_rows: mask rows of each class: its own, then its variants'.
      parents: `[E, 2]` (child, parent) pairs of the hierarchical relations.
      pipeline: training batches by step.
      domains: test photographs by domain, `validation` first.
      notes: what a user should be told.
      vector_width: width of the feature vectors that are there in place of images; 0 of images.
    """

    dataset: Dataset
    graph: Graph
    mask: Mask
    class_nodes: np.ndarray
    roles: tuple[str, ...]
    class_rows: tuple[tuple[int, ...], ...]
    parents: np.ndarray
    pipeline: Pipeline
    domains: Mapping[str, Examples]
    notes: tuple[str, ...]
    vector_width: int = 0


def load_dataset(config: Config, *, every_class: bool = False) -> Dataset:
    """Loads the images that `config.data` names; `every_class`: those too of classes that the source lacks."""
    data = config.data
    load, settings = _SOURCES[data.name]
    options = {argument: getattr(data, setting) for argument, setting in settings.items()}
    if every_class and data.name in _OPEN:
        options["every_class"] = True
    return load(source=data.source, targets=data.targets, seed=data.split_seed, **options)


def load_knowledge_graph(config: Config) -> tuple[Graph, tuple[str, ...]]:
    """Loads the graph file, or one that comes with the package, and what was dropped from it."""
    path = pathlib.Path(config.kg.path)
    if not path.suffix:
        graphs = resources.files("kgv_jax.kg") / "graphs"
        shipped = {pathlib.Path(file.name).stem: file for file in graphs.iterdir() if file.name.endswith(".ttl")}
        names = sorted((*shipped, *GENERATED_GRAPHS))
        if config.kg.path not in names:
            raise UserError(
                f"config.kg.path is {config.kg.path!r}{nearest(config.kg.path, names)}; expected a file (.ttl, .nt, "
                f".rdf, .csv, .tsv), or one that comes with the package: {', '.join(names)}."
            )
        if config.kg.path in GENERATED_GRAPHS:
            path = GENERATED_GRAPHS[config.kg.path]()
        else:
            path = pathlib.Path(str(shipped[config.kg.path]))
    loaded = load_graph(path, class_types=(config.kg.class_type,))
    report = loaded.report
    notes = (
        f"{path.name}: dropped {count} ({reason}), first on line {report.lines[reason][0]}"
        for reason, count in report.dropped.items()
    )
    return loaded.graph, tuple(notes)


def build(
    config: Config, *, process_index: int = 0, process_count: int = 1, trained: Trained | None = None
) -> Experiment:
    """Builds the experiment of a config; `trained` is what was trained, where its graph was another one."""
    dataset = load_dataset(config, every_class=bool(trained or config.zero_shot.holds_out))
    graph, graph_notes = load_knowledge_graph(config)
    dataset, class_nodes, roles = set_roles(config, dataset, graph, trained)
    is_held = np.array([role != SEEN for role in roles])
    # Images are drawn from the graph as it is; an ablation changes what the method is told about them.
    composed = class_nodes if config.zero_shot.compositions and not config.synthetic.labelled else class_nodes[~is_held]
    elements, compositions, undrawn = _synthetic_images(config, graph, composed, dataset)
    seen = graph
    if config.kg.permute_classes:
        seen = transforms.permute_class_rows(
            graph,
            class_nodes,
            seed=config.seed,
            variant_of=config.kg.variant_relation,
            style=config.kg.style_relation,
        )
    if config.kg.random_facts:
        seen = transforms.randomise_class_facts(
            seen, class_nodes, seed=config.seed, variant_of=config.kg.variant_relation
        )
    variants = find_variants(graph, class_nodes, relation=config.kg.variant_relation)
    held = [member for node in class_nodes[is_held].tolist() for member in (node, *variants[node])]
    mask = _mask_table(
        config,
        seen,
        class_nodes,
        variants,
        elements + compositions,
        held=[] if config.zero_shot.negatives else held,
        trained=trained,
    )
    streams = make_streams(
        config,
        dataset,
        graph=graph,
        mask=mask,
        class_nodes=class_nodes,
        variants=variants,
        elements=elements,
        compositions=compositions,
    )
    return Experiment(
        dataset=dataset,
        graph=seen,
        mask=mask,
        class_nodes=class_nodes,
        roles=roles,
        class_rows=tuple(
            (mask.row(int(node)), *(mask.row(variant) for variant in variants[int(node)])) for node in class_nodes
        ),
        parents=find_parents(config, seen),
        pipeline=make_pipeline(
            streams,
            seed=config.seed,
            process_index=process_index,
            process_count=process_count,
            augment=make_augment(
                seed=config.seed,
                mixup=config.augment.mixup,
                cutmix=config.augment.cutmix,
                ops=config.augment.randaugment_ops,
                magnitude=config.augment.randaugment_magnitude,
            ),
        ),
        domains=_test_examples(config, dataset),
        notes=dataset.notes + graph_notes + undrawn,
        vector_width=dataset.train.features.shape[1] if isinstance(dataset.train, Vectors) else 0,
    )


def _kept_relations(config: Config, graph: Graph) -> list[str]:
    """Returns the full names of relations that give positives; what is left out still protects (see `kg.mask`)."""
    asked = {graph.relation(name) for name in config.kg.relations}
    levels = closure.present(graph, config.kg.hierarchy)
    kept = {"all": {True, False}, "hierarchy": {True}, "association": {False}, "classes": set()}[config.kg.keep]
    return [
        name
        for index, name in enumerate(graph.relations)
        if (not asked or index in asked) and (index in levels) in kept
    ]


def _synthetic_images(
    config: Config, graph: Graph, class_nodes: np.ndarray, dataset: Dataset
) -> tuple[tuple[SourceImage, ...], tuple[SourceImage, ...], tuple[str, ...]]:
    """Returns element images, compositions, and notes of what the renderer could not draw."""
    wanted = config.synthetic
    if not (wanted.elements or wanted.compositions):
        return (), (), ()
    drawing_styles = []
    if wanted.legends in ("source", "both"):
        drawing_styles.append(ExtractedLegends(graph, dataset.train))
    if wanted.legends in ("rendered", "both"):
        drawn_by = {"varied": synthetic.VARIED_STYLES, "plain": synthetic.PLAIN_STYLES}[wanted.drawing_styles]
        drawing_styles.append(synthetic.RenderedLegends.for_graph(graph, drawn_by))
    legends = MergedLegends(drawing_styles)
    seed = config.data.split_seed
    elements = compositions = ()
    notes = []
    if wanted.elements and wanted.manifest:
        prepared = GENERATED_MANIFESTS.get(wanted.manifest)
        made = synthetic_manifest.read_manifest(prepared() if prepared else wanted.manifest, graph)
        if prepared is None or wanted.manifest != config.data.name:
            # What comes with a data set was compared with its images where it was prepared, and with no others.
            evaluated = [
                *dataset.validation,
                *(source_image for part in dataset.domains.values() for source_image in part),
            ]
            synthetic_manifest.refuse_copies(made.images, evaluated)
        elements, notes = made.images, [*synthetic_manifest.audit(made, graph)]
    elif wanted.elements:
        if unknown := synthetic.unknown_elements(graph, legends):
            notes.append(f"{len(unknown)} elements of the graph cannot be drawn: {_some(unknown)}")
        elements = synthetic.element_images(graph, legends=legends, per_element=wanted.per_element, seed=seed)
        if not elements:
            raise UserError(
                f"The renderer knows no shape, colour or legend of the graph {config.kg.path!r}, so method "
                f"{config.method!r} has no element images. Use method kgv_no_synthetic, or name nodes as the "
                "renderer does."
            )
    if wanted.compositions:
        classes = [graph.nodes[node] for node in class_nodes]
        styles = wanted.styles or None
        if unknown := synthetic.unknown_compositions(graph, classes, legends=legends, styles=styles):
            notes.append(f"{len(unknown)} variants of classes cannot be composed: {_some(unknown)}")
        compositions = synthetic.composition_images(
            graph, classes, legends=legends, styles=styles, per_variant=wanted.per_variant, seed=seed
        )
        if not compositions:
            raise UserError(
                f"No class of the graph {config.kg.path!r} states a shape and a legend that the renderer knows, so "
                f"method {config.method!r} has nothing to compose. Use method kgv, or add hasShape and hasLegend."
            )
    return elements, compositions, tuple(notes)


def _some(names: Sequence[str], count: int = 8) -> str:
    return ", ".join(map(local_name, names[:count])) + (", ..." if len(names) > count else "")


def _mask_table(
    config: Config,
    graph: Graph,
    class_nodes: np.ndarray,
    variants: Variants,
    source_images: Sequence[SourceImage],
    *,
    held: Sequence[int],
    trained: Trained | None,
) -> Mask:
    """Returns the mask; `held` are the nodes of held-out classes and their variants, ignored in every row.

    Nodes and relations that are not trained say nothing.
    """
    depicted = {pair for source_image in source_images for pair in source_image.depicts}
    elements = {graph.node(node) for relation, node in depicted if relation == INSTANCE_OF}
    facts = sorted((relation, graph.node(node)) for relation, node in depicted if relation != INSTANCE_OF)
    query_nodes = [*map(int, class_nodes), *(v for node in class_nodes for v in variants[int(node)]), *sorted(elements)]
    make = functools.partial(
        make_mask,
        graph,
        query_nodes=list(dict.fromkeys(query_nodes)),
        facts=facts,
        hierarchy=config.kg.hierarchy,
        candidates=config.kg.candidates,
        inherit=config.kg.inherit,
    )
    relations = _kept_relations(config, graph)
    if trained is not None:
        relations = [name for name in relations if local_name(name) in trained.relations]
        known = {*trained.nodes} - {*trained.hidden}
        ignored = sorted({*held, *(index for index, name in enumerate(graph.nodes) if name not in known)})
        mask = make(relations=relations, ignored_nodes=ignored)
        stated = {(mask.relations[j], k) for j, k in zip(*(cells.tolist() for cells in mask.positive[1:]), strict=True)}
        asked = {(relation, graph.nodes.index(name)) for relation, name in trained.facts if name in graph.nodes}
        return make(relations=relations, ignored_nodes=ignored, ignored_facts=sorted(stated - asked))
    if not held:
        return make(relations=relations)
    ignored = held_out.find_ignored(make(relations=relations), held)
    return make(relations=relations, ignored_nodes=ignored.nodes, ignored_facts=ignored.facts)


def test_stream(domain: str) -> str:
    """Returns the name of the stream whose photographs a domain is tested on."""
    return f"test-{domain}"


def _test_examples(config: Config, dataset: Dataset) -> dict[str, Examples]:
    each = config.data.test_views if dataset.render_views else 1
    domains = {}
    for name, source_images in {VALIDATION: dataset.validation, **dataset.domains}.items():
        if not len(source_images):
            continue
        label = labels_of(source_images, dataset.classes)
        if isinstance(source_images, Records):
            reader = CropReader(config.data.size_px, CentreCrop(source_images.crop_share), threads=usable_cores())
            ids = np.array(source_images.ids(np.arange(len(source_images))))
            domains[name] = Examples(Cropped(source_images, reader), label, ids, ids, source_images.also)
            continue
        if isinstance(source_images, Vectors):
            ids = np.array(source_images.ids(np.arange(len(source_images))))
            domains[name] = Examples(source_images.vectors, label, ids, ids, source_images.also)
            continue
        views = render_views(config, source_images, each, stream=test_stream(name), rendered=dataset.render_views)
        ids = np.array([source_image.id for source_image in source_images])
        number = np.arange(len(views.source)) % each
        domains[name] = Examples(
            image=views.images,
            label=label[views.source],
            group=ids[views.source],
            id=np.array([f"{ids[p]}#{k}" for p, k in zip(views.source, number, strict=True)]),
            also=np.zeros((len(views.source), 0), np.int32),
        )
    return domains
