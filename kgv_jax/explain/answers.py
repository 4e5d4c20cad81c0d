"""Test images with the answers of two runs beside each other, and the facts of the graph behind the second run's."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence

import numpy as np

from kgv_jax.config.schema import Config
from kgv_jax.data.render_augment import RENDER_SCALE, RenderAugmentation, render_view, view_rng
from kgv_jax.data.renderer.stated import stated_sign
from kgv_jax.data.synthetic import VARIED_STYLES, RenderedLegends, composition_images
from kgv_jax.data.types import source_of_row
from kgv_jax.experiment.class_roles import map_class_names
from kgv_jax.experiment.examples import load_dataset
from kgv_jax.kg import load_named_graph
from kgv_jax.kg.graph import Graph
from kgv_jax.kg.names import local_name
from kgv_jax.kg.variants import find_variants, variants_used_in
from kgv_jax.report.study import Run
from kgv_jax.util.errors import UserError, nearest

_SHOWN_PX = 96


@dataclasses.dataclass(frozen=True)
class Answer:
    """One test image.

    Attributes:
      id: of the image.
      truth: its class.
      first, second: what the two runs say.
      facts: what the graph states of the second run's answer where the image is from.
    """

    id: str
    truth: str
    first: str
    second: str
    facts: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Answers:
    """Images on which two runs disagree, and how often they do.

    Attributes:
      shown: at most one image of each class, in the order of a hash of their ids: nobody picked them.
      images: how many the domain has.
      only_first, only_second: images that only one of the runs gets right.
    """

    shown: tuple[Answer, ...]
    images: int
    only_first: int
    only_second: int


def find_answers(first: Run, second: Run, domain: str, *, count: int) -> Answers:
    """Compares two finished runs on a domain, each by its decoder.

    Raises:
      UserError: a run was not tested on the domain, or the two were tested on other images.
    """
    for run in (first, second):
        if domain not in run.domains:
            raise UserError(
                f"--domain is {domain!r}{nearest(domain, run.domains)}; {run.folder} was tested on "
                f"{', '.join(run.domains)}."
            )
    mine, theirs = first.predictions(domain), second.predictions(domain)
    if not np.array_equal(mine.id, theirs.id) or not np.array_equal(mine.classes, theirs.classes):
        raise UserError(f"{first.folder} and {second.folder} were tested on other images; name runs of one data set.")
    says = [found.classes[found.log_probabilities("decoder").argmax(-1)] for found in (mine, theirs)]
    truth = mine.classes[mine.label]
    right = [own == truth for own in says]
    describe = _Describe(second.config, tuple(map(str, mine.classes)), domain)
    shown: dict[str, Answer] = {}
    for row in sorted(np.flatnonzero(right[0] != right[1]).tolist(), key=lambda row: _rank(str(mine.id[row]))):
        name = str(truth[row])
        if len(shown) < count and name not in shown:
            answer = str(says[1][row])
            shown[name] = Answer(str(mine.id[row]), name, str(says[0][row]), answer, describe(answer))
    only = [int((right[k] & ~right[1 - k]).sum()) for k in (0, 1)]
    return Answers(tuple(shown.values()), len(truth), *only)


def read_images(config: Config, domain: str, ids: Sequence[str]) -> list[np.ndarray]:
    """Returns the images of a run's domain from the user's own copy of the data set, uint8 [s, s, 3] each."""
    of_id = {image.id: image for image in load_dataset(config).domains[domain]}
    return [of_id[source_of_row(id)].load(_SHOWN_PX)[..., :3] for id in ids]


def render_images(config: Config, domain: str, answers: Sequence[Answer]) -> list[np.ndarray]:
    """Returns composed signs of the same classes in the domain's style, uint8 [s, s, 3] each: no photograph."""
    graph, _ = load_named_graph(config.kg.path, class_type=config.kg.class_type)
    nodes = map_class_names(config, graph, [answer.truth for answer in answers])
    legends = RenderedLegends.for_graph(graph, VARIED_STYLES, plates=True)
    styles = [country] if (country := _country(domain)) in _styles(graph) else None
    found = []
    for node in nodes.tolist():
        images = composition_images(graph, [graph.nodes[node]], legends=legends, styles=styles, per_variant=1, seed=0)
        if not images:
            raise UserError(f"The renderer has no sign of {local_name(graph.nodes[node])}; leave --rendered out.")
        rng = view_rng(0, "figure", images[0].id, 0)
        found.append(render_view(images[0].load(round(RENDER_SCALE * _SHOWN_PX)), _SHOWN_PX, rng, RenderAugmentation()))
    return found


class _Describe:
    """From a class to the words of what the graph states of its variant in a domain."""

    def __init__(self, config: Config, classes: Sequence[str], domain: str) -> None:
        self._graph, _ = load_named_graph(config.kg.path, class_type=config.kg.class_type)
        nodes = map_class_names(config, self._graph, classes)
        variants = find_variants(self._graph, nodes, relation=config.kg.variant_relation)
        self._node = dict(zip(classes, nodes.tolist(), strict=True))
        self._variant = variants_used_in(self._graph, variants, _country(domain), relation=config.kg.style_relation)

    def __call__(self, name: str) -> tuple[str, ...]:
        node = self._node[name]
        stated = stated_sign(self._graph, self._variant.get(node, node))
        parts = {relation: self._label(tail) for relation, tail in stated.facts}
        words = [parts[key] for key in ("hasShape",) if key in parts]
        words += [f"{parts[key]} {what}" for key, what in _COLOURS.items() if key in parts]
        shown = [self._graph.labels[node] for node in (*stated.legends, *(mark for mark, _ in stated.marks))]
        return (*words, *shown)

    def _label(self, name: str) -> str:
        return self._graph.labels[self._graph.nodes.index(name)]


_COLOURS = {"hasBorderColour": "border", "hasFillColour": "field", "hasLegendColour": "legend"}


def _country(domain: str) -> str:
    return domain.partition("-")[0]


def _styles(graph: Graph) -> set[str]:
    return {local_name(graph.nodes[node]) for node in graph.nodes_of_type("Style")}


def _rank(id: str) -> bytes:
    return hashlib.blake2b(id.encode()).digest()
