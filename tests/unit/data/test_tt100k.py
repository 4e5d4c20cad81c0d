"""Signs of TT100K, cut out or in whole frames; what is broken is named."""

import collections
import json

import pytest

from kgv_jax.data.boxed import WHOLE
from kgv_jax.data.sources import road_photographs, tt100k
from kgv_jax.data.types import UNSEEN
from kgv_jax.util.errors import UserError
from tests import road_photographs as written


def test_cut_out_signs(tmp_path):
    parts = tt100k.read(written.tt100k_crops(tmp_path))
    assert {part: len(entries) for part, entries in parts.items()} == {"train": 40, "test": 10}
    first = parts["train"][0]
    assert (first.label, first.group, first.box) == ("p11", "300", WHOLE)
    assert collections.Counter(entry.group for entry in parts["train"] if entry.label == "ps")["100"] == 2


def test_whole_frames(tmp_path):
    parts = tt100k.read(written.tt100k_frames(tmp_path))
    assert {part: [entry.label for entry in own] for part, own in parts.items()} == {
        "train": ["pl30", "ps"],
        "test": ["pne"],
    }
    assert [entry.group for entry in parts["train"]] == ["7", "7"]
    assert parts["test"][0].box == (12, 10.5, 32, 31.0)


@pytest.mark.parametrize(
    ("change", "reported"),
    [
        ({"category": "ps"}, "object 0 of frame 7 is .*expected a category and a bbox"),
        ({"category": "ps", "bbox": {"xmin": 9, "ymin": 9, "xmax": 9, "ymax": 20}}, "object 0 of frame 7"),
    ],
)
def test_a_broken_object_is_named(tmp_path, change, reported):
    table = written.tt100k_frames(tmp_path) / "data" / "annotations_all.json"
    content = json.loads(table.read_text())
    content["imgs"]["7"]["objects"][0] = change
    table.write_text(json.dumps(content))
    with pytest.raises(UserError, match=reported):
        tt100k.read(tmp_path)


def test_a_box_outside_of_its_frame_is_named(tmp_path):
    root = tmp_path / "root"
    written.gtsrb(root / "GTSRB")
    table = written.tt100k_frames(root / "TT100K") / "data" / "annotations_all.json"
    content = json.loads(table.read_text())
    content["imgs"]["8"]["objects"][0]["bbox"]["xmax"] = 140
    table.write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"8\.jpg: the box .*reaches out of the image, which is 96 x 64"):
        road_photographs.load(root, targets=("cn",))


def test_neither_layout(tmp_path):
    (tmp_path / "readme.txt").write_text("nothing")
    with pytest.raises(UserError, match=r"no signs of TT100K; expected annotations_all\.json"):
        tt100k.read(tmp_path)


@pytest.fixture
def root(tmp_path):
    written.gtsrb(tmp_path / "GTSRB")
    written.tt100k_crops(tmp_path / "TT100K")
    return tmp_path


def test_china_is_the_set_that_is_there(root):
    data = road_photographs.load(root, targets=("cn",))
    assert {image.domain for image in data.domains["cn"]} == {"cn"} and len(data.domains["cn"]) == 6
    written.tsrd(root / "TSRD")
    with pytest.raises(UserError, match=r"holds TSRD and TT100K.*say which: cn-tsrd or cn-tt100k"):
        road_photographs.load(root, targets=("cn",))
    both = road_photographs.load(root, targets=("cn-tsrd", "cn-tt100k"))
    assert {name: len(images) for name, images in both.domains.items()} == {"de": 3, "cn-tsrd": 3, "cn-tt100k": 6}


def test_oracles_see_nested_photographs_that_are_not_tested(root):
    def shown(count):
        images = road_photographs.load(root, targets=("cn",), target_images=count).train
        return {image.id for image in images if image.domain == "cn"}

    assert not shown(0)
    assert shown(1) < shown(2) < shown(4) < shown(10**6)
    assert [len(shown(count)) for count in (1, 2, 4, 10**6)] == [3, 6, 12, 24]
    tested = {image.id for image in road_photographs.load(root, targets=("cn",)).domains["cn"]}
    assert not shown(10**6) & tested
    # A frame of the test part in the training part too: its signs are left out, with a note.
    written.write_image(root / "TT100K" / "train" / "ps" / "110_9.png", width=24, height=24)
    data = road_photographs.load(root, targets=("cn",), target_images=10**6)
    assert not any("110_9" in image.id for image in data.train)
    assert any("1 training images show what its test part shows too" in note for note in data.notes)


def test_an_oracle_needs_a_training_part(root):
    written.rtsd_frames(root / "RTSD")
    with pytest.raises(UserError, match=r"target_images is 4, and 'ru' has no training part of its own"):
        road_photographs.load(root, targets=("ru",), target_images=4)


def test_classes_that_only_a_target_has(root):
    data = road_photographs.load(root, targets=("cn",), every_class=True)
    assert data.untrained == data.published[UNSEEN] == ("no-horn",) and "no-horn" in data.classes
    assert not data.train.of_classes(["no-horn"]) and len(data.domains["cn"].of_classes(["no-horn"])) == 2


def test_groups_are_tracks_and_frames(root):
    data = road_photographs.load(root, targets=("cn",))
    assert len({*data.train.groups.tolist()}) * 3 == len(data.train)
    assert data.domains["cn"].groups.tolist()[0].startswith("cn/")
