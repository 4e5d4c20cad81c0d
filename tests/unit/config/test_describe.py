"""The list of settings: all of them, or those with a word."""

import dataclasses

import pytest

from kgv_jax.config.describe import describe
from kgv_jax.config.schema import Config, to_dict
from kgv_jax.util.errors import UserError


def test_every_setting_has_a_row_with_its_meaning():
    rows = describe()
    names = [row.name for row in rows]
    expected = {
        f"{section}.{name}" if isinstance(inner, dict) else section
        for section, inner in to_dict(Config()).items()
        for name in (inner if isinstance(inner, dict) else [""])
    }
    assert set(names) == expected and len(names) == len(expected)
    assert all(row.meaning and row.type for row in rows)


def test_a_row_says_type_default_and_what_is_allowed():
    by_name = {row.name: row for row in describe()}
    assert by_name["data.targets"][1:4] == ("str, ...", "cn,ru,us", "")
    assert by_name["transfer.wise_ft"][1:4] == ("float, ...", "", "0.0 to 1.0")
    assert by_name["train.steps"][1:4] == ("int", "300", "from 0")
    assert by_name["model.dtype"][1:4] == ("str", "float32", "float32, bfloat16")
    assert by_name["kg.inherit"][1:4] == ("bool", "true", "")
    assert by_name["train.stages"].type == "stage, ..."


def test_a_word_is_sought_in_names_and_meanings():
    assert [row.name for row in describe("wise_ft")] == ["transfer.wise_ft"]
    assert "transfer.probe_steps" in [row.name for row in describe("LP-FT")]
    assert [row.name for row in describe("--config.optim.clip_norm")] == ["optim.clip_norm"]


def test_a_word_that_nothing_has_names_the_nearest():
    with pytest.raises(UserError, match=r"No setting has 'learning_rat3' .*did you mean .*learning_rate"):
        describe("learning_rat3")


def test_sections_that_are_composed_later_are_listed(monkeypatch):
    from kgv_jax.config import describe as module
    from kgv_jax.config.setting import setting

    mine = dataclasses.make_dataclass("Mine", [("weight", float, setting(0.5, "of my loss", low=0.0))], frozen=True)
    fields = [("seed", int, setting(0, "a seed", low=0)), ("mine", mine, dataclasses.field(default_factory=mine))]
    composed = dataclasses.make_dataclass("Composed", fields, frozen=True)
    monkeypatch.setattr(module, "config_class", lambda: composed)
    assert [tuple(row) for row in describe("mine.")] == [("mine.weight", "float", "0.5", "from 0.0", "of my loss")]
