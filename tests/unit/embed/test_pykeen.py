"""Scores against PyKEEN 1.11.1, whose numbers `python -m benchmarks.peers.kge_scores` prints."""

import jax.numpy as jnp
import numpy as np
import pytest

from kgv_jax.embed import gaussians, losses
from kgv_jax.embed.complex import complex_
from kgv_jax.embed.distmult import distmult
from kgv_jax.embed.model import Tables
from kgv_jax.embed.rotate import rotate
from kgv_jax.embed.transe import transe
from kgv_jax.embed.transh import transh

PYKEEN = {
    "transe l1": -2.1617171790604743,
    "transe l2": -1.3076672317321851,
    "transh": -1.1676618831374306,
    "distmult": -1.297305647657271,
    "complex": -2.2129956341553476,
    "rotate": -1.6261239941991372,
    "kg2e kl": -1.380701510563026,
}
# Theirs is m^2 / v + log v, without the constant and the factor -1/2 of the logarithm of an overlap: a cost.
PYKEEN_EL = 3.830322183893662
PYKEEN_LOSSES = {"margin": 0.43201322946288484, "nssa": 1.3603235269988134, "softplus": 0.4732717044171988}


def _wave(start):
    return np.sin(np.arange(start, start + 3))


H, R, T = map(_wave, (1, 4, 7))
H2, R2, T2 = map(_wave, (10, 13, 16))
VECTORS = [{"mu": x} for x in (H, R, T)]
PAIRS = [{"re": x, "im": y} for x, y in zip((H, R, T), (H2, R2, T2), strict=True)]
TURN = {"re": np.cos(R), "im": np.sin(R)}
OURS = {
    "transe l1": (transe(distance="l1"), VECTORS),
    "transe l2": (transe(), VECTORS),
    "transh": (transh(), [VECTORS[0], {"mu": R, "normal": R2 / np.linalg.norm(R2)}, VECTORS[2]]),
    "distmult": (distmult(), VECTORS),
    "complex": (complex_(), PAIRS),
    "rotate": (rotate(), [PAIRS[0], TURN, PAIRS[2]]),
    "kg2e kl": (
        gaussians.kg2e(), [{"mu": x, "var": 0.5 + y**2} for x, y in zip((H, R, T), (H2, R2, T2), strict=True)],
    ),
}  # fmt: skip


def test_the_overlap_is_pykeens_cost():
    _, rows = OURS["kg2e kl"]
    rows = ({key: jnp.asarray(x, jnp.float32) for key, x in row.items()} for row in rows)
    found = gaussians.kg2e(similarity="el").score(*rows)
    np.testing.assert_allclose(found, -0.5 * (PYKEEN_EL + 3 * np.log(2 * np.pi)), rtol=1e-5)


@pytest.mark.parametrize("name", PYKEEN_LOSSES)
def test_the_loss_is_pykeens(name, monkeypatch):
    """Two triples with four corruptions each; of the softplus a mean over all ten scores."""
    p, n = _wave(20)[:2], 2 * np.tile(_wave(30), (2, 2))[:, :4]
    scores = iter((jnp.asarray(p, jnp.float32), jnp.asarray(n, jnp.float32)))
    monkeypatch.setattr(losses, "score_triples", lambda *_: next(scores))
    monkeypatch.setattr(losses, "corrupt", lambda *_: (None, None, None))
    tables = Tables({"mu": jnp.zeros((1, 1))}, {})
    loss = losses.sampled(name, negatives=4, margin=1.5, temperature=0.5)
    found = loss(transe(), tables, jnp.zeros((2, 3), int), None)
    np.testing.assert_allclose(found.mean(), PYKEEN_LOSSES[name], rtol=1e-5)


@pytest.mark.parametrize("name", PYKEEN)
def test_the_score_is_pykeens(name):
    model, rows = OURS[name]
    score = model.score(*({key: jnp.asarray(x, jnp.float32) for key, x in row.items()} for row in rows))
    np.testing.assert_allclose(score, PYKEEN[name], rtol=1e-5)
