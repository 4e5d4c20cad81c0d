"""Classes that training never shows are recognised by their facts; taken for negatives, they never are.

Six of nine classes are trained with their photographs. The other three are all that is red, so `hasColour red` is
stated by held-out classes alone, and red is known from its element images.
"""

import functools

import jax
import numpy as np

from kgv_jax.kg.held_out import find_ignored
from kgv_jax.kg.mask import make_mask
from kgv_jax.methods import make_objective
from kgv_jax.methods.graph_arrays import GraphArrays
from kgv_jax.models import registry
from kgv_jax.models.classifier import Classifier
from kgv_jax.models.spec import EncoderOptions
from kgv_jax.report.zero_shot import seen_unseen
from kgv_jax.run.gzsl_outcome import make_gzsl_outcome
from kgv_jax.train_step import make_eval_step
from tests import tiny
from tests.nine_classes import CLASSES, COLOURS, TEXTURES, draw, make_graph

STEPS = 120
NAMES, ELEMENTS = list(CLASSES), (*COLOURS, *TEXTURES)
HELD_OUT = [name for name in NAMES if name.startswith("red")]
UNSEEN = np.isin(NAMES, HELD_OUT)


@functools.cache
def _evaluated(*, negatives):
    """Returns the accuracies of the density head, nothing calibrated, and how far the decoder keeps unseen classes."""
    graph = make_graph()
    nodes = [graph.node(name) for name in NAMES]
    make = functools.partial(make_mask, graph, query_nodes=[*nodes, *map(graph.node, ELEMENTS)])
    mask = make()
    if not negatives:
        ignored = find_ignored(mask, [graph.node(name) for name in HELD_OUT])
        mask = make(ignored_nodes=ignored.nodes, ignored_facts=ignored.facts)
    rows = [[mask.row(node)] for node in nodes]
    graph_arrays = GraphArrays.from_mask(mask, class_nodes=nodes, class_rows=rows, parents=np.zeros((0, 2)))
    config = tiny.config("kgv", kgv__density_head="lift", model__dim=32, optim__learning_rate=0.01, train__steps=STEPS)
    encoder = registry.get("resnet_test").make(EncoderOptions(norm="group"))
    classifier = Classifier(encoder, num_classes=len(NAMES), dim=config.model.dim)
    problem = tiny.Tiny(config, mask, graph_arrays, classifier, make_objective(config, graph_arrays))

    rng = np.random.default_rng(0)
    step, state = jax.jit(problem.step()), problem.init()
    trained = [name for name in NAMES if name not in HELD_OUT]
    for _ in range(STEPS):
        real, shown = rng.choice(trained, 14), rng.choice(ELEMENTS, 10)
        elements = [draw(name if name in COLOURS else None, name if name in TEXTURES else None, rng) for name in shown]
        batch = {
            "image": np.stack([draw(*CLASSES[name], rng) for name in real] + elements),
            "label": np.array([NAMES.index(name) for name in real] + [0] * len(shown), np.int32),
            "labelled": np.repeat([1.0, 0.0], [len(real), len(shown)]).astype(np.float32),
            "mask_ids": np.array([[mask.row(name)] for name in (*real, *shown)], np.int32),
        }
        state, _ = step(state, batch, graph_arrays)
    label = np.repeat(np.arange(len(NAMES)), 20)
    images = np.stack([draw(*CLASSES[NAMES[k]], rng) for k in label])
    logits, scores = map(
        np.asarray, jax.jit(make_eval_step(classifier, problem.objective))(state, images, graph_arrays)
    )
    gzsl_outcome = make_gzsl_outcome(scores, label, np.arange(len(label)), unseen=UNSEEN, seen=~UNSEEN)
    return seen_unseen(gzsl_outcome), np.mean(logits[:, ~UNSEEN].max(1) - logits[:, UNSEEN].max(1))


def test_ignored_classes_are_recognised_and_negatives_are_not():
    ignored, _ = _evaluated(negatives=False)
    ruined, _ = _evaluated(negatives=True)
    assert ignored.unseen > 0.4 and ignored.seen > 0.6
    assert ruined.unseen < 0.05
    assert ignored.harmonic > ruined.harmonic + 0.4


def test_the_softmax_does_not_push_held_out_classes_down():
    _, ignored = _evaluated(negatives=False)
    _, pushed = _evaluated(negatives=True)
    assert pushed > ignored + 2
