"""Configs by name, from a clone and from an installed package."""

import pathlib
import shutil
import subprocess
import sys

import pytest

from kgv_jax.config import files
from kgv_jax.config.schema import resolve
from kgv_jax.util.errors import UserError

ROOT = pathlib.Path(__file__).resolve().parents[3]


def test_a_config_is_found_by_its_name():
    assert files.find_config_path("roadsigns").samefile(ROOT / "configs" / "roadsigns.py")
    assert set(files.config_names()) == {path.stem for path in (ROOT / "configs").glob("*.py")}
    assert files.find_config("roadsigns").get_config("artwork").data.name == "artwork"


def test_names_paths_and_variants_load_the_same(tmp_path):
    there = ROOT / "configs" / "roadsigns.py"
    quick = resolve(files.load_config_file("roadsigns:quick"))
    assert quick == resolve(files.load_config_file(f"{there}:quick")) and quick.train.steps == 150
    elsewhere = shutil.copy(ROOT / "configs" / "zero_shot.py", tmp_path / "mine.py")
    assert resolve(files.load_config_file(str(elsewhere))).zero_shot.unseen_count == 30


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("roadsign", r"no config 'roadsign', did you mean 'roadsigns'\?; expected a file \(FILE\.py\) or one of cars"),
        ("configs/nowhere.py", r"configs/nowhere\.py is no file"),
        ("emoji:fast", r"variant of configs/emoji\.py is 'fast'; expected quick"),
    ],
)
def test_what_is_not_there_is_refused(name, words):
    with pytest.raises(UserError, match=words):
        files.load_config_file(name)


def test_every_variant_of_emoji():
    quick, whole = (resolve(files.load_config_file(name)) for name in ("emoji:quick", "emoji"))
    assert (quick.train.steps, quick.optim.warmup_steps, quick.data.train_views, quick.data.test_views) == (24, 2, 4, 2)
    assert whole.train.steps == 600 and quick.data.targets == whole.data.targets


def test_an_installed_package_prefers_the_configs_in_it(monkeypatch, tmp_path):
    inside, beside = tmp_path / "kgv_jax" / "configs", tmp_path / "configs"
    monkeypatch.setattr(files, "_FOLDERS", (inside, beside))
    beside.mkdir()
    (beside / "mine.py").write_text("get_config = lambda: 'beside'")
    assert files.load_config_file("mine") == "beside"
    inside.mkdir(parents=True)
    (inside / "mine.py").write_text("get_config = lambda: 'inside'")
    assert files.load_config_file("mine") == "inside"


@pytest.mark.processes
def test_configs_that_change_others_work_from_any_folder(tmp_path):
    script = "from kgv_jax.config.files import load_config_file as load; print(load('infuse:emoji').data.name)"
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, check=True,
                          capture_output=True, text=True)  # fmt: skip
    assert done.stdout.strip() == "emoji"
