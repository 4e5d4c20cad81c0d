"""Rules over parameter paths: freezing by pattern, rates by layer."""

import jax
import jax.numpy as jnp
import pytest

from kgv_jax.models import registry
from kgv_jax.models.spec import EncoderOptions
from kgv_jax.optim.parameters import layer_rates, matching
from kgv_jax.util.errors import UserError

_PARAMS = {
    "classifier": {
        "encoder": {"stem": {"kernel": 0.0}, "block0": {"kernel": 0.0}, "block1": {"kernel": 0.0, "bias": 0.0}},
        "projection": {"kernel": 0.0},
    },
    "knowledge": {"mu": 0.0},
}


def test_patterns_match_whole_paths():
    held = matching(_PARAMS, ("encoder/block1/.*", "knowledge/mu"))
    encoder = held["classifier"]["encoder"]
    assert encoder["block1"] == {"kernel": True, "bias": True}
    assert not encoder["block0"]["kernel"] and not held["classifier"]["projection"]["kernel"]
    assert held["knowledge"]["mu"]
    assert not any(jax.tree.leaves(matching(_PARAMS, ())))


@pytest.mark.parametrize(
    ("pattern", "message"),
    [("encoder/block7/.*", r"'encoder/block7/\.\*' matches no parameter"), ("encoder/(", "is no regular expression")],
)
def test_a_rule_that_means_nothing_is_refused(pattern, message):
    with pytest.raises(UserError, match=message):
        matching(_PARAMS, (pattern,))


def test_rates_fall_by_one_factor_a_layer():
    rates = layer_rates(_PARAMS, ("stem/.*", "block0/.*", "block1/.*"), 0.5)
    encoder = rates["classifier"]["encoder"]
    assert encoder["stem"]["kernel"] == 0.125
    assert encoder["block0"]["kernel"] == 0.25
    assert encoder["block1"] == {"kernel": 0.5, "bias": 0.5}
    assert rates["classifier"]["projection"]["kernel"] == rates["knowledge"]["mu"] == 1


@pytest.mark.parametrize("name", registry.list_models())
def test_every_parameter_of_every_encoder_is_in_a_layer(name):
    spec = registry.get(name)
    images = jnp.zeros((1, spec.size_px, spec.size_px, 3))
    shapes = jax.eval_shape(lambda: spec.make(EncoderOptions()).init(jax.random.key(0), images, train=False))
    rates = set(jax.tree.leaves(layer_rates({"classifier": {"encoder": shapes["params"]}}, spec.layers, 0.5)))
    # No layer of the specification is empty.
    assert rates == {0.5 ** (depth + 1) for depth in range(len(spec.layers))}
