"""Hierarchical losses against the sums of the paper, on a tree worked out by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kgv_jax import losses
from kgv_jax.kg.class_tree import make_class_tree, tree_distances
from kgv_jax.methods.hierarchy import hierarchical_cross_entropy, soft_labels
from tests import tiny

# Classes 0, 1 below 10; 2 below 11 and 12; 10, 11, 12 below 20. 12 gathers 2 and 3, so 2 keeps 11.
PARENTS = np.array([[0, 10], [1, 10], [2, 12], [2, 11], [3, 12], [10, 20], [11, 20], [12, 20], [7, 0]])
CLASSES = np.arange(4)


@pytest.fixture
def tree():
    return make_class_tree(PARENTS, CLASSES)


def test_hierarchical_cross_entropy_by_hand(tree):
    p = np.array([0.1, 0.2, 0.3, 0.4])
    logits, label = jnp.log(jnp.asarray(np.stack([p, p]), jnp.float32)) + 5, jnp.array([0, 2])
    found = hierarchical_cross_entropy(logits, label, tree, alpha=0.5)
    first = -(np.log(0.1 / 0.3) + np.exp(-0.5) * np.log(0.3 / 1))
    second = -(np.log(0.3 / 0.3) + np.exp(-0.5) * np.log(0.3 / 1))
    np.testing.assert_allclose(found, [first, second], rtol=1e-5)


def test_without_weights_it_is_cross_entropy(tree):
    logits = jax.random.normal(jax.random.key(0), (6, 4))
    label = jnp.array([0, 1, 2, 3, 1, 2])
    found = hierarchical_cross_entropy(logits, label, tree, alpha=0.0)
    np.testing.assert_allclose(found, losses.cross_entropy(logits, label), rtol=1e-5)
    certain = hierarchical_cross_entropy(jnp.array([[500.0, 0, 0, 0]]), jnp.array([3]), tree, alpha=0.1)
    assert np.isfinite(certain).all()


def test_a_class_above_others_is_learnt_like_them():
    # Classes 1 and 2 below class 0, which is below 10 as class 3 is.
    tree = make_class_tree(np.array([[1, 0], [2, 0], [0, 10], [3, 10]]), CLASSES)
    p = np.array([0.1, 0.2, 0.3, 0.4])
    logits = jnp.log(jnp.asarray(np.stack([p, p]), jnp.float32)) - 2
    label = jnp.array([0, 2])
    found = hierarchical_cross_entropy(logits, label, tree, alpha=0.5)
    expected = [-(np.log(own / 0.6) + np.exp(-0.5) * np.log(0.6)) for own in (0.1, 0.3)]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    plain = hierarchical_cross_entropy(logits, label, tree, alpha=0.0)
    np.testing.assert_allclose(plain, losses.cross_entropy(logits, label), rtol=1e-5)
    gradient = jax.grad(lambda x: hierarchical_cross_entropy(x, label, tree, alpha=0.0).sum())(logits)
    np.testing.assert_allclose(gradient, p - np.eye(4)[[0, 2]], rtol=1e-4, atol=1e-6)
    # What is above others is as near to them as they are to each other.
    np.testing.assert_array_equal(2 * tree_distances(tree), [[0, 1, 1, 2], [1, 0, 1, 2], [1, 1, 0, 2], [2, 2, 2, 0]])


def test_soft_labels_by_hand(tree):
    weights = np.exp([0, -0.5 * 3, -3, -3])
    np.testing.assert_allclose(soft_labels(tree, beta=3.0)[0], weights / weights.sum(), rtol=1e-5)
    np.testing.assert_allclose(soft_labels(tree, beta=1000.0), np.eye(4), atol=1e-6)


@pytest.mark.parametrize("method", ["hxe", "soft_labels"])
def test_the_objective_reads_the_tree_of_the_graph(method):
    problem = tiny.make(method, hierarchy__alpha=0.5, hierarchy__beta=2.0)
    batch = tiny.batch(problem.mask, 8)
    logits = jnp.asarray(np.random.default_rng(0).normal(size=(8, len(tiny.CLASSES))), jnp.float32)
    outputs = problem.classifier.apply(
        {"params": problem.init().params["classifier"]}, batch["image"], train=False
    )._replace(logits=logits)
    values = problem.objective.values({}, outputs, batch, problem.graph_arrays, jax.random.key(0))["ce"]
    # yield, stop below priority, no_entry below prohibition, parking below sign, the root.
    log_p = np.asarray(jax.nn.log_softmax(logits))
    for index, label in enumerate(batch["label"]):
        own = {0: (0, 1), 1: (0, 1), 2: (2,)}.get(int(label))
        if method == "hxe":
            # a category has height 1, and parking, which hangs on the root, 0.
            branch = np.logaddexp.reduce(log_p[index, list(own)]) if own else 0.0
            expected = -(log_p[index, label] - branch + np.exp(-0.5) * branch)
        else:
            distance = np.ones(4)
            distance[list(own or ())] = 0.5
            distance[label] = 0
            target = np.exp(-2.0 * distance) / np.exp(-2.0 * distance).sum()
            expected = -(target * log_p[index]).sum()
        np.testing.assert_allclose(values[index], expected, rtol=1e-4)
