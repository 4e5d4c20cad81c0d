"""The folder of a run: claimed by one config, finished when its results are there."""

import dataclasses
import errno
import json
import os

import pytest

from kgv_jax.config.schema import Config, default_config, resolve
from kgv_jax.run import workdir as workdir_lib
from kgv_jax.run.workdir import Workdir
from kgv_jax.util.errors import UserError


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


def _written_by_an_earlier_version(folder, config, **settings):
    Workdir(folder).claim(config)
    file = folder / "config.json"
    values = json.loads(file.read_text())
    del values["optim"]["clip_norm"]
    values["optim"] |= settings
    file.write_text(json.dumps(values))
    (folder / "results.json").write_text("[]")


def test_a_setting_that_was_not_there_yet_has_its_default(tmp_path, config):
    _written_by_an_earlier_version(tmp_path, config)
    Workdir(tmp_path).claim(config)
    other = dataclasses.replace(config, optim=dataclasses.replace(config.optim, clip_norm=7.0))
    with pytest.raises(UserError, match=r"1 differences.*\n  optim.clip_norm: 1.0 -> 7.0"):
        Workdir(tmp_path).claim(other)


def test_a_setting_that_is_gone_is_a_difference(tmp_path, config):
    _written_by_an_earlier_version(tmp_path, config, gone=1)
    with pytest.raises(UserError, match=r"1 differences.*\n  optim.gone: 1 -> None"):
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
    with pytest.raises(UserError, match="No space left"):
        run.write_records("results.json", [])
    assert run.read_results() == [{"accuracy": 0.5}]
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]


def test_every_value_survives_json(tmp_path):
    odd = dataclasses.replace(Config(), fraction=0.1 + 0.2)
    Workdir(tmp_path).claim(odd)
    assert Workdir(tmp_path).read_config().fraction == 0.1 + 0.2
