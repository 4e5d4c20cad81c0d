"""Weights interpolated between the two ends of fine-tuning."""

import jax
import jax.numpy as jnp
import numpy as np

from kgv_jax.config.schema import Transfer
from kgv_jax.run import wise_ft
from kgv_jax.run.state import State


def _state(anchor=True):
    params = {"classifier": {"kernel": jnp.array([4.0])}, "knowledge": {"mu": jnp.array([8.0])}}
    zeros = {"params": jax.tree.map(jnp.zeros_like, params), "batch_stats": {"mean": jnp.array([1.0])}}
    return State(jnp.array(3), jnp.array(0), params, {"mean": jnp.array([3.0])}, (), {}, zeros if anchor else {})


def test_weights_and_statistics_lie_on_the_line_from_start_to_end():
    for alpha in (0.0, 0.25, 1.0):
        mixed = wise_ft.average(_state(), alpha)
        np.testing.assert_allclose(mixed.params["classifier"]["kernel"], [4 * alpha])
        np.testing.assert_allclose(mixed.params["knowledge"]["mu"], [8 * alpha])
        np.testing.assert_allclose(mixed.batch_stats["mean"], [1 + 2 * alpha])
        assert jax.tree.structure(mixed) == jax.tree.structure(_state())


def test_the_line_ends_at_the_moving_average_where_there_is_one():
    state = _state()._replace(ema=jax.tree.map(lambda leaf: 0.5 * leaf, _state().params))
    mixed = wise_ft.average(state, 0.5)
    np.testing.assert_allclose(mixed.ema["classifier"]["kernel"], [1.0])
    assert jax.tree.structure(mixed) == jax.tree.structure(state)


def test_the_anchor_moves_to_the_present_weights():
    moved = wise_ft.anchored(_state())
    np.testing.assert_allclose(moved.anchor["params"]["classifier"]["kernel"], [4.0])
    np.testing.assert_allclose(moved.anchor["batch_stats"]["mean"], [3.0])


def test_a_curve_has_records_of_every_alpha():
    transfer = Transfer(wise_ft=(0.0, 0.5, 1.0))
    assert (
        wise_ft.is_enabled(transfer) and wise_ft.is_enabled(Transfer(alpha=0.5)) and not wise_ft.is_enabled(Transfer())
    )
    records = wise_ft.curve(transfer, lambda alpha: [{"accuracy": 2 * alpha}])
    assert records == [{"accuracy": 2 * a, "alpha": a} for a in (0.0, 0.5, 1.0)]
