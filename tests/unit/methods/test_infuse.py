"""Infuse layers and their alignment against the equations."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kgv_jax.models.infuse import Infuse
from kgv_jax.util.errors import UserError
from tests import tiny


def test_the_layers_by_their_equations():
    layers, h = Infuse(2, 3, 0.5), np.random.default_rng(0).normal(size=(4, 6)).astype(np.float32)
    params = layers.init(jax.random.key(0), h, train=False)["params"]
    out, aligned = layers.apply({"params": params}, h, train=False)
    for number in range(2):
        p = h @ params[f"align{number}"]["kernel"] + params[f"align{number}"]["bias"]
        np.testing.assert_allclose(aligned[number], p, rtol=1e-4, atol=1e-5)
        inner = p @ params[f"infuse{number}"]["kernel"] + params[f"infuse{number}"]["bias"]
        h = h + 0.5 * inner * (1 + np.tanh(np.sqrt(2 / np.pi) * (inner + 0.044715 * inner**3)))
    np.testing.assert_allclose(out, h, rtol=1e-4, atol=1e-5)
    dropped = [layers.apply({"params": params}, h, train=True, rngs={"dropout": jax.random.key(k)})[0] for k in (1, 2)]
    assert (dropped[0] != dropped[1]).any()


@pytest.mark.parametrize("scales", ["graph", "triples,description", "triples,graph,description"])
@pytest.mark.parametrize("loss", ["contrastive", "cosine"])
def test_the_alignment_by_hand(scales, loss):
    problem = tiny.make("infuse", infuse__scales=scales, infuse__loss=loss, infuse__temperature=0.5)
    batch, state = tiny.batch(problem.mask, 6), problem.init()
    outputs = problem.classifier.apply({"params": state.params["classifier"]}, batch["image"], train=False)
    found = problem.objective.values(state.params["knowledge"], outputs, batch, problem.knowledge, jax.random.key(0))
    assert len(outputs.aligned) == len(state.params["knowledge"]) == len(scales.split(","))
    expected = np.zeros(6)
    for number, p in enumerate(outputs.aligned):
        k = state.params["knowledge"][f"scale{number}"]
        cosine = (p / np.linalg.norm(p, axis=1, keepdims=True)) @ (k / np.linalg.norm(k, axis=1, keepdims=True)).T
        for index, label in enumerate(batch["label"]):
            logits = cosine[index] / 0.5
            nll = np.log(np.exp(logits).sum()) - logits[label]
            expected[index] += nll if loss == "contrastive" else 1 - cosine[index, label]
    np.testing.assert_allclose(found["align"], expected, rtol=1e-4, atol=1e-5)
    gradient = jax.grad(
        lambda p: problem.objective.values(p, outputs, batch, problem.knowledge, jax.random.key(0))["align"].sum()
    )(state.params["knowledge"])
    assert not any(jnp.any(leaf) for leaf in jax.tree.leaves(gradient))


def test_a_decoder_that_does_not_read_the_layers_is_refused():
    with pytest.raises(UserError, match=r"model\.decoder = 'equiangular', which does not read the infuse layers"):
        tiny.config("infuse", model__decoder="equiangular")


def test_an_unknown_scale_is_refused():
    with pytest.raises(UserError, match=r"infuse\.scales has 'triple', did you mean 'triples'"):
        tiny.config("infuse", infuse__scales="triple")
