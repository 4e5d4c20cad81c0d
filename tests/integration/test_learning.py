"""Learning uses the graph: wrong facts and missing element images both show in what is recognised.

Nine classes are three colours by three textures. Photographs of six are trained; the other three are known
by their facts alone, so that they are recognised only where the graph is right about them.
Unlabelled compositions show two facts at once, as those of `kgv_compose` do.
"""

import jax
import numpy as np
import pytest

from kgv_jax.kg.mask import make_mask
from kgv_jax.kg.transforms import permute_class_rows
from kgv_jax.methods import make_objective
from kgv_jax.methods.graph_arrays import GraphArrays
from kgv_jax.models import registry
from kgv_jax.models.classifier import Classifier
from kgv_jax.models.spec import EncoderOptions
from kgv_jax.train_step import make_eval_step
from tests import tiny
from tests.nine_classes import CLASSES, COLOURS, NOVEL, TEXTURES, draw, make_graph

STEPS = 200


def element_recall(scores, nodes, candidates):
    """Returns the share of element images whose own node scores highest among the candidates.

    `scores` `[n, N]` under `instanceOf`; `nodes` `[n]` what each image shows.
    """
    chosen = np.asarray(candidates)[scores[:, list(candidates)].argmax(-1)]
    return float(np.mean(chosen == nodes))


def _trained(*, shuffled=False, synthetic=True, seed=0):
    """Returns (accuracy of the density head on the untrained classes, recall of elements)."""
    graph = make_graph()
    nodes = [graph.node(name) for name in CLASSES]
    if shuffled:
        graph = permute_class_rows(graph, nodes, seed=seed)
    element_names = (*COLOURS, *TEXTURES)
    facts = [("hasColour", graph.node(c)) for c in COLOURS] + [("hasTexture", graph.node(t)) for t in TEXTURES]
    mask = make_mask(graph, query_nodes=[*nodes, *map(graph.node, element_names)], facts=facts)
    rows = [[mask.row(node)] for node in nodes]
    graph_arrays = GraphArrays.from_mask(mask, class_nodes=nodes, class_rows=rows, parents=np.zeros((0, 2)))
    config = tiny.config("kgv", kgv__density_head="facts", model__dim=32, optim__learning_rate=0.01, train__steps=STEPS)
    encoder = registry.get("resnet_test").make(EncoderOptions(norm="group"))
    classifier = Classifier(encoder, num_classes=len(CLASSES), dim=config.model.dim)
    problem = tiny.Tiny(config, mask, graph_arrays, classifier, make_objective(config, graph_arrays))

    rng = np.random.default_rng(seed)
    names, step, state = list(CLASSES), jax.jit(problem.step()), problem.init()
    trained = [name for name in names if name not in NOVEL]

    def element(name):
        return draw(name if name in COLOURS else None, name if name in TEXTURES else None, rng)

    def facts_of(name):
        colour, texture = CLASSES[name]
        return [mask.fact_row("hasColour", colour), mask.fact_row("hasTexture", texture)]

    for _ in range(STEPS):
        real, shown, composed = rng.choice(trained, 12), rng.choice(element_names, 10), rng.choice(names, 10)
        heads = [[mask.row(n), -1] for n in real]
        made = [[mask.row(n), -1] for n in shown] + [facts_of(n) for n in composed]
        batch = {
            "image": np.stack(
                [draw(*CLASSES[n], rng) for n in real]
                + [element(n) for n in shown]
                + [draw(*CLASSES[n], rng) for n in composed]
            ),
            "label": np.array([names.index(n) for n in real] + [0] * len(made), np.int32),
            "labelled": np.repeat([1.0, 0.0], [len(real), len(made)]).astype(np.float32),
            "mask_ids": np.array(heads + (made if synthetic else [[-1, -1]] * len(made)), np.int32),
        }
        state, _ = step(state, batch, graph_arrays)

    novel = [name for name in NOVEL for _ in range(30)]
    images = np.stack([draw(*CLASSES[name], rng) for name in novel])
    _, scores = jax.jit(make_eval_step(classifier, problem.objective))(state, images, graph_arrays)
    among = np.asarray(scores)[:, [names.index(name) for name in NOVEL]]
    accuracy = np.mean(np.array(NOVEL)[among.argmax(-1)] == novel)

    shown = [name for name in element_names for _ in range(15)]
    variables = {"params": state.params["classifier"]}
    z = jax.jit(lambda x: classifier.apply(variables, x, train=False).z)(np.stack([element(n) for n in shown]))
    score, _ = problem.objective.head.apply({"params": state.params["knowledge"]}, z)
    # As in training, an element competes with those of its own type.
    recalls = []
    for kind in (tuple(COLOURS), TEXTURES):
        own, nodes = np.isin(shown, kind), list(map(graph.node, kind))
        targets = np.array([graph.node(name) for name in np.array(shown)[own]])
        recalls.append(element_recall(np.asarray(score)[own, 0], targets, nodes))
    return accuracy, np.mean(recalls)


@pytest.fixture(scope="module")
def honest():
    return _trained()


def test_wrong_facts_lower_the_accuracy_of_the_density_head(honest):
    accuracy, _ = _trained(shuffled=True)
    assert honest[0] > 0.8
    assert accuracy < honest[0] - 0.3


def test_without_synthetic_images_fewer_elements_are_recalled(honest):
    _, recall = _trained(synthetic=False)
    assert honest[1] > 0.9
    assert recall < honest[1] - 0.05
