"""Shares, shots and published lists: nested, stratified, seeded, and every line of a list is one image."""

import collections
import dataclasses

import numpy as np
import pytest

from kgv_jax.data.low_data import fraction_rows, kept_rows, shot_rows, subset_rows
from kgv_jax.data.types import ImageArray, SourceImage
from kgv_jax.util.errors import UserError

SHOTS = (1, 2, 4, 8, 16)
COUNTS = {"n01440764": 20, "n01443537": 30, "n01484850": 3}
IMAGES = [
    SourceImage(f"train/{label}/{label}_{k}.JPEG", "train", label, lambda size_px: None)
    for label, count in COUNTS.items()
    for k in range(count)
]


def image_set(images=IMAGES, views=1):
    """Returns the images with so many views each, as `SourceImages.open` gives them."""
    groups = np.repeat([image.group or image.id for image in images], views)
    ids = np.array([f"{image.id}#{view}" for image in images for view in range(views)])
    labels = np.repeat([[*COUNTS].index(image.label) for image in images], views)
    count = len(groups)
    return ImageArray(np.zeros((count, 1)), labels, ids, groups, np.zeros((count, 0), int))


def classes(rows, views_per_image=1):
    labels = [IMAGES[row // views_per_image].label for row in rows]
    return [labels.count(label) for label in COUNTS]


def test_fractions_are_nested_stratified_and_seeded():
    rows = {f: set(fraction_rows(f, image_set(), seed=0)) for f in (0.01, 0.1, 0.5, 1.0)}
    assert rows[0.01] < rows[0.1] < rows[0.5] < rows[1.0]
    assert [classes(own) for own in rows.values()] == [[1, 1, 1], [2, 3, 1], [10, 15, 2], [20, 30, 3]]
    assert set(fraction_rows(0.5, image_set(), seed=1)) != rows[0.5]


@pytest.mark.parametrize("views_per_image", [1, 3])
def test_shots_are_nested_stratified_and_seeded(views_per_image):
    rows = {k: set(shot_rows(k, image_set(views=views_per_image), seed=0)) for k in SHOTS}
    assert all(rows[k] < rows[2 * k] for k in SHOTS[:-1])
    for k, own in rows.items():
        assert classes(own, views_per_image) == [min(k, count * views_per_image) for count in COUNTS.values()]
    assert set(shot_rows(4, image_set(views=views_per_image), seed=1)) != rows[4]


def test_shots_are_dealt_to_as_many_source_images_as_there_are():
    rows = shot_rows(8, image_set(views=10), seed=0)
    shown = [row // 10 for row in rows]
    assert len({d for d in shown if IMAGES[d].label == "n01443537"}) == 8
    shark = sorted(row % 10 for row in rows if IMAGES[row // 10].label == "n01484850")
    assert shark == [0, 0, 0, 1, 1, 1, 2, 2]


def test_of_tracks_whole_ones_are_kept():
    """Frames of one track show one physical sign: a share and a shot count tracks, not frames."""
    tracked = [dataclasses.replace(image, group=f"{image.label}/{int(k) // 3}") for k, image in enumerate(IMAGES)]
    images = image_set(tracked)
    frames = collections.Counter(images.groups.tolist())
    for kept in (shot_rows(2, images, seed=0), fraction_rows(0.2, images, seed=0)):
        own = collections.Counter(images.groups[kept].tolist())
        assert all(frames[track] == count for track, count in own.items())
    tracks = collections.Counter(track.partition("/")[0] for track in {*images.groups[shot_rows(2, images, seed=0)]})
    assert tracks == {"n01440764": 2, "n01443537": 2, "n01484850": 2}
    assert {*shot_rows(1, images, seed=0)} < {*shot_rows(2, images, seed=0)}


def test_what_is_kept_does_not_depend_on_the_order_of_images():
    turned = IMAGES[::-1]
    for kept in (shot_rows, fraction_rows):
        amount = 4 if kept is shot_rows else 0.2
        ours = {IMAGES[row].id for row in kept(amount, image_set(), seed=0)}
        assert {turned[row].id for row in kept(amount, image_set(turned), seed=0)} == ours


def test_a_published_list_of_bare_file_names(tmp_path):
    """As in SimCLR's `imagenet_subsets/1percent.txt`."""
    file = tmp_path / "1percent.txt"
    file.write_text("n01443537_18.JPEG\nn01440764_3.JPEG\n")
    kept = [IMAGES[row].id for row in subset_rows(str(file), image_set())]
    assert kept == ["train/n01440764/n01440764_3.JPEG", "train/n01443537/n01443537_18.JPEG"]
    np.testing.assert_array_equal(subset_rows(str(file), image_set(views=2)), [6, 7, 76, 77])
    assert kept_rows(image_set(views=2), subset=str(file), seed=0).tolist() == [6, 7, 76, 77]


def test_listed_images_that_are_held_out_stay_so(tmp_path):
    file = tmp_path / "1percent.txt"
    file.write_text("n01440764_0.JPEG\nn01440764_3.JPEG\n")
    ids = [image.id for image in IMAGES]
    assert subset_rows(str(file), image_set(IMAGES[1:]), held_out=[*ids[:1], *ids[:4]]).tolist() == [2]
    with pytest.raises(UserError, match="every image it lists is held out"):
        subset_rows(str(file), image_set(IMAGES[4:]), held_out=ids[:4])


def test_a_list_of_ids_or_folders_and_names(tmp_path):
    file = tmp_path / "few.txt"
    file.write_text("# our shots\n\ntrain/n01484850/n01484850_2.JPEG\r\nn01440764/n01440764_0.JPEG\n")
    assert subset_rows(str(file), image_set()).tolist() == [0, 52]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("n01440764_3.JPEG\nn01440764_99.JPEG\n", "line 2: 'n01440764_99.JPEG' is none of the 53 training images"),
        ("440764_3.JPEG\n", "line 1: '440764_3.JPEG' is none"),
        ("n01440764_3.JPEG\n\nn01440764_3.JPEG\n", "line 3: 'n01440764_3.JPEG' is on line 1 already"),
        ("n01440764_3.JPEG\nn01440764/n01440764_3.JPEG", "line 2: .* is the image of line 1 again"),
        ("# nothing\n", "lists no image"),
    ],
)
def test_a_line_that_is_not_one_image(tmp_path, text, words):
    file = tmp_path / "list.txt"
    file.write_text(text)
    with pytest.raises(UserError, match=words) as error:
        subset_rows(str(file), image_set())
    assert str(error.value).startswith(str(file))


def test_a_name_of_several_images(tmp_path):
    file = tmp_path / "list.txt"
    file.write_text("1.png\n")
    images = [dataclasses.replace(IMAGES[0], id=f"de/{label}/1.png") for label in "ab"]
    with pytest.raises(UserError, match=r"line 1: '1\.png' may mean 2 training images, such as 'de/a/1\.png', "):
        subset_rows(str(file), image_set(images))


def test_a_list_that_is_not_there(tmp_path):
    with pytest.raises(UserError, match=r"none\.txt cannot be read .*No such file"):
        subset_rows(str(tmp_path / "none.txt"), image_set())


def test_without_a_wish_all_is_kept():
    assert kept_rows(image_set(), seed=0) is None
    assert len(kept_rows(image_set(), shots=1, seed=0)) == len(kept_rows(image_set(), fraction=0.01, seed=0)) == 3
