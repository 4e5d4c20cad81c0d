"""BelgiumTSC as published, with exchanged columns, and corrected."""

import pytest

from kgv_jax.data.sources import belgium, road_photographs
from kgv_jax.util.errors import UserError
from tests import road_photographs as written


@pytest.mark.parametrize("exchanged", [True, False])
def test_boxes_are_read_as_the_images_say(tmp_path, exchanged):
    parts = belgium.read(written.belgium(tmp_path, exchanged=exchanged))
    assert {part: len(entries) for part, entries in parts.items()} == {"train": 9, "test": 9}, "a repeated row is one"
    assert {entry.size for entry in parts["test"]} == {(40, 28)}
    assert {entry.box for entry in parts["test"]} == {(5, 3, 35, 23)}
    assert parts["test"][0].group == "01021"


def test_as_a_target(tmp_path):
    written.gtsrb(tmp_path / "GTSRB")
    written.belgium(tmp_path / "BelgiumTSC")
    data = road_photographs.load(tmp_path, targets=("be",))
    assert sorted({image.label for image in data.domains["be"]}) == ["no-entry", "stop"]
    assert any("C43 all speed limits" in note for note in data.notes)
    assert not any("another size" in note for note in data.notes)


def test_what_is_missing_is_reported(tmp_path):
    (tmp_path / "readme.txt").write_text("nothing")
    with pytest.raises(UserError, match=r"no folder Training or Testing of BelgiumTSC"):
        belgium.read(tmp_path)
    table = written.belgium(tmp_path) / "BelgiumTSC_Testing" / "Testing" / "00021" / "GT-00021.csv"
    table.write_text(table.read_text().replace(";21\n", ";99\n"))
    with pytest.raises(UserError, match=r"ClassId is 99; expected 0 to 61"):
        belgium.read(tmp_path)
