"""What the loop reports, and when it refuses to go on."""

import pytest

from kgv_jax.config import schema as config_schema
from kgv_jax.run.metrics import MetricLog
from kgv_jax.util.errors import UserError


class _Recorder:
    def __init__(self):
        self.steps, self.shown = [], []

    def write(self, step, values):
        self.steps.append(step)

    def update(self, step, loss):
        self.shown.append(step)


def _report(step, loss, *, save=False):
    """Reports one step: because the next one was sent, or because the state is to be saved."""
    recorder = _Recorder()
    log = MetricLog(config_schema.resolve(config_schema.default_config()), recorder, recorder)
    log.add(step, {"loss": loss})
    assert not recorder.shown
    if save:
        log.flush()
    else:
        log.add(step + 1, {"loss": loss})
    return recorder


def test_metrics_are_written_every_so_often_and_at_the_end():
    assert [step for step in (1, 19, 20, 21, 300) if _report(step, 1.0).steps] == [20, 300]
    assert _report(19, 1.0).shown == [19]


@pytest.mark.parametrize(("step", "save"), [(20, False), (7, True)])
def test_a_loss_that_is_not_finite_stops_the_run_before_its_state_is_saved(step, save):
    with pytest.raises(UserError, match=rf"The loss is nan at step {step}\. Lower config\.optim\.learning_rate"):
        _report(step, float("nan"), save=save)


def test_what_was_flushed_is_not_reported_again():
    recorder = _Recorder()
    log = MetricLog(config_schema.resolve(config_schema.default_config()), recorder, recorder)
    log.add(1, {"loss": 1.0})
    log.flush()
    log.flush()
    log.add(2, {"loss": 1.0})
    assert recorder.shown == [1]
