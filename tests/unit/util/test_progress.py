import io

import pytest
import rich.console

from kgv_jax.util.progress import Progress


class Clock:
    def __init__(self):
        self.seconds = 0.0

    def __call__(self):
        return self.seconds


class Loss:
    """A loss on a device that counts how often it is waited for."""

    def __init__(self):
        self.reads = 0

    def __float__(self):
        self.reads += 1
        return 1.25


def run(*, terminal, steps, seconds_per_step=1.0, start_step=0, loss=1.25, total=100):
    out, clock = io.StringIO(), Clock()
    console = rich.console.Console(file=out, force_terminal=terminal, width=120, color_system=None)
    with Progress(total, images_per_step=64, start_step=start_step, console=console, clock=clock) as progress:
        for step in range(start_step + 1, start_step + steps + 1):
            clock.seconds += seconds_per_step
            progress.update(step, loss)
    return out.getvalue()


def test_a_line_every_ten_seconds_and_one_at_the_end():
    assert run(terminal=False, steps=25).splitlines() == [
        "step 10/100  loss 1.2500  64 images/s  0:01:30 left",
        "step 20/100  loss 1.2500  64 images/s  0:01:20 left",
        "step 25/100  loss 1.2500  64 images/s  0:01:15 left",
    ]


def test_a_last_line_is_not_printed_twice():
    assert run(terminal=False, steps=10, total=10).count("step") == 1


def test_a_resumed_run_counts_its_own_steps_only():
    (line,) = run(terminal=False, steps=10, start_step=50, seconds_per_step=0.5).splitlines()
    assert line == "step 60/100  loss 1.2500  128 images/s  0:00:20 left"


def test_the_time_of_compilation_drops_out_of_the_rate():
    out, clock = io.StringIO(), Clock()
    console = rich.console.Console(file=out, force_terminal=False)
    with Progress(1000, images_per_step=10, console=console, clock=clock) as progress:
        clock.seconds = 100.0
        progress.update(1, 1.0)
        for step in range(2, 402):
            clock.seconds += 0.1
            progress.update(step, 1.0)
    assert "  100 images/s" in out.getvalue().splitlines()[-1]


def test_no_time_is_estimated_from_the_step_that_compiles():
    out, clock = io.StringIO(), Clock()
    console = rich.console.Console(file=out, force_terminal=False)
    with Progress(30, images_per_step=10, console=console, clock=clock) as progress:
        for step in range(1, 22):
            clock.seconds += 100.0 if step == 1 else 0.5
            progress.update(step, 1.0)
    assert out.getvalue().splitlines() == [
        "step 1/30  loss 1.0000  - images/s",
        "step 21/30  loss 1.0000  20 images/s  0:00:04 left",
    ]


def test_the_loss_is_read_only_when_shown():
    loss = Loss()
    run(terminal=False, steps=25, loss=loss)
    assert loss.reads == 3


def test_steps_that_are_sent_ahead_do_not_count_as_done():
    """The device takes 2 s per step; eight steps are sent at once, then reading a loss waits for it."""
    out, clock = io.StringIO(), Clock()
    console = rich.console.Console(file=out, force_terminal=False)

    class Waiting:
        def __init__(self, step):
            self.step = step

        def __float__(self):
            clock.seconds = max(clock.seconds, 2.0 * self.step)
            return 1.0

    with Progress(1000, images_per_step=10, console=console, clock=clock) as progress:
        for step in range(1, 65):
            clock.seconds = max(clock.seconds + 0.001, 2.0 * (step - 8))
            progress.update(step, Waiting(step))
    rates = [line.split()[4] for line in out.getvalue().splitlines()]
    assert len(rates) > 4 and set(rates) == {"5"}, rates


def test_a_terminal_gets_a_bar():
    out = run(terminal=True, steps=25)
    assert "25/100" in out and "64 images/s" in out and "0:01:15 left" in out and "step" not in out


def test_a_run_without_steps_prints_nothing():
    assert run(terminal=False, steps=0) == ""


def test_an_error_inside_passes_through():
    with pytest.raises(KeyError), Progress(10, images_per_step=1, console=rich.console.Console(quiet=True)):
        raise KeyError
