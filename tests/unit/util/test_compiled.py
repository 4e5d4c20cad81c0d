"""Where a run keeps its compiled programs. What a run does is in tests/integration."""

import logging
import os

import pytest

from kgv_jax.util.compiled import keep_compiled_programs

_NAMES = ("JAX_COMPILATION_CACHE_DIR", "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS")


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in _NAMES:
        monkeypatch.setenv(name, "")  # so that it is put back afterwards
        monkeypatch.delenv(name)


def test_compiled_programs_are_kept_in_a_private_folder_of_the_cache(empty_kgv_cache, caplog):
    keep_compiled_programs()
    assert [os.environ[name] for name in _NAMES] == [str(empty_kgv_cache / "xla"), "0"]
    assert not caplog.records


@pytest.mark.parametrize("named", ["", "/elsewhere"])
def test_the_environment_decides(empty_kgv_cache, monkeypatch, named):
    monkeypatch.setenv(_NAMES[0], named)
    keep_compiled_programs()
    assert os.environ[_NAMES[0]] == named and not (empty_kgv_cache / "xla").exists()


def test_a_folder_that_others_may_fill_is_not_used(empty_kgv_cache, caplog):
    (empty_kgv_cache / "xla").mkdir(parents=True)
    (empty_kgv_cache / "xla").chmod(0o777)
    with caplog.at_level(logging.WARNING):
        keep_compiled_programs()
    assert not any(name in os.environ for name in _NAMES)
    assert "Compiled programs are not kept" in caplog.text and "mode 777" in caplog.text


def test_a_cache_that_cannot_be_written_is_no_obstacle(tmp_path, monkeypatch, caplog):
    (tmp_path / "file").touch()
    monkeypatch.setenv("KGV_JAX_CACHE", str(tmp_path / "file" / "cache"))
    with caplog.at_level(logging.WARNING):
        keep_compiled_programs()
    assert not any(name in os.environ for name in _NAMES) and "are not kept" in caplog.text
