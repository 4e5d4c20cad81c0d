"""TSRD as published, and what is wrong with a broken one."""

import pytest

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
