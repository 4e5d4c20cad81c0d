"""How far a run is: a bar on a terminal, elsewhere a line of text every few seconds."""

from __future__ import annotations

import collections
import datetime
import time
from collections.abc import Callable
from typing import SupportsFloat

import rich.console
import rich.progress

_REDRAW_SECONDS = 0.5
# The rate is measured over this many past seconds, so that the time of compilation drops out of it soon.
_WINDOW_SECONDS = 30.0


class Progress:
    """Shows step, loss, images per second and the time left; a context manager.

    On a terminal it is one bar, redrawn twice a second at most; elsewhere one line every `every_seconds`
    and one at the end. The loss may be an array on a device: it is read only when it is shown, so that
    showing progress never holds up the steps in between.
    """

    def __init__(
        self,
        total_steps: int,
        *,
        images_per_step: int,
        start_step: int = 0,
        every_seconds: float = 10.0,
        console: rich.console.Console | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Starts counting at `start_step`; nothing is shown before the first update.

        Args:
          total_steps: the step at which the run ends.
          images_per_step: size of the batch, for images per second.
          start_step: the step from which a resumed run continues.
          every_seconds: how often a line is printed where there is no terminal.
          console: where to write; standard error by default, so that tables can be piped.
          clock: seconds, for tests.
        """
        self._total = total_steps
        self._images = images_per_step
        self._start_step = start_step
        self._clock = clock
        self._console = console or rich.console.Console(stderr=True)
        self._interval = _REDRAW_SECONDS if self._console.is_terminal else every_seconds
        self._past: collections.deque[tuple[float, int]] = collections.deque([(clock(), start_step)])
        self._shown_at, self._shown_step = clock(), start_step
        self._latest: tuple[int, SupportsFloat] | None = None
        self._bar = self._task = None
        if self._console.is_terminal:
            self._bar = rich.progress.Progress(
                rich.progress.BarColumn(),
                rich.progress.MofNCompleteColumn(),
                rich.progress.TextColumn("{task.fields[text]}"),
                console=self._console,
                # No thread of its own: the bar is redrawn between steps only, so it never competes with one.
                auto_refresh=False,
                transient=True,
            )
            self._task = self._bar.add_task("", total=total_steps, completed=start_step, text="compiling")

    def __enter__(self) -> Progress:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._latest is not None and self._latest[0] != self._shown_step:
            self._show(*self._latest)
        if self._bar is not None:
            self._bar.stop()

    def update(self, step: int, loss: SupportsFloat) -> None:
        """Records that `step` steps are done, the last with this loss, and shows it where it is time to."""
        self._latest = (step, loss)
        if self._clock() - self._shown_at >= self._interval:
            self._show(step, loss)

    def _show(self, step: int, loss: SupportsFloat) -> None:
        value = float(loss)
        # The clock is read after the loss, since reading the loss waits until the device has done the step.
        now = self._clock()
        self._shown_at, self._shown_step = now, step
        if step == self._start_step + 1:
            # The first step includes compilation, from which nothing follows for the others.
            self._past.clear()
        self._past.append((now, step))
        while len(self._past) > 2 and now - self._past[0][0] > _WINDOW_SECONDS:
            self._past.popleft()
        text = f"loss {value:.4f}  {self._pace(step)}"
        if self._bar is not None:
            self._bar.update(self._task, completed=step, text=text, refresh=True)
        else:
            self._console.file.write(f"step {step}/{self._total}  {text}\n")
            self._console.file.flush()

    def _pace(self, step: int) -> str:
        (then, first), (now, last) = self._past[0], self._past[-1]
        if now <= then or last <= first:
            return "- images/s"
        steps_per_second = (last - first) / (now - then)
        left = datetime.timedelta(seconds=round(max(0, self._total - step) / steps_per_second))
        return f"{steps_per_second * self._images:,.0f} images/s  {left} left"
