"""Run folders of earlier versions: read under today's names, or refused in one line."""

import json
import pathlib
import shutil

import pytest

import kgv_jax
from kgv_jax.config import earlier
from kgv_jax.config.files import find_config
from kgv_jax.config.schema import Config, default_config, resolve, to_dict
from kgv_jax.run.workdir import Workdir
from kgv_jax.util.errors import UserError

# Written by the version before settings had today's names:
#   python -m kgv_jax.main --config=configs/roadsigns.py:quick --config.train.steps=31
FOLDER = pathlib.Path(__file__).resolve().parents[2] / "data" / "run_of_0.1"


def _read(**changed):
    values = json.loads((FOLDER / "config.json").read_text())
    for key, value in changed.items():
        section, _, name = key.partition("__")
        if name:
            values[section][name] = value
        else:
            values[section] = value
    return earlier.read_config(values, "run/config.json")


def test_a_config_of_an_earlier_version_is_the_same_config_today():
    today = find_config("roadsigns").get_config("quick")
    today.train.steps = 31
    assert _read() == resolve(today)
    assert Workdir(FOLDER).read_config() == resolve(today)


def test_its_run_goes_on_in_its_folder(tmp_path):
    shutil.copytree(FOLDER, tmp_path, dirs_exist_ok=True)
    today = find_config("roadsigns").get_config("quick")
    today.train.steps = 31
    Workdir(tmp_path).claim(resolve(today))
    today.data.train_views = 31
    with pytest.raises(UserError, match=r"1 differences.*\n  data\.train_views: 30 -> 31"):
        Workdir(tmp_path).claim(resolve(today))


def test_every_renamed_setting_keeps_its_value():
    config = _read(
        data__photographs="yes", data__train_photographs=7, data__test_photographs=8, data__fake_pictures=9,
        data__fake_test_pictures=10, synthetic__photographs=11, synthetic__hands="varied", synthetic__legends="both",
    )  # fmt: skip
    data, synthetic = config.data, config.synthetic
    assert (data.render_views, data.train_views, data.test_views) == ("yes", 7, 8)
    assert (data.fake_images, data.fake_test_images) == (9, 10)
    assert (synthetic.views, synthetic.drawing_styles, synthetic.legends) == (11, "varied", "both")


def test_text_that_is_a_list_today():
    config = _read(
        transfer__freeze="encoder/.*,decoder/bias", transfer__wise_ft="0,0.5,1", model__templates="a {}|the {}",
        train__stages="a 0.5 terms=ce; b 0.5 rate=0.1", optim__warmup_steps=2,
    )  # fmt: skip
    assert config.transfer.freeze == ("encoder/.*", "decoder/bias") and config.transfer.wise_ft == (0.0, 0.5, 1.0)
    assert config.model.templates == ("a {}", "the {}")
    assert [(stage.name, stage.terms, stage.rate) for stage in config.train.stages] == [
        ("a", ("ce",), 1.0),
        ("b", (), 0.1),
    ]


def test_a_text_of_four_meanings_becomes_the_setting_of_one(tmp_path):
    file = tmp_path / "names.txt"
    file.write_text("bus\n")
    for text, expected in {
        "30": {"unseen_count": 30},
        "bus, stop": {"unseen_classes": ("bus", "stop")},
        str(file): {"unseen_file": str(file)},
        "published": {"unseen_published": True},
        "": {},
    }.items():
        zero_shot = _read(zero_shot__unseen=text).zero_shot
        assert zero_shot.given("unseen") == expected and zero_shot.given("validation") == {}


def test_settings_that_are_gone_are_read_where_they_did_what_is_always_done():
    assert _read(synthetic__element_facts=False) == _read()
    with pytest.raises(UserError, match=r"Unknown setting config\.synthetic\.element_facts"):
        _read(synthetic__element_facts=True)


def test_what_cannot_be_read_is_refused_in_one_line_that_names_the_version():
    with pytest.raises(UserError) as caught:
        _read(kgv__gone=1)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("run/config.json is of an earlier kgv_jax, which did not record its version")
    assert "Unknown setting config.kgv.gone" in str(caught.value) and "train again" in str(caught.value)
    with pytest.raises(UserError, match=r"is of kgv_jax 9\.9 and this is kgv_jax .* cannot read it"):
        _read(kgv__gone=1, version="9.9")


def test_the_version_is_written_and_is_no_setting(tmp_path):
    config = resolve(default_config())
    Workdir(tmp_path).claim(config)
    values = json.loads((tmp_path / "config.json").read_text())
    assert values.pop("version") == kgv_jax.__version__ and values == to_dict(config)
    assert Workdir(tmp_path).read_config() == config


def test_heads_of_earlier_records_have_todays_names():
    raw = json.loads((FOLDER / "results.json").read_text())
    assert [record["head"] for record in raw] == ["decoder", "density", "both"]
    read = Workdir(FOLDER).read_results()
    assert [record["head"] for record in read] == ["decoder", "density", "combined"]
    assert [record["accuracy"] for record in read] == [record["accuracy"] for record in raw]


def test_no_name_of_today_is_in_the_table_of_renames():
    today = {
        f"{section}.{name}" for section, inner in to_dict(Config()).items() if isinstance(inner, dict) for name in inner
    }
    renamed = earlier._RENAMED
    assert set(renamed.values()) <= today and not today & {*renamed, *earlier._GONE, *earlier._CHOICES}
