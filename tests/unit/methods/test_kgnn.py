"""KG-NN: what an image is pulled to, by the formula written out, and what stays as it was embedded."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import logsumexp

from kgv_jax.kg.mask import make_mask
from kgv_jax.methods import make_objective
from kgv_jax.methods.graph_arrays import GraphArrays
from kgv_jax.models.classifier import Outputs
from kgv_jax.optim.stages import plan_stages
from tests import tiny

GRAPH, LABEL = tiny.graph(), np.array([0, 1, 2, 3, 3, 1])
NODES = [GRAPH.node(name) for name in tiny.CLASSES]


@pytest.mark.parametrize("loss", ["nodes", "images"])
def test_images_and_class_nodes_by_hand(loss):
    mask = make_mask(GRAPH, query_nodes=NODES, hierarchy=tiny.HIERARCHY, relations=[])  # kg.keep=classes
    rows = [[mask.row(node)] for node in NODES]
    graph_arrays = GraphArrays.from_mask(mask, class_nodes=NODES, class_rows=rows, parents=np.zeros((0, 2)))
    config = tiny.config("kgnn", kgv__loss=loss, kgv__learn_temperature=False, kgv__temperature=0.5)
    objective = make_objective(config, graph_arrays)
    dim = config.model.dim
    z = np.random.default_rng(0).normal(size=(6, dim)).astype(np.float32)
    batch = {"label": LABEL, "labelled": np.ones(6, np.float32), "mask_ids": np.array(rows)[LABEL]}
    params = objective.init(jax.random.key(0))
    outputs = Outputs(jnp.asarray(z), jnp.zeros((6, len(tiny.CLASSES))), jnp.asarray(z))
    found = objective.values(params, outputs, batch, graph_arrays, jax.random.key(0))["reg"]
    assert (objective.weights(batch, graph_arrays)["reg"] == 1).all()
    gaps = ((z[:, None] + np.asarray(params["r"])[0] - np.asarray(params["mu"])[NODES]) ** 2).sum(-1)
    score = -0.5 * gaps / (0.5 * np.sqrt(dim))  # variances are 1; a density's constant cancels
    for image, own in enumerate(LABEL):
        against = score[image]  # the class nodes
        if loss == "images":  # the images of other classes, and itself, from its node
            against = np.append(score[own != LABEL, own], score[image, own])
        np.testing.assert_allclose(found[image], logsumexp(against) - score[image, own], rtol=1e-4, atol=1e-5)


def test_nodes_stay_and_a_linear_head_follows():
    align, head = plan_stages(tiny.config("kgnn", train__steps=10))
    assert set(align.frozen) == {"knowledge/mu", "knowledge/r"} and align.terms == ("reg",)
    assert head.terms == ("ce",) and {"encoder/.*", "projection/.*", "knowledge/.*"} == set(head.frozen)
    assert tiny.config("kgnn").kg.vectors and tiny.config("kgnn").kg.keep == "classes"
