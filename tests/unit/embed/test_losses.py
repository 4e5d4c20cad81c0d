"""The losses by hand, on three nodes on a line."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kgv_jax.embed import losses
from kgv_jax.embed.model import Tables
from kgv_jax.embed.registry import recipe
from kgv_jax.embed.transe import transe
from kgv_jax.util.errors import UserError

MODEL = transe(distance="l1")
TABLES = Tables({"mu": jnp.array([[0.0], [1.0], [3.0]])}, {"mu": jnp.array([[1.0]])})
TRIPLE = jnp.array([[0, 0, 1]])  # 0 + 1 - 1 = 0: it fits


def test_softmax_counts_every_node_on_both_sides():
    tails, heads = np.array([-1.0, 0.0, -2.0]), np.array([0.0, -1.0, -3.0])
    expected = np.log(np.exp(tails).sum()) + np.log(np.exp(heads).sum())
    found = losses.softmax()(MODEL, TABLES, TRIPLE, jax.random.key(0))
    np.testing.assert_allclose(found, [expected], rtol=1e-6)
    scaled = np.log(np.exp(2 * tails).sum()) + np.log(np.exp(2 * heads).sum())
    np.testing.assert_allclose(losses.softmax(scale=2.0)(MODEL, TABLES, TRIPLE, jax.random.key(0)), [scaled], rtol=1e-6)


def _softplus(x):
    return np.log1p(np.exp(x))


@pytest.mark.parametrize("kind", ["margin", "softplus", "nssa"])
def test_sampled_losses_by_hand(kind, monkeypatch):
    # Corruptions (0, 2) and (2, 1) score -2 and -3; the triple scores 0.
    sampled = jnp.array([[0, 2]]), jnp.array([[0, 0]]), jnp.array([[2, 1]])
    monkeypatch.setattr(losses, "corrupt", lambda *_: sampled)
    n = np.array([-2.0, -3.0])
    q = np.exp(n / 0.5) / np.exp(n / 0.5).sum()
    expected = {
        "margin": np.maximum(0, 2.5 + n).mean(),
        "softplus": (_softplus(0) + _softplus(n).sum()) / 3,
        "nssa": (_softplus(-2.5) + (q * _softplus(2.5 + n)).sum()) / 2,
    }[kind]
    loss = losses.sampled(kind, negatives=2, margin=2.5, temperature=0.5)
    np.testing.assert_allclose(loss(MODEL, TABLES, TRIPLE, jax.random.key(0)), [expected], rtol=1e-6)


def test_a_corruption_changes_one_side():
    triples = jnp.array([[5, 1, 6], [7, 0, 8]])
    h, r, t = losses.corrupt(triples, jax.random.key(0), 6, 5)  # true numbers are not below 5
    np.testing.assert_array_equal(r, [[1] * 6, [0] * 6])
    np.testing.assert_array_equal((h < 5), [[False] * 3 + [True] * 3] * 2)
    np.testing.assert_array_equal((t < 5), [[True] * 3 + [False] * 3] * 2)


def test_no_corruption_is_the_triple_itself_and_every_other_node_is_sampled():
    h, _, t = losses.corrupt(jnp.array([[0, 0, 2], [1, 0, 1]]), jax.random.key(0), 200, 3)
    assert [set(row.tolist()) for row in np.asarray(h)[:, 100:]] == [{1, 2}, {0, 2}]
    assert [set(row.tolist()) for row in np.asarray(t)[:, :100]] == [{0, 1}, {0, 2}]


def test_a_single_corruption_is_of_either_side():
    h, _, t = losses.corrupt(jnp.full((64, 3), 9), jax.random.key(0), 1, 5)
    of_tail = np.asarray(t < 5)
    np.testing.assert_array_equal(of_tail, h == 9)
    assert 10 < of_tail.sum() < 54


def test_an_unknown_loss_names_what_is_offered():
    with pytest.raises(UserError, match="margin, softplus, nssa"):
        losses.sampled("hinge", negatives=1)


# The nuclear 3-norm.
TRIPLES = jnp.array([[0, 0, 1], [1, 0, 1]])


def _nothing(_model, _tables, triples, _key):
    return jnp.full(len(triples), 10.0)


def test_means_are_cubed_row_by_row_of_the_triple():
    tables = Tables({"mu": jnp.array([[1.0, -2.0], [3.0, 0.0]])}, {"mu": jnp.array([[0.0, 2.0]])})
    found = losses.with_n3(_nothing, 0.5)(None, tables, TRIPLES, jax.random.key(0))
    np.testing.assert_allclose(found, [10 + (9 + 8 + 27) / 2, 10 + (27 + 8 + 27) / 2], rtol=1e-6)


def test_of_complex_numbers_the_moduli_are_cubed_and_inverses_count():
    rows = {"re": jnp.array([[3.0]]), "im": jnp.array([[4.0]])}
    inverses = {"inverse_re": jnp.array([[0.0]]), "inverse_im": jnp.array([[-2.0]])}
    np.testing.assert_allclose(losses.cubes(rows | inverses), [125 + 8], rtol=1e-6)


def test_n3_leaves_variances_alone():
    np.testing.assert_allclose(losses.cubes({"mu": jnp.array([[2.0]]), "var": jnp.array([[9.0]])}), [8], rtol=1e-6)


def test_the_gradient_of_n3_at_zero_is_zero():
    zero = {"re": jnp.zeros((1, 2)), "im": jnp.zeros((1, 2))}
    gradient = jax.grad(lambda rows: jnp.sum(losses.cubes(rows)))(zero)
    np.testing.assert_array_equal(gradient["re"], 0)


def test_a_recipe_adds_n3():
    with_it, without = recipe("distmult"), recipe("distmult").changed(n3=0.0)
    model = with_it.model()
    tables = model.tables(model.init(jax.random.key(0), 4, 1, 8))
    values = [made.loss_function()(model, tables, TRIPLES, jax.random.key(1)) for made in (with_it, without)]
    every = zip((tables.nodes, tables.relations, tables.nodes), TRIPLES.T, strict=True)
    h, r, t = ({"mu": rows["mu"][index]} for rows, index in every)
    expected = with_it.n3 * (losses.cubes(h) + losses.cubes(r) + losses.cubes(t))
    np.testing.assert_allclose(values[0] - values[1], expected, rtol=1e-3)
