"""Filtered ranks against a slow oracle, with many ties."""

import jax.numpy as jnp
import numpy as np
import pytest

from kgv_jax.embed import evaluate
from kgv_jax.embed.model import Model, Tables


def _slow_rank(score, target, others):
    counted = [s for node, s in enumerate(score) if node != target and node not in others]
    best = 1 + sum(s > score[target] for s in counted)
    worst = 1 + sum(s >= score[target] for s in counted)
    return (best + worst) / 2


@pytest.fixture
def problem():
    rng = np.random.default_rng(0)
    known = np.unique(rng.integers([6, 2, 6], size=(40, 3)), axis=0).astype(np.int32)
    scores = rng.integers(4, size=(6, 2, 6)).astype(np.float32)
    return known, scores


def _model(scores):
    """Scores read from a table `[N, R, N]`."""
    return Model(
        init=None,
        tables=lambda parameters: parameters,
        score=None,
        tails=lambda _, h, r: scores[h, r],
        heads=lambda _, r, t: scores[:, r, t].T,
    )


@pytest.mark.parametrize("batch", [7, 1024])
def test_filtered_ranks_equal_the_slow_oracle(problem, batch):
    known, scores = problem
    test = known[::3]
    facts = set(map(tuple, known.tolist()))
    heads, tails = [], []
    for h, r, t in test.tolist():
        heads.append(_slow_rank(scores[:, r, t], h, {x for x in range(6) if x != h and (x, r, t) in facts}))
        tails.append(_slow_rank(scores[h, r], t, {x for x in range(6) if x != t and (h, r, x) in facts}))
    parameters = Tables({"mu": np.zeros((6, 1))}, {})
    found = evaluate.filtered_ranks(_model(jnp.asarray(scores)), parameters, test, known, batch=batch)
    np.testing.assert_array_equal(found, [heads, tails])
    assert (found % 1 == 0.5).any()  # ties there are


def test_truths_are_the_graph(problem):
    known, _ = problem
    wanted = np.array([[0, 0, 5], [3, 1, 2], [0, 0, 1]], np.int32)
    for side in (0, 2):
        found = evaluate.truths(wanted, known, side, 6)
        for row, triple in zip(found, wanted, strict=True):
            for node in range(6):
                changed = triple.copy()
                changed[side] = node
                assert row[node] == (known == changed).all(1).any()


def test_metrics_by_hand():
    found = evaluate.metrics(np.array([[1.0, 2.0], [4.0, 1.5]]))
    assert found == pytest.approx(
        {"mrr": (1 + 1 / 2 + 1 / 4 + 2 / 3) / 4, "hits@1": 0.25, "hits@3": 0.75, "hits@10": 1}
    )
