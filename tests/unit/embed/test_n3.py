"""The nuclear 3-norm by hand, and what it is taken of."""

import jax
import jax.numpy as jnp
import numpy as np

from kgv_jax.embed.model import Tables
from kgv_jax.embed.n3 import cubes, with_n3
from kgv_jax.embed.registry import recipe

TRIPLES = jnp.array([[0, 0, 1], [1, 0, 1]])


def _nothing(model, tables, triples, key):
    del model, tables, key
    return jnp.full(len(triples), 10.0)


def test_means_are_cubed_row_by_row_of_the_triple():
    tables = Tables({"mu": jnp.array([[1.0, -2.0], [3.0, 0.0]])}, {"mu": jnp.array([[0.0, 2.0]])})
    found = with_n3(_nothing, 0.5)(None, tables, TRIPLES, jax.random.key(0))
    np.testing.assert_allclose(found, [10 + (9 + 8 + 27) / 2, 10 + (27 + 8 + 27) / 2], rtol=1e-6)


def test_of_complex_numbers_the_moduli_are_cubed_and_inverses_count():
    rows = {"re": jnp.array([[3.0]]), "im": jnp.array([[4.0]])}
    inverses = {"inverse_re": jnp.array([[0.0]]), "inverse_im": jnp.array([[-2.0]])}
    np.testing.assert_allclose(cubes(rows | inverses), [125 + 8], rtol=1e-6)


def test_variances_are_left_alone():
    np.testing.assert_allclose(cubes({"mu": jnp.array([[2.0]]), "var": jnp.array([[9.0]])}), [8], rtol=1e-6)


def test_the_gradient_at_zero_is_zero():
    zero = {"re": jnp.zeros((1, 2)), "im": jnp.zeros((1, 2))}
    gradient = jax.grad(lambda rows: jnp.sum(cubes(rows)))(zero)
    np.testing.assert_array_equal(gradient["re"], 0)


def test_a_recipe_adds_it():
    with_it, without = recipe("distmult"), recipe("distmult").changed(n3=0.0)
    model = with_it.model()
    tables = model.tables(model.init(jax.random.key(0), 4, 1, 8))
    losses = [made.loss_function()(model, tables, TRIPLES, jax.random.key(1)) for made in (with_it, without)]
    every = zip((tables.nodes, tables.relations, tables.nodes), TRIPLES.T, strict=True)
    h, r, t = ({"mu": rows["mu"][index]} for rows, index in every)
    expected = with_it.n3 * (cubes(h) + cubes(r) + cubes(t))
    np.testing.assert_allclose(losses[0] - losses[1], expected, rtol=1e-3)
