"""Tables of named entries: what they read, in which words they refuse, and that a name is there once."""

import sys
import types

import pytest

from kgv_jax.util.errors import UserError
from kgv_jax.util.registry import Registry


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A subpackage of three modules, two of which state entries."""
    folder = tmp_path / "made_up"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "second.py").write_text("THINGS = {'b': 2}\n")
    (folder / "first.py").write_text("THINGS = {'a': 1}\n")
    (folder / "other.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    yield folder
    for name in [name for name in sys.modules if name.split(".")[0] == "made_up"]:
        del sys.modules[name]


def test_modules_are_imported_when_the_table_is_first_read(package):
    table = Registry("thing", attribute="THINGS", package="made_up")
    assert "made_up.first" not in sys.modules
    assert dict(table) == {"a": 1, "b": 2} and len(table) == 2
    assert "made_up.first" in sys.modules


def test_an_unknown_name_is_refused_with_the_nearest(package):
    (package / "third.py").write_text("THINGS = {'colour': 3}\n")
    table = Registry("thing", attribute="THINGS", package="made_up")
    with pytest.raises(UserError, match=r"There is no thing 'color', did you mean 'colour'\?; known: a, b, colour\."):
        table["color"]


def test_a_module_may_import_the_table(package):
    table = Registry("thing", attribute="THINGS", package="made_up")
    sys.modules["made_up_table"] = types.SimpleNamespace(THINGS=table)
    (package / "third.py").write_text("from made_up_table import THINGS\n")
    try:
        assert list(table) == ["a", "b"]
    finally:
        del sys.modules["made_up_table"]


def test_two_modules_with_the_same_name_are_an_error(package):
    (package / "third.py").write_text("THINGS = {'a': 3}\n")
    with pytest.raises(ValueError, match=r"made_up\.third states the thing \['a'\] a second time"):
        list(Registry("thing", attribute="THINGS", package="made_up"))


def test_what_a_user_adds_is_of_the_type_and_has_a_name_of_its_own():
    table = Registry("thing", attribute="THINGS", entries={"a": 1}, of=int)
    table.add({"b": 2}, where="mine.py")
    assert dict(table) == {"a": 1, "b": 2}
    with pytest.raises(UserError, match=r"mine\.py adds the thing 'a', which exists already\. Give it another name"):
        table.add({"a": 5}, where="mine.py")
    with pytest.raises(UserError, match=r"mine\.py: THINGS\['c'\] is 'x' \(str\); expected an entry of type int"):
        table.add({"c": "x"}, where="mine.py")
    assert dict(table) == {"a": 1, "b": 2}
