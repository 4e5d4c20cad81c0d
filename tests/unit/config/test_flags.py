"""Mistakes on the command line: one message, exit code 2, and JAX never starts a device."""

import pathlib
import subprocess
import sys
import textwrap

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
# The settings of the methods stand beside their objectives, so reading a config imports JAX. JAX starts at its first
# computation, which takes seconds and reserves the accelerator's memory; orbax is imported by what trains.
_REPORTING_JAX = textwrap.dedent("""
    import atexit
    import runpy
    import sys

    @atexit.register
    def report():
        from jax._src import xla_bridge

        print("JAX was started" if xla_bridge.backends_are_initialized() or "orbax" in sys.modules else "no JAX")

    runpy.run_module("kgv_jax.main", run_name="__main__", alter_sys=True)
""")


def _reported(*arguments):
    done = subprocess.run(
        [sys.executable, "-c", _REPORTING_JAX, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2, (done.returncode, done.stdout, done.stderr)
    assert "Traceback" not in done.stderr and "no JAX" in done.stdout
    return done.stderr


@pytest.mark.processes
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--config.optim.learning_rat=1"], ["--config.optim.learning_rat", "did you mean 'learning_rate'"]),
        (["--config.optm.learning_rate=1"], ["--config.optm", "did you mean 'optim'"]),
        (["--config.train.steps=-4"], ["config.train.steps is -4; expected from 0"]),
        (["--config.train.steps=many"], ["many"]),
        (["--config.method=kvg"], ["config.method is 'kvg', did you mean 'kgv'"]),
        (["--workdr=x"], ["--workdr", "did you mean 'workdir'"]),
        (["--mode=test"], ["test", "train", "eval"]),
        (["extra"], ["Unknown argument 'extra'"]),
        (["--config=configs/roadsign.py"], ["configs/roadsign.py", "did you mean 'configs/roadsigns.py'"]),
        (["--config=configs/roadsigns.py:fast"], ["'fast'"]),
    ],
)
def test_a_mistake_is_reported_before_jax_starts(arguments, words, tmp_path):
    config = [] if any(a.startswith("--config=") for a in arguments) else ["--config=configs/roadsigns.py"]
    reported = _reported(*config, f"--workdir={tmp_path / 'run'}", *arguments)
    for word in words:
        assert word in reported
    assert not (tmp_path / "run").exists()


@pytest.mark.processes
def test_missing_flags_say_what_to_give(tmp_path):
    assert "--workdir is missing" in _reported("--config=configs/roadsigns.py")
    assert "--config is missing" in _reported(f"--workdir={tmp_path}")
    assert "has no config.json" in _reported("--mode=eval", f"--workdir={tmp_path}")
