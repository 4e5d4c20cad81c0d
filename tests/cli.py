"""Commands as processes, with a config so small that most of the time goes into importing and compiling."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
from collections.abc import Sequence

from kgv_jax.__main__ import main

ROOT = pathlib.Path(__file__).resolve().parents[1]
_SMALL = (
    "--config.model.encoder=resnet_test", "--config.model.dim=16", "--config.data.size_px=16",
    "--config.train.batch_size=16", "--config.train.log_every_steps=2", "--config.optim.warmup_steps=2",
    "--config.data.train_views=2", "--config.data.test_views=1", "--config.synthetic.per_element=1",
    "--config.synthetic.views=1", "--config.synthetic.elements_per_step=8",
)  # fmt: skip
DRAWN = ("--config=configs/roadsigns.py", *_SMALL, "--config.data.targets=cn", "--config.model.norm=group")
FOLDER = ("--config=configs/folder.py", *_SMALL)


def environment(*, devices: int = 1) -> dict[str, str]:
    """Returns this process's environment with another number of virtual devices."""
    return os.environ | {"XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}"}


def command(verb: str, *arguments: str) -> list[str]:
    """Returns the command line of `kgv VERB ...`, or of `python -m kgv_jax.main ...` for the verb `main`."""
    return [sys.executable, "-m", *(["kgv_jax.main"] if verb == "main" else ["kgv_jax", verb]), *arguments]


def run(*arguments: object) -> int:
    """Runs `kgv ...` in this process, and returns its exit code."""
    return main([str(argument) for argument in arguments])


def call(verb: str, arguments: Sequence[str], *, devices: int = 1) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end."""
    return subprocess.run(
        command(verb, *arguments),
        cwd=ROOT, env=environment(devices=devices), capture_output=True, text=True, check=False,
    )  # fmt: skip


def succeed(verb: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs a command that must succeed."""
    done = call(verb, arguments)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done


def refused(verb: str, *arguments: str, devices: int = 1) -> str:
    """Runs a command that must end as a user's mistake; returns its message."""
    done = call(verb, arguments, devices=devices)
    assert done.returncode == 2, (done.returncode, done.stdout[-2000:], done.stderr[-4000:])
    assert "Traceback" not in done.stderr + done.stdout, done.stderr[-4000:]
    return done.stderr
