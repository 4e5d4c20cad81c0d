"""Every model: its formula by hand, and all nodes at once against one by one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, stats

from kgv_jax.embed import gaussians
from kgv_jax.embed.complex import complex_
from kgv_jax.embed.distmult import distmult
from kgv_jax.embed.model import score_triples
from kgv_jax.embed.nfe import nfe
from kgv_jax.embed.rotate import rotate
from kgv_jax.embed.transe import transe
from kgv_jax.embed.transh import transh
from kgv_jax.scoring.gaussian import kl_divergence, log_density
from kgv_jax.util.errors import UserError

MODELS = {
    "transe l1": transe(distance="l1"),
    "transe l2": transe(),
    "transe l2 on the sphere": transe(lengths="sphere"),
    "transe squared": transe(distance="l2_squared"),
    "kg2e kl": gaussians.kg2e(),
    "kg2e el": gaussians.kg2e(similarity="el"),
    "kgv": gaussians.kgv(),
    "transh l1": transh(distance="l1"),
    "transh l2": transh(),
    "transh squared": transh(distance="l2_squared"),
    "distmult": distmult(),
    "complex": complex_(),
    "rotate l1": rotate(distance="l1"),
    "rotate l2": rotate(),
    "rotate squared": rotate(distance="l2_squared"),
    "nfe": nfe(),
}
NODES, RELATIONS, DIM = 5, 3, 4


def _parameters(model, seed=0):
    """Parameters with means and variances well apart, where a mistake shows."""
    start = model.init(jax.random.key(0), NODES, RELATIONS, DIM)
    rng = np.random.default_rng(seed)
    return jax.tree.map(lambda x: x + rng.normal(size=x.shape).astype(np.float32), start)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("batch", [3, 7])  # fewer and more than nodes
def test_all_nodes_at_once_score_as_one_by_one(name, batch):
    model = MODELS[name]
    tables = model.tables(_parameters(model))
    rng = np.random.default_rng(1)
    known, r = rng.integers(NODES, size=batch), rng.integers(RELATIONS, size=batch)
    every = np.arange(NODES)
    tails = score_triples(model, tables, known[:, None], r[:, None], every)
    heads = score_triples(model, tables, every, r[:, None], known[:, None])
    assert tails.shape == (batch, NODES)
    np.testing.assert_allclose(model.tails(tables, known, r), tails, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(model.heads(tables, r, known), heads, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "name", ["transe l2", "kg2e kl", "kgv", "transh l2", "distmult", "complex", "rotate l2", "nfe"]
)
def test_gradients_of_all_nodes_at_once_are_those_of_one_by_one(name):
    model = MODELS[name]
    parameters = _parameters(model)
    known, r, every = np.array([0, 1, 4, 1, 2, 3]), np.array([0, 1, 2, 0, 0, 1]), np.arange(NODES)

    def fast(parameters):
        tables = model.tables(parameters)
        return jnp.sum(jnp.tanh(model.tails(tables, known, r)) + jnp.sin(model.heads(tables, r, known)))

    def slow(parameters):
        tables = model.tables(parameters)
        tails = score_triples(model, tables, known[:, None], r[:, None], every)
        heads = score_triples(model, tables, every, r[:, None], known[:, None])
        return jnp.sum(jnp.tanh(tails) + jnp.sin(heads))

    found, expected = jax.jit(jax.grad(fast))(parameters), jax.jit(jax.grad(slow))(parameters)
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=2e-3, atol=2e-4), found, expected)


@pytest.mark.parametrize(("distance", "by_hand"), [("l1", -7.0), ("l2", -5.0), ("l2_squared", -25.0)])
def test_transe_by_hand(distance, by_hand):
    h, r, t = ({"mu": jnp.array(x)} for x in ([1.0, 2.0], [2.0, -1.0], [0.0, 5.0]))  # h + r - t = (3, -4)
    np.testing.assert_allclose(transe(distance=distance).score(h, r, t), by_hand, rtol=1e-6)


def test_a_triple_that_fits_exactly_has_a_finite_gradient():
    h, r, t = ({"mu": jnp.array(x)} for x in ([1.0], [2.0], [3.0]))
    assert np.isfinite(jax.grad(lambda h: transe().score(h, r, t))(h)["mu"]).all()


def _row(mu, var):
    return {"mu": jnp.array(mu), "var": jnp.array(var)}


H, R, T = _row([1.0, 0.5], [0.5, 2.0]), _row([0.2, -0.4], [1.5, 0.3]), _row([0.4, 1.0], [0.7, 0.1])


def test_kg2e_kl_by_hand():
    # h - t = N((0.6, -0.5), (1.2, 2.1)); KL with N((0.2, -0.4), (1.5, 0.3)):
    # ((1.2 + 0.16) / 1.5 - 1 + log(1.5 / 1.2) + (2.1 + 0.01) / 0.3 - 1 + log(0.3 / 2.1)) / 2 = 2.10862
    found = gaussians.kg2e().score(H, R, T)
    np.testing.assert_allclose(found, -2.10862, atol=2e-5)
    kl = kl_divergence(H["mu"] - T["mu"], H["var"] + T["var"], R["mu"], R["var"])
    np.testing.assert_allclose(found, -kl, rtol=1e-6)


def test_kg2e_el_is_the_log_of_the_overlap():
    one = [{key: value[:1] for key, value in row.items()} for row in (H, R, T)]
    found = gaussians.kg2e(similarity="el").score(*one)
    overlap, _ = integrate.quad(
        lambda x: stats.norm.pdf(x, 0.6, np.sqrt(1.2)) * stats.norm.pdf(x, 0.2, np.sqrt(1.5)), -20, 20
    )
    np.testing.assert_allclose(found, np.log(overlap), rtol=1e-5)


def test_kgv_is_the_density_of_scoring():
    found = gaussians.kgv().score(H, R, T)
    expected = log_density(H["mu"][None], R["mu"][None], T["mu"][None], T["var"][None])
    np.testing.assert_allclose(found, expected.squeeze(), rtol=1e-5)


@pytest.mark.parametrize("model", [gaussians.kg2e(lengths="ball"), gaussians.kgv()])
def test_tables_keep_to_their_bounds(model):
    start = model.init(jax.random.key(0), NODES, RELATIONS, DIM)
    np.testing.assert_allclose(model.tables(start).nodes["var"], 1.0, rtol=1e-5)
    tables = model.tables(jax.tree.map(lambda x: 100 * x + 100, start))
    assert np.linalg.norm(tables.nodes["mu"], axis=-1).max() < 1 + 1e-5
    assert float(tables.nodes["var"].max()) <= 5 + 1e-4


@pytest.mark.parametrize("make", [gaussians.kg2e, gaussians.kgv])
def test_variances_may_start_apart(make):
    start = make(var_init=0.3, var_spread=0.5).init(jax.random.key(0), 50, 40, 8)
    rows = [np.asarray(rows["v"]) for rows in start if "v" in rows]
    for v in rows:
        np.testing.assert_allclose(v.mean(), gaussians.raw_variance(0.3, 0.05, 5.0), atol=0.1)
        np.testing.assert_allclose(v.std(), 0.5, atol=0.05)
    assert not np.allclose(rows[0][:8], rows[-1][8:16])


def test_unknown_choices_name_what_is_offered():
    with pytest.raises(UserError, match=r"'l3'.*l1, l2, l2_squared"):
        transe(distance="l3")
    with pytest.raises(UserError, match="did you mean 'ball'"):
        gaussians.kg2e(lengths="bal")
