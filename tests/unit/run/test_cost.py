"""What a run cost is written once, of the steps after the first."""

import pytest

from kgv_jax.run import cost
from kgv_jax.run.workdir import Workdir


def test_speed_is_that_of_the_steps_after_the_first(tmp_path, monkeypatch):
    now = iter([100.0, 130.0, 150.0])
    monkeypatch.setattr(cost.time, "monotonic", lambda: next(now))
    stopwatch = cost.Stopwatch()
    stopwatch.stepped(1)
    stopwatch.stepped(2)  # takes no time: only the first counts
    stopwatch.write(Workdir(tmp_path), step=11, images_per_step=64)
    (found,) = Workdir(tmp_path).read_records(cost.FILE)
    assert found["seconds_to_first_step"] == 30 and found["images_per_second"] == pytest.approx(10 * 64 / 20)
    assert 50 < found["peak_memory_mb"] < 100_000


def test_a_run_of_one_step_has_no_speed(tmp_path):
    stopwatch = cost.Stopwatch()
    stopwatch.write(Workdir(tmp_path), step=0, images_per_step=64)
    stopwatch.stepped(1)
    stopwatch.write(Workdir(tmp_path), step=1, images_per_step=64)
    assert Workdir(tmp_path).read_records(cost.FILE) is None
