"""Stages: what is trained from which step to which."""

import pytest

from kgv_jax.config.schema import Config, Optim, Train, Transfer
from kgv_jax.config.stages import StageSettings
from kgv_jax.optim.stages import Stage, plan_stages
from kgv_jax.util.errors import UserError


def _plan(steps=10, *, stages=(), warmup_steps=0, **transfer):
    optim = Optim(learning_rate=0.1, warmup_steps=warmup_steps)
    return plan_stages(Config(optim=optim, transfer=Transfer(**transfer), train=Train(steps=steps, stages=stages)))


def test_one_stage_trains_what_is_not_frozen():
    assert _plan() == (Stage("train", 0, 10, 0.1),)
    frozen = ("encoder/.*", "knowledge/r")
    assert _plan(freeze=frozen) == (Stage("train", 0, 10, 0.1, frozen),)


def test_a_probe_comes_first():
    probe, train = _plan(probe_steps=4, probe_learning_rate=0.5, freeze=("decoder/bias",))
    assert probe == Stage("probe", 0, 4, 0.5, ("decoder/bias", "encoder/.*"))
    assert train == Stage("train", 4, 10, 0.1, ("decoder/bias",))


@pytest.mark.parametrize("stages", [(), (StageSettings("all", 1.0),)])
def test_no_steps_have_no_stages(stages):
    assert _plan(0, stages=stages) == ()


def test_shares_become_steps_and_what_the_config_freezes_stays_frozen():
    stages = (
        StageSettings("align", 0.35, terms=("reg", "ce")),
        StageSettings("head", 0.35, terms=("ce",), freeze=("encoder/.*", "projection/.*"), rate=0.5),
        StageSettings("all", 0.3, slow=("infuse/.*",)),
    )
    assert _plan(100, stages=stages, freeze=("knowledge/r",)) == (
        Stage("align", 0, 35, 0.1, ("knowledge/r",), ("reg", "ce")),
        Stage("head", 35, 70, 0.05, ("knowledge/r", "encoder/.*", "projection/.*"), ("ce",)),
        Stage("all", 70, 100, 0.1, ("knowledge/r",), (), ("infuse/.*",)),
    )


def test_stages_leave_no_step_out():
    thirds = tuple(StageSettings(name, 1 / 3) for name in "abc")
    assert [(stage.start, stage.stop) for stage in _plan(100, stages=thirds)] == [(0, 33), (33, 67), (67, 100)]


def test_a_stage_no_longer_than_its_warm_up_is_refused():
    with pytest.raises(UserError, match=r"warmup_steps is 6; expected less than the 5 steps of stage 'a'"):
        _plan(stages=(StageSettings("a", 0.5), StageSettings("b", 0.5)), warmup_steps=6)
