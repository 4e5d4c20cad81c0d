"""Attention with heads before positions: values and gradients of JAX's own, on a CPU alone."""

import functools

import chex
import jax
import jax.numpy as jnp
import pytest

from kgv_jax.models.cpu.attention import attend, heads_first


def _tokens(seed=0, shape=(2, 5, 8)):
    return jax.random.normal(jax.random.key(seed), shape)


@pytest.mark.parametrize("causal", [True, False])
def test_attention_with_heads_first_is_that_of_jax(causal):
    query, key, value, weights = (_tokens(seed, (2, 5, 3, 4)) for seed in range(4))

    def run(form):
        def loss(*arrays):
            y = form(*arrays)
            return jnp.sum(y * weights), y

        return jax.jit(jax.grad(loss, (0, 1, 2), has_aux=True))(query, key, value)

    of_jax = run(functools.partial(jax.nn.dot_product_attention, is_causal=causal))
    for form in (attend, heads_first):
        chex.assert_trees_all_close(run(functools.partial(form, causal=causal)), of_jax, atol=1e-5)


@pytest.mark.parametrize("platform", ["cpu", "tpu"])
def test_only_a_cpu_gets_the_form_of_its_own(platform):
    arrays = [_tokens(shape=(2, 3, 5, 4))] * 3
    trace = jax.jit(functools.partial(attend, causal=False)).trace(*arrays)
    assert ("optimization_barrier" in trace.lower(lowering_platforms=(platform,)).as_text()) == (platform == "cpu")
