"""Stages: what is trained from which step to which."""

from kgv_jax.config_schema import Transfer
from kgv_jax.optim.stages import Stage, plan_stages


def test_one_stage_trains_what_is_not_frozen():
    assert plan_stages(Transfer(), 10) == (Stage("train", 0, 10, ()),)
    assert plan_stages(Transfer(freeze="encoder/.*, knowledge/r"), 10) == (
        Stage("train", 0, 10, ("encoder/.*", "knowledge/r")),
    )


def test_a_probe_comes_first():
    probe, train = plan_stages(Transfer(probe_steps=4, freeze="decoder/bias"), 10)
    assert probe == Stage("probe", 0, 4, ("decoder/bias", "encoder/.*"))
    assert train == Stage("train", 4, 10, ("decoder/bias",))


def test_no_steps_have_no_stages():
    assert plan_stages(Transfer(), 0) == ()
