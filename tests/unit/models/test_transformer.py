"""Transformer blocks: attention against its formula, causality, activations, stochastic depth, remat, bfloat16."""

import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kgv_jax.models.transformer import (
    ACTIVATIONS,
    Attention,
    Block,
    DropPath,
    Transformer,
)


def _tokens(seed=0, shape=(2, 5, 8)):
    return jax.random.normal(jax.random.key(seed), shape)


def _init(model, x):
    return jax.jit(functools.partial(model.init, train=False))(jax.random.key(1), x)


def _apply(model, variables, x, *, train=False, rngs=None):
    return jax.jit(functools.partial(model.apply, train=train))(variables, x, rngs=rngs)


def _stack(**options):
    return Transformer(depth=2, heads=2, mlp_width=16, **options)


def test_attention_is_its_formula_head_by_head():
    x = _tokens()
    model = Attention(heads=2)
    y, variables = jax.jit(model.init_with_output)(jax.random.key(1), x)
    qkv, out = variables["params"]["qkv"], variables["params"]["out"]
    query, key, value = np.split(np.asarray(x @ qkv["kernel"] + qkv["bias"]), 3, axis=-1)
    heads = []
    for channels in (slice(0, 4), slice(4, 8)):
        scores = np.einsum("bqd,bkd->bqk", query[..., channels], key[..., channels]) / np.sqrt(4)
        heads.append(np.asarray(jax.nn.softmax(scores)) @ value[..., channels])
    np.testing.assert_allclose(y, np.concatenate(heads, -1) @ out["kernel"] + out["bias"], atol=1e-6)


@pytest.mark.parametrize("causal", [True, False])
def test_a_causal_stack_does_not_see_what_follows(causal):
    x, model = _tokens(), _stack(causal=causal)
    variables = _init(model, x)
    changed = x.at[:, 3].add(1.0)
    before, after = (_apply(model, variables, tokens)[-1] for tokens in (x, changed))
    assert np.array_equal(before[:, :3], after[:, :3]) == causal
    assert np.abs(before[:, 3:] - after[:, 3:]).max() > 0.01


def test_activations():
    x = np.array([-1.0, 0.0, 2.0])
    # x Phi(x), and x / (1 + exp(-1.702 x)).
    np.testing.assert_allclose(ACTIVATIONS["gelu"](x), [-0.15865525, 0.0, 1.9544997], atol=1e-6)
    np.testing.assert_allclose(ACTIVATIONS["quick_gelu"](x), [-0.15420423, 0.0, 1.9356585], atol=1e-6)


def test_layer_scale_weighs_both_branches():
    x = _tokens()
    block = Block(heads=2, mlp_width=16, layer_scale=1e-5)
    variables, apply = jax.jit(block.init)(jax.random.key(1), x), jax.jit(block.apply)
    scales = [variables["params"][f"layer_scale{branch}"]["scale"] for branch in (1, 2)]
    chex.assert_trees_all_close(scales, [jnp.full(8, 1e-5)] * 2)
    np.testing.assert_allclose(apply(variables, x), x, atol=1e-3)
    for branch in (1, 2):
        opened = {**variables["params"], f"layer_scale{branch}": {"scale": jnp.ones(8)}}
        assert np.abs(apply({"params": opened}, x) - x).max() > 0.1


def test_drop_path_keeps_or_drops_whole_examples_and_the_expectation():
    x = jnp.ones((4000, 2, 3))
    y = DropPath(0.3).apply({}, x, rngs={"drop_path": jax.random.key(0)})
    assert set(np.unique(y).round(5)) == {0.0, np.float32(1 / 0.7).round(5)}
    assert (y == y[:, :1, :1]).all()
    # Five standard errors: sqrt(0.3 / 0.7 / 4000) = 0.0104.
    assert abs(float(y.mean()) - 1.0) < 0.052


def test_drop_path_acts_in_training_alone_and_not_on_the_first_block():
    x, model = _tokens(shape=(16, 5, 8)), _stack(drop_path=0.9)
    variables = _init(model, x)
    plain = _apply(_stack(), variables, x, train=True)
    chex.assert_trees_all_equal(_apply(model, variables, x), plain)
    dropped = _apply(model, variables, x, train=True, rngs={"drop_path": jax.random.key(2)})
    np.testing.assert_array_equal(dropped[0], plain[0])
    untouched = (np.asarray(dropped[1]) == np.asarray(dropped[0])).all((1, 2))
    assert 8 <= untouched.sum() < 16


def test_remat_changes_no_gradient():
    x = _tokens()
    variables = _init(_stack(), x)

    def gradients(remat):
        model = _stack(remat=remat, drop_path=0.5)

        def loss(variables):
            return jnp.sum(model.apply(variables, x, train=True, rngs={"drop_path": jax.random.key(2)})[-1] ** 2)

        return jax.jit(jax.grad(loss))(variables), str(jax.make_jaxpr(jax.grad(loss))(variables))

    (plain, plain_program), (again, program) = gradients(False), gradients(True)
    chex.assert_trees_all_close(again, plain, rtol=1e-5, atol=1e-5)
    assert "remat" in program and "remat" not in plain_program


def test_bfloat16_computes_in_it_with_float32_parameters():
    x, model = _tokens(), _stack(dtype=jnp.bfloat16, layer_scale=1.0)
    outputs, variables = jax.jit(functools.partial(model.init_with_output, train=False))(
        jax.random.key(1), x.astype(jnp.bfloat16)
    )
    assert {leaf.dtype for leaf in jax.tree.leaves(variables)} == {jnp.dtype("float32")}
    assert {leaf.dtype for leaf in outputs} == {jnp.dtype("bfloat16")}
    exact = _apply(_stack(layer_scale=1.0), variables, x)
    np.testing.assert_allclose(outputs[-1].astype(jnp.float32), exact[-1], atol=0.1)
