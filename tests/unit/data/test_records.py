"""Encoded photographs as a list of images, and as crops that are read when they are asked for."""

import dataclasses
import io

import numpy as np
import pytest
from PIL import Image

from kgv_jax.data.crop import CentreCrop, RandomCrop
from kgv_jax.data.encoded import CropReader
from kgv_jax.data.pipeline import Stream, make_pipeline
from kgv_jax.data.records import Cropped, Records
from kgv_jax.data.types import Reading
from kgv_jax.util.errors import UserError


def _image(value: int) -> bytes:
    file = io.BytesIO()
    ramp = np.linspace(0, 100, 48, dtype=np.uint8)[None, :, None] + np.uint8(value)
    Image.fromarray(np.broadcast_to(ramp, (32, 48, 3)).copy()).save(file, "JPEG", quality=95)
    return file.getvalue()


DATA = [_image(10 * k) for k in range(6)]


def _records(data=tuple(DATA)) -> Records:
    label = np.arange(len(data), dtype=np.int32) % 2
    name = np.array([f"{k}.JPEG" for k in range(len(data))], "S")
    return Records("val", ("a", "b"), label, name, lambda rows: [data[row] for row in rows])


def test_a_list_of_images():
    records = _records()
    assert [(p.id, p.label, p.domain) for p in records][:2] == [("val/0.JPEG", "a", "val"), ("val/1.JPEG", "b", "val")]
    assert records[-1].id == "val/5.JPEG" and records[5].load(8).shape == (8, 8, 4)
    assert [p.id for p in records[4:]] == ["val/4.JPEG", "val/5.JPEG"]
    with pytest.raises(IndexError):
        records[6]


def test_what_is_taken_is_read():
    part = _records().take(np.array([5, 0, 3])).take(np.array([2, 0]))
    assert part.read_encoded(np.array([1, 0])) == [DATA[5], DATA[3]]
    assert part.labels.tolist() == [1, 1] and part.ids.tolist() == ["val/3.JPEG", "val/5.JPEG"]


def test_lengths_must_agree():
    with pytest.raises(ValueError, match="lengths"):
        Records("val", ("a",), np.zeros(2, np.int32), np.array([b"x"]), lambda rows: [])


def test_crops_are_read_when_they_are_asked_for():
    cropped = _records().open(Reading(16, "val", seed=0))
    assert cropped.shape == (16, 16, 3) and cropped.dtype == np.uint8 and len(cropped) == 6
    rows = np.arange(6)
    whole = cropped.read(rows, rows)
    np.testing.assert_array_equal(whole[2:5], np.concatenate([cropped.read([k], [0]) for k in (2, 3, 4)]))
    assert cropped.read(rows[:0], rows[:0]).shape == (0, 16, 16, 3)
    assert np.all(np.diff(whole.mean((1, 2, 3))) > 5)
    part = cropped.take(np.array([4, 1]))
    np.testing.assert_array_equal(part.read(rows[:2], rows[:2]), whole[[4, 1]])
    assert part.ids.tolist() == part.groups.tolist() == ["val/4.JPEG", "val/1.JPEG"]
    assert part.labels.tolist() == [0, 1] and part.alternative_labels.shape == (2, 0)


def test_an_evaluation_shows_the_central_share():
    records = dataclasses.replace(_records(), crop_share=0.5)
    shown = records.open(Reading(16, "val", seed=0)).read([0], [0])
    np.testing.assert_array_equal(shown, CropReader(16, CentreCrop(0.5))([DATA[0]], [0]))


def test_a_stream_shows_another_crop_each_time():
    cropped = _records().open(Reading(16, "train", seed=0, crop=RandomCrop(0, "train")))
    stream = Stream("train", {"label": np.arange(6, dtype=np.int32)}, 3, cropped)
    pipeline = make_pipeline([stream], seed=0)
    np.testing.assert_array_equal(pipeline[1]["image"], pipeline[1]["image"])
    order = [pipeline[step] for step in range(4)]  # two passes
    first, second = (
        {int(label): image for batch in part for label, image in zip(batch["label"], batch["image"], strict=True)}
        for part in (order[:2], order[2:])
    )
    assert first.keys() == second.keys() == set(range(6))
    assert all((first[row] != second[row]).any() for row in range(6))


def test_a_damaged_image_is_named():
    with pytest.raises(UserError, match=r"val/1\.JPEG.*truncated or damaged"):
        Cropped(_records((DATA[0], DATA[1][:-30])), CropReader(16, CentreCrop())).read([0, 1], [0, 1])
