"""The equations of TransH, DistMult, ComplEx, RotatE and NFE, each worked out by hand."""

import math

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from kgv_jax.embed.complex import complex_
from kgv_jax.embed.distmult import distmult
from kgv_jax.embed.model import Tables
from kgv_jax.embed.nfe import nfe
from kgv_jax.embed.rotate import rotate
from kgv_jax.embed.transh import transh


def _mu(*values, **more):
    return {"mu": jnp.array(values)} | {name: jnp.array(row) for name, row in more.items()}


@pytest.mark.parametrize(("distance", "by_hand"), [("l1", -19.0), ("l2", -13.0), ("l2_squared", -169.0)])
def test_transh(distance, by_hand):
    # h - t = (5, 10, 7) has 11 along the normal (0.6, 0.8, 0), so (-1.6, 1.2, 7) within the plane;
    # plus d, which lies in the plane, (4, -3, 12).
    h, t = _mu(6.0, 9.0, 8.0), _mu(1.0, -1.0, 1.0)
    r = _mu(5.6, -4.2, 5.0, normal=[0.6, 0.8, 0.0])
    np.testing.assert_allclose(transh(distance=distance).score(h, r, t), by_hand, rtol=1e-5)


def test_transh_puts_the_translation_into_the_plane():
    # (1, 0, 2) has 0.6 along (3, 4, 0) / 5.
    parameters = Tables({"mu": jnp.zeros((1, 3))}, {"mu": jnp.array([[1.0, 0, 2]]), "normal": jnp.array([[3.0, 4, 0]])})
    relations = transh().tables(parameters).relations
    np.testing.assert_allclose(relations["normal"], [[0.6, 0.8, 0]], rtol=1e-6)
    np.testing.assert_allclose(relations["mu"], [[0.64, -0.48, 2]], rtol=1e-5)


def test_distmult():
    h, r, t = _mu(1.0, 2.0), _mu(3.0, -1.0), _mu(2.0, 0.5)
    np.testing.assert_allclose(distmult().score(h, r, t), 6 - 1)
    np.testing.assert_allclose(distmult().score(t, r, h), 6 - 1)


def _complex(*values):
    return {"re": jnp.array([x.real for x in values]), "im": jnp.array([x.imag for x in values])}


def test_complex_has_a_direction():
    h, r, t = _complex(1 + 2j), _complex(3 - 1j), _complex(2 + 1j)
    np.testing.assert_allclose(complex_().score(h, r, t), 15)  # (5 + 5i)(2 - i) = 15 + 5i
    np.testing.assert_allclose(complex_().score(t, r, h), 9)  # (7 + i)(1 - 2i) = 9 - 13i


@pytest.mark.parametrize(("distance", "by_hand"), [("l1", -7.0), ("l2", -5.0), ("l2_squared", -25.0)])
def test_rotate(distance, by_hand):
    # A quarter and a half turn: (3 + 4i, 1) -> (-4 + 3i, -1); from (-4, 3) it is 3 and 4 away.
    model = rotate(distance=distance)
    nodes = {"re": jnp.array([[3.0, 1.0], [-4.0, 3.0]]), "im": jnp.array([[4.0, 0.0], [0.0, 0.0]])}
    tables = model.tables(Tables(nodes, {"phase": jnp.array([[math.pi / 2, math.pi]])}))
    (h, t), r = ({k: x[i] for k, x in nodes.items()} for i in (0, 1)), {k: x[0] for k, x in tables.relations.items()}
    np.testing.assert_allclose(model.score(h, r, t), by_hand, rtol=1e-5)


def test_nfe():
    h, r, t = _mu(2.0, sigma=[-0.5]), _mu(-1.0, sigma=[3.0]), _mu(1.0, sigma=[0.7])
    found = nfe().score(h, r, t)  # N(5, 1.5^2) and N(1, 0.7^2): 4^2 + 0.8^2
    np.testing.assert_allclose(found, -16.64, rtol=1e-6)
    share = (np.arange(100_000) + 0.5) / 100_000
    between = stats.norm.ppf(share, 5, 1.5) - stats.norm.ppf(share, 1, 0.7)
    np.testing.assert_allclose(found, -np.mean(between**2), rtol=1e-4)  # the distance by its definition
