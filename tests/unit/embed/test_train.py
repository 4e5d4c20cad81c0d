"""Training: its batches, and a small graph that it must learn."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kgv_jax.embed import evaluate, gaussians, losses, train
from kgv_jax.embed.complex import complex_
from kgv_jax.embed.distmult import distmult
from kgv_jax.embed.nfe import nfe
from kgv_jax.embed.rotate import rotate
from kgv_jax.embed.transe import transe
from kgv_jax.embed.transh import transh

NODES = 12
# On a line of nodes: the next one, and the one after it.
LINE = np.array([(i, step - 1, i + step) for step in (1, 2) for i in range(NODES - step)], np.int32)


def test_an_epoch_sees_every_triple_once():
    triples = jnp.arange(30).reshape(10, 3)
    some, weight = train.batches(triples, jax.random.key(0), 4)
    assert some.shape == (3, 4, 3) and weight.sum() == 10
    np.testing.assert_array_equal(np.sort(some[weight == 1], 0), triples)
    other, _ = train.batches(triples, jax.random.key(1), 4)
    assert not np.array_equal(some, other)


def test_a_batch_may_be_larger_than_the_graph():
    some, weight = train.batches(jnp.arange(6).reshape(2, 3), jax.random.key(0), 5)
    assert some.shape == (1, 5, 3) and weight.tolist() == [[1, 1, 0, 0, 0]]


def _mrr_on_the_line(model, loss):
    settings = train.Settings(dim=8, epochs=60, batch=8, learning_rate=0.05)
    sizes = {"num_nodes": NODES, "num_relations": 2}
    found = train.fit(jnp.asarray(LINE), jax.random.key(0), model=model, loss=loss, **sizes, settings=settings)
    assert found.loss.shape == (60,) and found.loss[-1] < found.loss[0]
    return evaluate.metrics(evaluate.filtered_ranks(model, found.parameters, LINE, LINE))["mrr"]


@pytest.mark.parametrize("model", [transe(), gaussians.kg2e(), gaussians.kgv(lengths="free")])
@pytest.mark.parametrize("loss", [losses.softmax(), losses.sampled("nssa", negatives=8, margin=3.0)])
def test_a_line_is_learned(model, loss):
    assert _mrr_on_the_line(model, loss) > 0.7  # by chance 0.27


@pytest.mark.parametrize("model", [transh(), complex_(), rotate(), nfe()])
def test_a_line_is_learned_by_the_softmax(model):
    assert _mrr_on_the_line(model, losses.softmax()) > 0.7


def test_a_symmetric_score_cannot_report_ways_apart():
    # At best every tail is first and every head second, behind the tail's own tail; 1 of 11 and 2 of 10 have none.
    best = (21 + (10 / 2 + 1) + (8 / 2 + 2)) / 42
    assert 0.4 < _mrr_on_the_line(distmult(), losses.softmax()) < best + 1e-6


def test_the_key_decides():
    settings = train.Settings(dim=4, epochs=2, batch=8)
    model, loss = transe(), losses.softmax()

    def run(seed):
        return train.fit(
            jnp.asarray(LINE), jax.random.key(seed), model=model, loss=loss, num_nodes=NODES, num_relations=2,
            settings=settings,
        ).parameters.nodes["mu"]  # fmt: skip

    np.testing.assert_array_equal(run(0), run(0))
    assert not np.array_equal(run(0), run(1))
