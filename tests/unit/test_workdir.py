"""The folder of a run: claimed by one config, finished when its results are there."""

import dataclasses
import errno
import json
import os

import pytest

from kgv_jax import workdir as workdir_lib
from kgv_jax.config_schema import Config, default_config, resolve
from kgv_jax.util.errors import UserError
from kgv_jax.workdir import Workdir


@pytest.fixture
def config():
    return resolve(default_config())


def test_the_config_that_claims_a_folder_is_read_back(tmp_path, config):
    run = Workdir(tmp_path / "a" / "b")
    run.claim(config)
    run.claim(config)
    assert run.read_config() == config
    assert run.read_results() is None
    assert sorted(path.name for path in run.path.iterdir()) == ["config.json"]


def test_another_config_is_refused_and_every_difference_is_listed(tmp_path, config):
    Workdir(tmp_path).claim(config)
    (tmp_path / "metrics.jsonl").touch()
    optim = dataclasses.replace(config.optim, learning_rate=0.5)
    other = dataclasses.replace(config, seed=3, optim=optim)
    with pytest.raises(UserError) as caught:
        Workdir(tmp_path).claim(other)
    message = str(caught.value)
    assert "2 differences" in message and "optim.learning_rate: 0.002 -> 0.5" in message and "seed: 0 -> 3" in message
    assert Workdir(tmp_path).read_config() == config


def test_a_folder_in_which_nothing_was_trained_takes_the_corrected_config(tmp_path, config):
    Workdir(tmp_path).claim(config)
    corrected = dataclasses.replace(config, seed=3)
    Workdir(tmp_path).claim(corrected)
    assert Workdir(tmp_path).read_config() == corrected


def test_settings_of_another_version_are_differences(tmp_path, config):
    Workdir(tmp_path).claim(config)
    file = tmp_path / "config.json"
    values = json.loads(file.read_text())
    del values["optim"]["clip_norm"]
    values["optim"]["gone"] = 1
    file.write_text(json.dumps(values))
    (tmp_path / "results.json").write_text("[]")
    with pytest.raises(UserError, match=r"optim.clip_norm: None -> 1.0\n  optim.gone: 1 -> None"):
        Workdir(tmp_path).claim(config)


def test_a_folder_without_a_run_says_so(tmp_path):
    with pytest.raises(UserError, match=r"no config.json.*Train first"):
        Workdir(tmp_path / "nowhere").read_config()


def test_a_workdir_that_cannot_be_written(tmp_path, config):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"--workdir=.*file/run cannot be written: Not a directory"):
        Workdir(tmp_path / "file" / "run").claim(config)


def test_results_are_whole_or_not_there(tmp_path, monkeypatch):
    run = Workdir(tmp_path)
    run.write_records("results.json", [{"accuracy": 0.5}])
    assert run.read_results() == [{"accuracy": 0.5}]

    def refuse(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(workdir_lib.os, "replace", refuse)
    with pytest.raises(UserError, match="no space left"):
        run.write_records("results.json", [])
    assert run.read_results() == [{"accuracy": 0.5}]
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]


def test_every_value_survives_json(tmp_path):
    odd = dataclasses.replace(Config(), fraction=0.1 + 0.2)
    Workdir(tmp_path).claim(odd)
    assert Workdir(tmp_path).read_config().fraction == 0.1 + 0.2
