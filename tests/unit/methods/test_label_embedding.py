"""ALE's ranking and compatibility, worked out by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kgv_jax.methods.label_embedding import class_attributes, ranking_loss
from tests import tiny


def test_the_ranking_by_hand():
    score = jnp.array([[2.0, 1.5, 0.5, 1.25], [3.0, 0.0, 1.0, -1.0], [0.0, 5.0, 0.0, 0.0]])
    # Image 0, label 0: classes 1 and 3 violate by 0.5 and 0.25. Image 1, label 1: 0, 2 by 4, 2 and 3 by 0: not at all.
    expected = [(1 + 1 / 2) / 2 * 0.75, (1 + 1 / 2) / 2 * 6, 0.0]
    np.testing.assert_allclose(ranking_loss(score, jnp.array([0, 1, 1])), expected, rtol=1e-6)


def test_one_more_violation_costs_the_next_harmonic_weight():
    losses = [float(ranking_loss(jnp.array([[0.0, *[0.0] * n, *[-9.0] * (5 - n)]]), jnp.array([0]))[0])
              for n in range(6)]  # fmt: skip
    np.testing.assert_allclose(losses, np.cumsum([0, 1, 1 / 2, 1 / 3, 1 / 4, 1 / 5]), rtol=1e-6)


def test_attributes_are_the_facts_of_a_class_and_its_variants():
    graph_arrays = tiny.graph_arrays(tiny.mask_table())
    phi = np.asarray(class_attributes(graph_arrays))
    graph, mask = tiny.graph(), tiny.mask_table()
    facts = [(mask.relations[r], graph.nodes[n]) for r, n in np.asarray(graph_arrays.facts).tolist()]
    share = {fact: value for fact, value in zip(facts, phi[tiny.CLASSES.index("yield")], strict=True) if value}
    assert share.keys() == {
        ("broader", "priority"), ("broader", "sign"), ("hasShape", "triangle"),
        ("hasColour", "red"), ("hasColour", "yellow"), ("variantOf", "yield"),
    }  # fmt: skip
    # Each colour belongs to one of two variants.
    np.testing.assert_allclose(share["hasColour", "red"] / share["hasShape", "triangle"], 0.5)
    np.testing.assert_allclose(np.linalg.norm(phi, axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize("loss", ["ranking", "ce"])
def test_the_compatibility_is_bilinear(loss):
    problem = tiny.make("ale", attributes__label_embedding=loss)
    batch, state = tiny.batch(problem.mask, 4), problem.init()
    outputs = problem.classifier.apply({"params": state.params["classifier"]}, batch["image"], train=False)
    kernel = state.params["knowledge"]["kernel"]
    score = outputs.z @ kernel @ class_attributes(problem.graph_arrays).T
    found = problem.objective.graph_logits(state.params["knowledge"], outputs, problem.graph_arrays)
    np.testing.assert_allclose(found, score, rtol=1e-4, atol=1e-5)
    values = problem.objective.values(
        state.params["knowledge"], outputs, batch, problem.graph_arrays, jax.random.key(0)
    )
    by_hand = {
        "ranking": ranking_loss(score, batch["label"]),
        "ce": -jax.nn.log_softmax(score)[np.arange(4), batch["label"]],
    }
    np.testing.assert_allclose(values["ale"], by_hand[loss], rtol=1e-4, atol=1e-5)


def test_held_out_classes_never_violate():
    score, label = jnp.array([[2.0, 5.0, 1.5, 9.0]]), jnp.array([0])
    among = jnp.array([True, False, True, False])
    np.testing.assert_allclose(ranking_loss(score, label, among), ranking_loss(score[:, ::2], label), rtol=1e-6)
    assert float(ranking_loss(score, label)[0]) > float(ranking_loss(score, label, among)[0])
