import pathlib

from kgv_jax.util.cache import cache_dir


def test_the_named_folder_comes_first(tmp_path, monkeypatch):
    monkeypatch.setenv("KGV_JAX_CACHE", str(tmp_path / "here"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "not_here"))
    assert cache_dir("banks", "v1") == tmp_path / "here" / "banks" / "v1"
    assert cache_dir("banks", "v1").is_dir()


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
