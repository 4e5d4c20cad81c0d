"""`kgv demo`: three short runs, one table, one sentence, and the same again without training."""

import pytest

from kgv_jax.commands.demo import METHODS
from tests import cli

pytestmark = pytest.mark.processes


def test_the_demo(tmp_path):
    arguments = (*cli.DRAWN, "--config.train.steps=4", f"--workdir={tmp_path / 'demo'}")
    done = cli.succeed("demo", *arguments)
    rows = [line.split("|")[1].strip() for line in done.stdout.splitlines() if line.startswith("|")]
    assert rows == ["method", "-" * len(rows[1]), *METHODS]
    (sentence,) = [line for line in done.stdout.splitlines() if line.startswith("On the mean over cn, kgv_compose is ")]
    assert "(95 % intervals over source images, one seed)." in sentence
    assert f"kgv compare {' '.join(cli.DRAWN)} --config.train.steps=4 --workdir={tmp_path / 'demo'}" in done.stdout
    # Notes of the data and the graph are those of every run, and shown once.
    notes = [line for line in done.stderr.splitlines() if not line.startswith(("step ", "Run "))]
    assert notes and len(notes) == len(set(notes))
    assert [line for line in done.stderr.splitlines() if line.startswith("Run ")] == [
        f"Run {number} of 3: {method}." for number, method in enumerate(METHODS, 1)
    ]
    again = cli.succeed("demo", *arguments)
    assert again.stdout == done.stdout and "step" not in again.stderr
    assert (tmp_path / "demo" / "kgv_compose" / "fraction1" / "seed0" / "results.json").exists()
