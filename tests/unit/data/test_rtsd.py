"""RTSD in its three layouts, and what is wrong with a broken one."""

import json

import numpy as np
import pytest

from kgv_jax.data.boxed import to_image
from kgv_jax.data.sources import rtsd
from kgv_jax.util.errors import UserError
from tests import road_photographs as written


def test_cut_out_signs(tmp_path):
    written.rtsd_crops(tmp_path)
    for part in ("train", "test"):
        entries = rtsd.read_part(tmp_path, part=part)
        assert [entry.label for entry in entries] == list(written.RTSD_CODES)
        assert {entry.path.parent.name for entry in entries} == {part}
    pixels = to_image(entries[0], domain="ru", margin=0.1).load(48)
    assert pixels[0, 0].tolist() == [128, 128, 128, 255] and pixels[24, 24].tolist() == [255, 0, 0, 255]


def test_whole_frames(tmp_path):
    first, second = rtsd.read_part(written.rtsd_frames(tmp_path))
    assert (first.label, first.box) == ("3_24_n30", (10, 10, 30, 32))
    assert (second.label, second.box) == ("2_5", (60, 10, 69, 19))
    assert first.path == second.path and first.name != second.name
    pixels = to_image(first, domain="ru", margin=0.0).load(16)
    np.testing.assert_allclose(pixels[8, 8], (254, 0, 0, 255), atol=4)


def test_frames_in_the_folder_that_kaggle_nests(tmp_path):
    written.rtsd_frames(tmp_path)
    (tmp_path / "rtsd-frames").rename(tmp_path / "inner")
    (tmp_path / "rtsd-frames").mkdir()
    (tmp_path / "inner").rename(tmp_path / "rtsd-frames" / "rtsd-frames")
    assert len(rtsd.read_part(tmp_path)) == 2


@pytest.mark.parametrize("label_map", [True, False])
def test_coco(tmp_path, label_map):
    written.rtsd_coco(tmp_path)
    if not label_map:
        (tmp_path / "label_map.json").unlink()
    entries = rtsd.read_part(tmp_path)
    assert [(entry.label, entry.box) for entry in entries] == [("2_5", (10, 10, 30, 32)), ("3_24", (60, 10, 69, 19))]


def test_a_code_without_its_value():
    codes = ("3_24_n40", "3_13_r3.5", "3_11_n", "1_20_3", "2_5")
    assert [rtsd.without_value(code) for code in codes] == ["3_24", "3_13", "3_11", "1_20_3", "2_5"]


@pytest.mark.parametrize(
    ("file", "old", "new", "reported"),
    [
        ("gt_test.csv", "class_number", "label", r"gt_test\.csv: no column 'class_number'; it has filename, label"),
        ("gt_test.csv", ".png,1", ".png,99", r"gt_test\.csv: line 3: class_number is '99', which numbers_to_classes"),
        ("gt_test.csv", "000001", "000009", r"gt_test\.csv: 1 of the 4 images it names are absent: .*000009\.png"),
        ("numbers_to_classes.csv", "2_5", "stop", r"line 3: sign_class is 'stop'; expected a code such as 3_24_n40"),
    ],
)
def test_broken_tables_of_crops_are_reported(tmp_path, file, old, new, reported):
    path = written.rtsd_crops(tmp_path) / "rtsd-r1" / file
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(UserError, match=reported):
        rtsd.read_part(tmp_path)


def test_crops_without_the_names_of_classes(tmp_path):
    (written.rtsd_crops(tmp_path) / "rtsd-r1" / "numbers_to_classes.csv").unlink()
    with pytest.raises(UserError, match=r"numbers_to_classes\.csv: no such table"):
        rtsd.read_part(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "reported"),
    [
        ("x_from", "x", r"full-gt\.csv: no column 'x_from'"),
        ("60,10,9,9", "60,10,0,9", r"full-gt\.csv: line 3: the box \[60, 10, 0, 9\]"),
        ("60,10,9,9", ",,,", r"full-gt\.csv: line 3: x_from is ''"),
        ("2_5,1", ",1", r"full-gt\.csv: line 3: sign_class is ''"),
        ("autosave01", "other", r"full-gt\.csv: 1 of the 1 images it names are absent"),
    ],
)
def test_a_broken_table_of_frames_is_reported(tmp_path, old, new, reported):
    path = written.rtsd_frames(tmp_path) / "full-gt.csv"
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(UserError, match=reported):
        rtsd.read_part(tmp_path)


def test_a_box_outside_of_its_frame_is_reported_when_it_is_loaded(tmp_path):
    path = written.rtsd_frames(tmp_path) / "full-gt.csv"
    path.write_text(path.read_text().replace("60,10,9,9", "160,10,9,9"))
    entry = rtsd.read_part(tmp_path)[1]
    with pytest.raises(UserError, match=r"autosave.*\.jpg: the box \(160, 10, 169, 19\) .* which is 128 x 72"):
        to_image(entry, domain="ru", margin=0.1).load(8)


@pytest.mark.parametrize(
    ("change", "reported"),
    [
        (lambda content: content.pop("annotations"), r"val_anno\.json: no list 'annotations'"),
        (lambda content: content["annotations"][1].pop("bbox"), r"val_anno\.json: annotations 2 has no 'bbox'"),
        (lambda content: content["annotations"][1].update(bbox=[1, 2, 3]), r"annotation 2: the box \[1, 2, 3\]"),
        (lambda content: content["annotations"][1].update(image_id=8), r"annotation 2 has the image_id 8, which"),
        (lambda content: content["annotations"][1].update(category_id=9), r"annotation 2 has the category_id 9"),
    ],
)
def test_a_broken_coco_file_is_reported(tmp_path, change, reported):
    path = written.rtsd_coco(tmp_path) / "val_anno.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match=reported):
        rtsd.read_part(tmp_path)


def test_what_is_missing_is_reported(tmp_path):
    with pytest.raises(UserError, match=r"the folder is empty; expected rtsd-r1/gt_test\.csv, full-gt\.csv"):
        rtsd.read_part(tmp_path)
    written.rtsd_coco(tmp_path)
    (tmp_path / "val_anno.json").write_text('{"images": [')
    with pytest.raises(UserError, match=r"val_anno\.json: cannot be read as JSON"):
        rtsd.read_part(tmp_path)
    (tmp_path / "val_anno.json").write_text("[]")
    with pytest.raises(UserError, match=r"val_anno\.json: a list; expected a JSON object"):
        rtsd.read_part(tmp_path)
    (tmp_path / "rtsd-frames").rename(tmp_path / "frames")
    with pytest.raises(UserError, match=r"no folder rtsd-frames"):
        rtsd.read_part(tmp_path)
    (tmp_path / "val_anno.json").unlink()
    with pytest.raises(UserError, match=r"no table of RTSD; expected"):
        rtsd.read_part(tmp_path)
