"""GTSRB in its three layouts, and what is wrong with a broken one."""

import collections

import numpy as np
import pytest

from kgv_jax.data.boxed import fit_boxes, to_image
from kgv_jax.data.sources import gtsrb
from kgv_jax.util.errors import UserError
from tests import road_photographs as written


@pytest.fixture
def root(tmp_path):
    return written.gtsrb(tmp_path)


def table(root, label=14):
    return root / "GTSRB" / "Final_Training" / "Images" / f"{label:05d}" / f"GT-{label:05d}.csv"


def test_the_published_layout(root):
    train, test = gtsrb.read_train(root), gtsrb.read_test(root)
    assert collections.Counter(entry.label for entry in train) == {"1": 15, "14": 15, "17": 15}
    assert [entry.label for entry in test] == ["1", "14", "17"]
    assert {entry.box for entry in train + test} == {(5, 5, 25, 23)}
    assert len({entry.name for entry in train + test}) == 48


def test_frames_of_a_track_are_one_group_and_classes_share_none(root):
    groups = collections.Counter(entry.group for entry in gtsrb.read_train(root))
    assert len(groups) == 15 and set(groups.values()) == {3}


def test_the_layout_of_torchvision(root):
    (root / "gtsrb" / "GTSRB").mkdir(parents=True)
    (root / "GTSRB" / "Final_Training" / "Images").rename(root / "gtsrb" / "GTSRB" / "Training")
    (root / "GTSRB" / "Final_Test").rename(root / "gtsrb" / "GTSRB" / "Final_Test")
    (root / "GT-final_test.csv").rename(root / "gtsrb" / "GT-final_test.csv")
    for base in (root, root / "gtsrb"):
        assert len(gtsrb.read_train(base)) == 45 and len(gtsrb.read_test(base)) == 3


def test_the_layout_of_kaggle(tmp_path):
    written.kaggle_gtsrb(tmp_path)
    train, test = gtsrb.read_train(tmp_path), gtsrb.read_test(tmp_path)
    groups = collections.Counter(entry.group for entry in train)
    assert len(train) == 24 and len(groups) == 12 and set(groups.values()) == {2}
    assert [(entry.label, entry.path.name) for entry in test] == [("1", "00000.png")]


def test_a_image_is_the_crop_of_its_box(root):
    entry = next(entry for entry in gtsrb.read_train(root) if "00002_" in entry.name)
    pixels = to_image(entry, domain="de", margin=0.0).load(10)
    assert pixels.shape == (10, 10, 4) and pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels[5, 5], (255 - 80, 0, 80, 255))


def test_without_the_test_part(root):
    (root / "GTSRB" / "Final_Test").rename(root / "moved")
    assert gtsrb.read_test(root) == ()


def test_test_images_without_their_classes(root):
    (root / "GT-final_test.csv").unlink()
    with pytest.raises(UserError, match=r"no GT-final_test\.csv.*GTSRB_Final_Test_GT\.zip"):
        gtsrb.read_test(root)


@pytest.mark.parametrize(
    ("old", "new", "reported"),
    [
        ("Roi.X2", "X2", r"GT-00014\.csv: no column 'Roi\.X2'; it has Filename, Width"),
        (";", ",", r"GT-00014\.csv: no column 'Filename'"),
        (";5;5;25;23;14", ";;;;;14", r"GT-00014\.csv: line 2: Roi\.X1 is ''; expected a whole number"),
        (";5;5;25;23;14", ";5;5", r"GT-00014\.csv: line 2: 5 cells; expected 8 or more"),
        (";5;5;25;23;14", ";25;5;5;23;14", r"line 2: the box \(25, 5, 5, 23\).*inside the image, 30 x 28"),
        (";5;5;25;23;14", ";31;5;40;23;14", r"line 2: the box \(31, 5, 40, 23\).*30 x 28"),
        (";23;14", ";23;43", r"GT-00014\.csv: line 2: ClassId is 43; expected 0 to 42"),
        (";23;14", ";23;stop", r"ClassId is 'stop'; expected a whole number"),
    ],
)
def test_a_broken_table_is_reported(root, old, new, reported):
    path = table(root)
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(UserError, match=reported):
        gtsrb.read_train(root)


def test_a_table_that_is_missing_or_empty(root):
    table(root).write_text(written.GTSRB_HEADER)
    with pytest.raises(UserError, match=r"GT-00014\.csv: the table has no row"):
        gtsrb.read_train(root)
    table(root).write_text("")
    with pytest.raises(UserError, match=r"GT-00014\.csv: no column 'Filename'; it has none"):
        gtsrb.read_train(root)
    table(root).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match=r"GT-00014\.csv: cannot be read as a table"):
        gtsrb.read_train(root)
    table(root).unlink()
    with pytest.raises(UserError, match=r"GT-00014\.csv: no such table\. Unpack"):
        gtsrb.read_train(root)


def test_a_image_that_is_named_but_absent(root):
    for frame in range(3):
        (table(root).parent / f"00001_{frame:05d}.ppm").unlink()
    with pytest.raises(UserError, match=r"GT-00014\.csv: 3 of the 15 images it names are absent: .*00001_00000\.ppm"):
        gtsrb.read_train(root)


def test_a_truncated_image_is_reported_when_it_is_loaded(root):
    entry = gtsrb.read_train(root)[0]
    entry.path.write_bytes(entry.path.read_bytes()[:500])
    with pytest.raises(UserError, match=rf"{entry.path.name}: the PPM data cannot be decoded"):
        to_image(entry, domain="de", margin=0.1).load(8)


def test_folders_without_a_set(tmp_path):
    with pytest.raises(UserError, match=r"the folder is empty; expected GTSRB/Final_Training"):
        gtsrb.read_train(tmp_path)
    with pytest.raises(UserError, match=r"none: no such folder"):
        gtsrb.read_test(tmp_path / "none")
    (tmp_path / "other").mkdir()
    with pytest.raises(UserError, match=r"no training images of GTSRB; expected"):
        gtsrb.read_train(tmp_path)
    (tmp_path / "Training").mkdir()
    with pytest.raises(UserError, match=r"Training: no class folder; expected 00000 to 00042"):
        gtsrb.read_train(tmp_path)


def test_a_resized_copy_has_its_boxes_scaled(tmp_path):
    entries = gtsrb.read(written.gtsrb(tmp_path))["train"]
    for entry in entries:
        written.write_image(entry.path, width=60, height=56)
    fitted, notes = fit_boxes(entries)
    assert {entry.box for entry in entries} == {(5, 5, 25, 23)} and {entry.box for entry in fitted} == {
        (10, 10, 50, 46)
    }
    assert len(notes) == 1 and "60 x 56 instead of 30 x 28; their boxes were scaled" in notes[0]


def test_an_empty_file_is_named(tmp_path):
    entries = gtsrb.read(written.gtsrb(tmp_path))["train"]
    entries[4].path.write_bytes(b"")
    with pytest.raises(UserError, match=rf"{entries[4].path.name}: the file is empty \(0 bytes\)"):
        fit_boxes(entries)
