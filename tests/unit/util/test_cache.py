import logging
import os
import pathlib
import stat

import pytest

from kgv_jax.util.cache import cache_dir, keep_compiled_programs, private_cache_dir
from kgv_jax.util.errors import UserError


def test_the_named_folder_comes_first(tmp_path, monkeypatch):
    monkeypatch.setenv("KGV_JAX_CACHE", str(tmp_path / "here"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "not_here"))
    assert cache_dir("views", "v1") == tmp_path / "here" / "views" / "v1"
    assert cache_dir("views", "v1").is_dir()


def test_then_the_users_cache_then_the_home(tmp_path, monkeypatch):
    monkeypatch.delenv("KGV_JAX_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_dir() == tmp_path / "xdg" / "kgv_jax"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_dir("art") == tmp_path / ".cache" / "kgv_jax" / "art"


def test_tests_have_a_cache_of_their_own(kgv_cache, empty_kgv_cache):
    assert cache_dir() == empty_kgv_cache != kgv_cache
    assert kgv_cache.is_dir() and not kgv_cache.is_relative_to(pathlib.Path.home() / ".cache")


def test_a_private_folder_is_the_users_alone(empty_kgv_cache):
    folder = private_cache_dir("xla")
    assert folder == empty_kgv_cache / "xla" and stat.S_IMODE(folder.stat().st_mode) == 0o700
    folder.chmod(0o755)
    assert private_cache_dir("xla") == folder, "others may read it"


@pytest.mark.parametrize("mode", [0o720, 0o702, 0o1777])
def test_a_folder_that_others_may_fill_is_refused(empty_kgv_cache, mode):
    private_cache_dir("xla").chmod(mode)
    with pytest.raises(UserError, match=rf"has mode {mode:o}; expected user {os.getuid()} and mode 700.*Delete it"):
        private_cache_dir("xla")


def test_a_folder_that_others_may_replace_is_refused(empty_kgv_cache):
    private_cache_dir("xla")
    empty_kgv_cache.chmod(0o777)
    with pytest.raises(UserError, match=r"above xla, .* has mode 777.*chmod o-w"):
        private_cache_dir("xla")
    empty_kgv_cache.chmod(0o1777)
    assert private_cache_dir("xla").parent == empty_kgv_cache


def test_a_folder_of_another_user_is_refused(empty_kgv_cache, monkeypatch):
    owner = private_cache_dir("xla").stat().st_uid
    monkeypatch.setattr(os, "getuid", lambda: owner + 1)
    with pytest.raises(UserError, match=rf"belongs to user {owner} .* expected user {owner + 1}"):
        private_cache_dir("xla")


def test_a_link_to_a_folder_of_others_is_refused(empty_kgv_cache, tmp_path):
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    theirs.chmod(0o777)
    cache_dir().joinpath("xla").symlink_to(theirs)
    with pytest.raises(UserError, match="theirs belongs to"):
        private_cache_dir("xla")


_JAX_VARIABLES = ("JAX_COMPILATION_CACHE_DIR", "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS")


@pytest.fixture
def no_compilation_cache(monkeypatch):
    """Leaves JAX's variables unset, and puts them back afterwards."""
    for name in _JAX_VARIABLES:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


def test_compiled_programs_are_kept_in_a_private_folder_of_the_cache(no_compilation_cache, empty_kgv_cache, caplog):
    keep_compiled_programs()
    assert [os.environ[name] for name in _JAX_VARIABLES] == [str(empty_kgv_cache / "xla"), "0"]
    assert not caplog.records


@pytest.mark.parametrize("named", ["", "/elsewhere"])
def test_the_environment_decides(no_compilation_cache, empty_kgv_cache, monkeypatch, named):
    monkeypatch.setenv(_JAX_VARIABLES[0], named)
    keep_compiled_programs()
    assert os.environ[_JAX_VARIABLES[0]] == named and not (empty_kgv_cache / "xla").exists()


def test_programs_are_not_kept_in_a_folder_that_others_may_fill(no_compilation_cache, empty_kgv_cache, caplog):
    (empty_kgv_cache / "xla").mkdir(parents=True)
    (empty_kgv_cache / "xla").chmod(0o777)
    with caplog.at_level(logging.WARNING):
        keep_compiled_programs()
    assert not any(name in os.environ for name in _JAX_VARIABLES)
    assert "Compiled programs are not kept" in caplog.text and "mode 777" in caplog.text


def test_a_cache_that_cannot_be_written_is_no_obstacle(no_compilation_cache, tmp_path, monkeypatch, caplog):
    (tmp_path / "file").touch()
    monkeypatch.setenv("KGV_JAX_CACHE", str(tmp_path / "file" / "cache"))
    with caplog.at_level(logging.WARNING):
        keep_compiled_programs()
    assert not any(name in os.environ for name in _JAX_VARIABLES) and "are not kept" in caplog.text
