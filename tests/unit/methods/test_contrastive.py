"""Contrastive terms against sums written out, and what they may not be combined with."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kgv_jax import losses
from kgv_jax.util.errors import UserError
from tests import tiny


def test_the_loss_by_hand():
    score = np.log(np.array([[9.0, 2, 4, 1], [2, 9, 1, 3], [4, 1, 9, 5], [1, 3, 5, 9]]))
    positive = np.zeros((4, 4), bool)
    positive[0, [1, 2]] = positive[1, 0] = positive[2, 0] = True
    # Image 0 has two positives, 1 and 2, and image 3 is absent: the mean of the logarithms, not their logarithm.
    expected = [-(np.log(2 / 6) + np.log(4 / 6)) / 2, -np.log(2 / 3), -np.log(4 / 5), 0]
    found = losses.contrast(jnp.asarray(score), jnp.asarray(positive), jnp.array([True, True, True, False]))
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize(("method", "by", "temperature"), [("supcon", "label", 0.1), ("simclr", "group", 0.5)])
def test_what_is_pulled_together(method, by, temperature):
    problem = tiny.make(method)
    batch, state = tiny.batch(problem.mask, 12), problem.init()
    outputs = problem.classifier.apply(
        {"params": state.params["classifier"], "batch_stats": state.batch_stats}, batch["image"], train=False
    )
    values = problem.objective.values(
        state.params["knowledge"], outputs, batch, problem.graph_arrays, jax.random.key(0)
    )
    weights = problem.objective.weights(batch, problem.graph_arrays)
    hidden, out = state.params["knowledge"]["hidden"], state.params["knowledge"]["out"]
    u = np.maximum(outputs.z @ hidden["kernel"] + hidden["bias"], 0) @ out["kernel"] + out["bias"]
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    present = np.flatnonzero(batch["labelled"])
    assert len(present) < 12
    for i in range(12):
        own = [p for p in present if p != i and i in present and batch[by][p] == batch[by][i]]
        assert weights["contrast"][i] == (len(own) > 0)
        if own:
            exps = {a: np.exp(u[i] @ u[a] / temperature) for a in present if a != i}
            expected = -np.mean([np.log(exps[p] / sum(exps.values())) for p in own])
            np.testing.assert_allclose(values["contrast"][i], expected, rtol=1e-4)
    assert np.sum(weights["contrast"]) > 0


def test_micro_batches_are_refused():
    with pytest.raises(UserError, match=r"views is 2 with train\.accumulate > 1"):
        tiny.make("simclr", train__accumulate=2)


def test_mixed_views_are_refused():
    with pytest.raises(UserError, match=r"views is 2 with mixup or cutmix"):
        tiny.make("supcon", augment__mixup=0.2)
