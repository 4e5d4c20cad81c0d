"""TSRD as published, and what is wrong with a broken one."""

import shutil

import pytest

from kgv_jax.data.boxed import fit_boxes
from kgv_jax.data.sources import tsrd
from kgv_jax.util.errors import UserError
from tests import road_photographs as written


@pytest.fixture
def root(tmp_path):
    return written.tsrd(tmp_path)


def table(root):
    return root / "TSRD-Test Annotation" / "TsignRecgTest1994Annotation.txt"


@pytest.mark.parametrize(("part", "folder"), [("train", "tsrd-train"), ("test", "TSRD-Test")])
def test_each_part_has_its_own_images(root, part, folder):
    entries = tsrd.read_part(root, part=part)
    assert [entry.label for entry in entries] == ["2", "52", "55", "17"]
    assert {entry.path.parent.name for entry in entries} == {folder}
    assert {entry.box for entry in entries} == {(5, 5, 25, 23)}


def test_everything_in_one_folder(root):
    flat = root / "flat"
    (root / "TSRD-Test").rename(flat)
    table(root).rename(flat / table(root).name)
    assert len(tsrd.read_part(flat)) == 4


@pytest.mark.parametrize(
    ("old", "new", "reported"),
    [
        ("23;52;", "23;58;", r"Annotation\.txt: line 2: the class is 58; expected 0 to 57"),
        ("23;52;", "23;;", r"line 2: class is ''; expected a whole number"),
        (";5;5;25;23;52;", ";", r"line 2: 4 cells; expected 8 or more"),
        (";5;5;25;23;52", ";5;30;25;40;52", r"line 2: the box \(5, 30, 25, 40\).*inside the image, 30 x 28"),
        ("052_0001.png", "052_0002.png", r"1 of the 4 images it names are absent: .*052_0002\.png"),
    ],
)
def test_a_broken_list_is_reported(root, old, new, reported):
    table(root).write_text(table(root).read_text().replace(old, new))
    with pytest.raises(UserError, match=reported):
        tsrd.read_part(root)


def test_what_is_missing_is_reported(root, tmp_path):
    table(root).write_text("")
    with pytest.raises(UserError, match=r"1994Annotation\.txt: the table has no row"):
        tsrd.read_part(root)
    table(root).unlink()
    with pytest.raises(UserError, match=r"no TsignRecgTest1994Annotation\.txt.*TSRD's test part"):
        tsrd.read_part(root)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"empty: the folder is empty"):
        tsrd.read_part(tmp_path / "empty")


def test_a_list_without_its_images(root):
    for folder in ("TSRD-Test", "tsrd-train"):
        for path in (root / folder).iterdir():
            path.unlink()
    with pytest.raises(UserError, match=r"none of the images 002_0001\.png and 017_0001\.png"):
        tsrd.read_part(root)


def test_twins_are_kept_once(tmp_path):
    written.tsrd(tmp_path)
    table = tmp_path / "TSRD-Train Annotation" / "TsignRecgTrain4170Annotation.txt"
    names = ("002_0001.png", "002_1_0001.png", "002_0007_j.png", "002_1_0007_j.png", "002_1_0009.png")
    for name in names:
        written.write_image(tmp_path / "tsrd-train" / name)
    table.write_text("".join(f"{name};30;28;5;5;25;23;2;\n" for name in names))
    kept = [entry.path.name for entry in tsrd.read(tmp_path)["train"]]
    assert kept == ["002_0001.png", "002_0007_j.png", "002_1_0009.png"], "a twin without its first is no twin"


@pytest.mark.parametrize("part", ["train", "test"])
def test_one_part_is_enough(tmp_path, part):
    written.tsrd(tmp_path)
    other = {"train": "Test", "test": "Train"}[part]
    shutil.rmtree(tmp_path / f"TSRD-{other} Annotation")
    assert [*tsrd.read(tmp_path)] == [part]


def test_no_part(tmp_path):
    (tmp_path / "readme.txt").write_text("nothing")
    with pytest.raises(
        UserError, match=r"neither TsignRecgTrain4170Annotation\.txt nor TsignRecgTest1994Annotation\.txt"
    ):
        tsrd.read(tmp_path)


def test_a_resized_copy_has_its_boxes_scaled(tmp_path):
    entries = tsrd.read(written.tsrd(tmp_path))["test"]
    for entry in entries:
        written.write_image(entry.path, width=60, height=56)
    fitted, notes = fit_boxes(entries)
    assert {entry.box for entry in fitted} == {(10, 10, 50, 46)} and len(notes) == 1
