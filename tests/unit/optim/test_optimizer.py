"""AdamW: schedule, decay, clipping, and the rate of the graph side."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kgv_jax.config.schema import Config, Optim, Train, Transfer
from kgv_jax.config.stages import read_stages
from kgv_jax.optim.optimizer import decays, make_optimizer, make_schedule
from kgv_jax.optim.stages import plan_stages

_PARAMS = {
    "classifier": {"projection": {"kernel": jnp.ones((2, 2)), "bias": jnp.ones(2)}, "norm": {"scale": jnp.ones(2)}},
    "knowledge": {"mu": jnp.ones((3, 2)), "r": jnp.ones((1, 2))},
}


def _stages(optim, steps, *, transfer=None, stages=""):
    train = Train(steps=steps, stages=read_stages("config.train.stages", stages))
    return plan_stages(Config(optim=optim, transfer=transfer or Transfer(), train=train))


def _update(config, gradients, *, steps=10, after=1):
    optimizer = make_optimizer(config, _stages(config, steps))
    opt_state, params = optimizer.init(_PARAMS), _PARAMS
    for _ in range(after):
        updates, opt_state = optimizer.update(gradients, opt_state, params)
        params = jax.tree.map(jnp.add, params, updates)
    return params


def test_the_rate_rises_in_a_line_and_falls_in_a_cosine():
    schedule = make_schedule(_stages(Optim(learning_rate=0.4), 20), 4)
    np.testing.assert_allclose([schedule(s) for s in (0, 1, 4)], [0, 0.1, 0.4], rtol=1e-6)
    np.testing.assert_allclose([schedule(12), schedule(20)], [0.2, 0.0], atol=1e-7)


def test_only_kernels_decay():
    assert jax.tree.leaves(decays(_PARAMS)) == [False, False, True, False, False]
    config = Optim(learning_rate=0.1, warmup_steps=0, weight_decay=0.5, clip_norm=0.0)
    still = _update(config, jax.tree.map(jnp.zeros_like, _PARAMS))
    np.testing.assert_allclose(still["classifier"]["projection"]["kernel"], 1 - 0.1 * 0.5, rtol=1e-6)
    others = (still["classifier"]["projection"]["bias"], still["classifier"]["norm"]["scale"], still["knowledge"])
    assert all((leaf == 1).all() for leaf in jax.tree.leaves(others))


@pytest.mark.parametrize("rate", [0.0, 0.5, 3.0])
def test_nodes_have_a_multiple_of_the_rate(rate):
    config = Optim(learning_rate=0.01, warmup_steps=0, weight_decay=0.0, node_rate=rate)
    moved = _update(config, jax.tree.map(jnp.ones_like, _PARAMS))
    np.testing.assert_allclose(1 - moved["classifier"]["projection"]["bias"], 0.01, rtol=1e-4)
    np.testing.assert_allclose(1 - moved["knowledge"]["mu"], rate * 0.01, rtol=1e-4)


def test_gradients_are_clipped_by_the_norm_of_both_parts_together():
    """Adam forgets the scale of one gradient, not the ratio of two: a spike, then ordinary ones."""
    spike, ordinary = (jax.tree.map(lambda x, s=s: jnp.full_like(x, s), _PARAMS) for s in (100.0, 0.01))

    def second_update(clip):
        config = Optim(learning_rate=0.01, warmup_steps=0, weight_decay=0, clip_norm=clip)
        optimizer = make_optimizer(config, _stages(config, 10))
        _, opt_state = optimizer.update(spike, optimizer.init(_PARAMS), _PARAMS)
        return optimizer.update(ordinary, opt_state, _PARAMS)[0]

    size = np.sqrt(sum(leaf.size for leaf in jax.tree.leaves(_PARAMS)))
    # Clipped to norm 1 the spike is 1 / sqrt(size) an entry; Adam's second update follows from both.
    first, second = 1 / size, 0.01
    mean = (0.9 * 0.1 * first + 0.1 * second) / (1 - 0.9**2)
    square = (0.999 * 0.001 * first**2 + 0.001 * second**2) / (1 - 0.999**2)
    rate = float(make_schedule(_stages(Optim(learning_rate=0.01), 10), 0)(1))
    for leaf in jax.tree.leaves(second_update(1.0)):
        np.testing.assert_allclose(leaf, -rate * mean / np.sqrt(square), rtol=1e-4)
    free = jax.tree.leaves(second_update(0.0))[0]
    assert abs(float(free.ravel()[0]) + rate * mean / np.sqrt(square)) > 1e-4 * rate


def _deep_params():
    encoder = {"stem": {"kernel": jnp.ones((2, 2))}, "block": {"kernel": jnp.ones((2, 2))}}
    return {**_PARAMS, "classifier": {**_PARAMS["classifier"], "encoder": encoder}}


def _moves(transfer, after, *, steps=10, layers=(".*",), stages=""):
    """How far each part has moved after each of some steps along a constant gradient."""
    config = Optim(learning_rate=0.01, warmup_steps=0, weight_decay=0.5)
    planned = _stages(config, steps, transfer=transfer, stages=stages)
    optimizer = make_optimizer(config, planned, transfer=transfer, layers=layers)
    params = _deep_params()
    opt_state, moves = optimizer.init(params), []
    for _ in range(after):
        updates, opt_state = optimizer.update(jax.tree.map(jnp.ones_like, params), opt_state, params)
        moves.append(jax.tree.map(lambda update: float(-update.ravel()[0]), updates))
        params = jax.tree.map(jnp.add, params, updates)
    return moves, opt_state


def test_what_is_frozen_neither_moves_nor_decays_nor_has_moments():
    (move,), opt_state = _moves(Transfer(freeze=("encoder/stem/.*", "knowledge/r")), 1)
    assert move["classifier"]["encoder"]["stem"]["kernel"] == move["knowledge"]["r"] == 0
    assert move["classifier"]["encoder"]["block"]["kernel"] > 0 and move["knowledge"]["mu"] > 0
    moments = sum(leaf.size for leaf in jax.tree.leaves(opt_state) if leaf.ndim)
    trained = sum(leaf.size for leaf in jax.tree.leaves(_deep_params())) - 4 - 2
    assert moments == 2 * trained


def test_encoder_and_layers_have_rates_of_their_own():
    transfer = Transfer(encoder_rate=0.1, layer_decay=0.5)
    (move,), _ = _moves(transfer, 1, layers=("stem/.*", "block/.*"))
    # Adam's first update is the rate itself, and the decay half of it.
    encoder, head = move["classifier"]["encoder"], move["classifier"]["projection"]["kernel"]
    np.testing.assert_allclose(head, 0.015, rtol=1e-4)
    np.testing.assert_allclose(encoder["block"]["kernel"], 0.5 * 0.1 * head, rtol=1e-4)
    np.testing.assert_allclose(encoder["stem"]["kernel"], 0.25 * 0.1 * head, rtol=1e-4)


def test_after_a_probe_the_encoder_starts_as_if_it_were_the_first_step():
    transfer = Transfer(probe_steps=4, probe_learning_rate=0.1)
    moves, _ = _moves(transfer, 5)
    encoder = [move["classifier"]["encoder"]["stem"]["kernel"] for move in moves]
    assert encoder[:4] == [0, 0, 0, 0]
    np.testing.assert_allclose(encoder[4], 0.015, rtol=1e-4)
    bias = [move["classifier"]["projection"]["bias"] for move in moves]
    np.testing.assert_allclose(bias[0], 0.1, rtol=1e-4)
    np.testing.assert_allclose(bias[4], 0.01, rtol=1e-4)


def test_what_is_slow_has_a_tenth_of_the_rate_of_its_stage():
    plan = "align 0.4 freeze=projection/.*; all 0.6 rate=2 slow=encoder/stem/.*,knowledge/mu"
    moves, _ = _moves(Transfer(encoder_rate=0.5), 5, stages=plan)
    encoder = moves[4]["classifier"]["encoder"]
    # Its moments are those of five steps along one gradient: the update is the rate, and the decay half of it.
    np.testing.assert_allclose(encoder["block"]["kernel"] / encoder["stem"]["kernel"], 10, rtol=5e-3)
    np.testing.assert_allclose(moves[4]["knowledge"]["r"] / moves[4]["knowledge"]["mu"], 10, rtol=1e-3)
    np.testing.assert_allclose(moves[0]["classifier"]["encoder"]["stem"]["kernel"], 0.5 * 0.015, rtol=1e-3)


def test_every_stage_has_its_own_rate_and_what_it_freezes_waits():
    plan = "align 0.4 freeze=projection/.*; head 0.4 rate=2 freeze=encoder/.*,knowledge/.*; all 0.2 freeze=encoder/.*"
    moves, _ = _moves(Transfer(), 10, stages=plan)
    encoder = [move["classifier"]["encoder"]["stem"]["kernel"] for move in moves]
    assert all(encoder[:4]) and not any(encoder[4:])
    nodes = [move["knowledge"]["mu"] for move in moves]
    assert all(nodes[:4]) and not any(nodes[4:8])
    np.testing.assert_allclose([nodes[0], nodes[8]], 0.01, rtol=1e-3)  # each stage starts at the peak: no warm-up here
    bias = [move["classifier"]["projection"]["bias"] for move in moves]
    assert not any(bias[:4])
    np.testing.assert_allclose(bias[4:6], [0.02, 0.02 * 0.5 * (1 + np.cos(np.pi / 4))], rtol=1e-4)
    np.testing.assert_allclose(bias[8], 0.01, rtol=1e-4)
