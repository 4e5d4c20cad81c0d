"""Stages: what is trained from which step to which."""

import pytest

from kgv_jax.config.schema import Config, Optim, Train, Transfer
from kgv_jax.optim.stages import Stage, plan_stages
from kgv_jax.util.errors import UserError


def _plan(steps=10, *, stages="", warmup_steps=0, **transfer):
    optim = Optim(learning_rate=0.1, warmup_steps=warmup_steps)
    return plan_stages(Config(optim=optim, transfer=Transfer(**transfer), train=Train(steps=steps, stages=stages)))


def test_one_stage_trains_what_is_not_frozen():
    assert _plan() == (Stage("train", 0, 10, 0.1),)
    assert _plan(freeze="encoder/.*, knowledge/r") == (Stage("train", 0, 10, 0.1, ("encoder/.*", "knowledge/r")),)


def test_a_probe_comes_first():
    probe, train = _plan(probe_steps=4, probe_learning_rate=0.5, freeze="decoder/bias")
    assert probe == Stage("probe", 0, 4, 0.5, ("decoder/bias", "encoder/.*"))
    assert train == Stage("train", 4, 10, 0.1, ("decoder/bias",))


@pytest.mark.parametrize("stages", ["", "all 1"])
def test_no_steps_have_no_stages(stages):
    assert _plan(0, stages=stages) == ()


def test_stages_that_are_written_out():
    text = "align 0.35 terms=reg,ce; head .35 freeze=encoder/.*,projection/.* rate=0.5 terms=ce;all 0.3"
    assert _plan(100, stages=text, freeze="knowledge/r") == (
        Stage("align", 0, 35, 0.1, ("knowledge/r",), ("reg", "ce")),
        Stage("head", 35, 70, 0.05, ("knowledge/r", "encoder/.*", "projection/.*"), ("ce",)),
        Stage("all", 70, 100, 0.1, ("knowledge/r",)),
    )


def test_what_a_stage_trains_slowly():
    (stage,) = _plan(stages="all 1 slow=encoder/.*,infuse/.* freeze=knowledge/r")
    assert stage == Stage("all", 0, 10, 0.1, ("knowledge/r",), (), ("encoder/.*", "infuse/.*"))


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ("align", r"stages has 'align'; expected NAME SHARE, such as"),
        ("align x", r"stages has 'align x'"),
        ("align 1.5", r"stages has 'align 1\.5'"),
        ("a 0.5; b 0.4", r"shares of config\.train\.stages add up to 0\.9; expected 1"),
        ("a 1 frees=x", r"'frees=x', did you mean 'freeze'\?"),
        ("a 1 freeze", r"has 'freeze'"),
        ("a 1 rate=fast", r"rate=fast; expected a number from 0"),
        ("a 1 rate=-1", r"rate=-1; expected a number from 0"),
        ("a 0.5; b 0.5", r"warmup_steps is 6; expected less than the 5 steps of stage 'a'"),
    ],
)
def test_a_text_that_means_nothing_is_refused(stages, message):
    with pytest.raises(UserError, match=message):
        _plan(stages=stages, warmup_steps=6 if stages == "a 0.5; b 0.5" else 0)
