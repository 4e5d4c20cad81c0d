"""A method of a user's own file: trained from the command line, and the only file that it touches."""

import json

import pytest

from tests import cli, plugins

pytestmark = pytest.mark.processes


def test_a_method_of_a_users_file_is_trained_and_evaluated(tmp_path):
    plugin, run = tmp_path / "mine.py", tmp_path / "run"
    plugin.write_text(plugins.MINE)
    settings = ("--config.method=short", "--config.short.weight=0.1", "--config.train.steps=4")
    cli.succeed("main", f"--plugin={plugin}", *cli.DRAWN, *settings, f"--workdir={run}")
    assert {record["method"] for record in json.loads((run / "results.json").read_text())} == {"short"}
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert all(any("short" in name for name in line) for line in lines), "the term of the plugin is in the loss"

    # The run folder names the plugin and does not start it.
    assert "--plugin=mine.py" in cli.refused("main", "--mode=eval", f"--workdir={run}")
    cli.succeed("main", f"--plugin={plugin}", "--mode=eval", f"--workdir={run}")


def test_without_the_plugin_there_is_no_such_method(tmp_path):
    error = cli.refused("main", *cli.DRAWN, "--config.method=short", f"--workdir={tmp_path / 'run'}")
    assert "config.method is 'short'" in error
