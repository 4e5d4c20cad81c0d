"""Scores against PyKEEN 1.11.1, whose numbers `python -m benchmarks.peers.kge_scores` prints."""

import jax.numpy as jnp
import numpy as np
import pytest

from kgv_jax.embed import gaussians
from kgv_jax.embed.complex import complex_
from kgv_jax.embed.distmult import distmult
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


@pytest.mark.parametrize("name", PYKEEN)
def test_the_score_is_pykeens(name):
    model, rows = OURS[name]
    score = model.score(*({key: jnp.asarray(x, jnp.float32) for key, x in row.items()} for row in rows))
    np.testing.assert_allclose(score, PYKEEN[name], rtol=1e-5)
