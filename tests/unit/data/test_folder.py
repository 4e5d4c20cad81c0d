"""A user's folder: split, checked, and everything left out is said."""

import numpy as np
import pytest
from PIL import Image

from kgv_jax.data.sources.folder import load
from kgv_jax.util.errors import UserError


def fill(root, domain, counts, suffix=".png", start=0):
    for label, count in counts.items():
        folder = root / domain / label
        folder.mkdir(parents=True, exist_ok=True)
        for i in range(start, start + count):
            if suffix == ".svg":
                (folder / f"{i}.svg").write_text(
                    '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>'
                )
            else:
                Image.new("RGB", (8, 8), (i, 0, 0)).save(folder / f"{i}{suffix}")


@pytest.fixture
def root(tmp_path):
    fill(tmp_path, "DE", {"yield": 10, "stop": 7, "no_entry": 3})
    fill(tmp_path, "CN", {"yield": 2, "stop": 2, "no_entry": 1})
    return tmp_path


def ids(images):
    return {image.id for image in images}


def labels(images):
    return sorted(image.label for image in images)


def test_a_clean_folder(root):
    dataset = load(root, source="DE", targets=["CN"])
    assert dataset.classes == ("no_entry", "stop", "yield") and dataset.source == "DE"
    assert list(dataset.domains) == ["DE", "CN"] and dataset.notes == ()
    assert dataset.render_views is False
    assert ids(dataset.domains["CN"]) == {
        f"CN/{c}.png" for c in ("yield/0", "yield/1", "stop/0", "stop/1", "no_entry/0")
    }
    image = dataset.domains["CN"][0]
    assert (image.domain, image.label, image.depicts) == ("CN", "no_entry", ())
    np.testing.assert_array_equal(image.load(4)[..., 3], 255)


def test_the_split_is_stratified_and_disjoint(root):
    dataset = load(root, source="DE", targets="CN")
    parts = [dataset.train, dataset.validation, dataset.domains["DE"]]
    assert [labels(part).count("yield") for part in parts] == [6, 2, 2]
    assert [labels(part).count("stop") for part in parts] == [5, 1, 1]
    assert [labels(part).count("no_entry") for part in parts] == [1, 1, 1]
    assert len(set.union(*map(ids, parts))) == sum(map(len, parts)) == 20


def test_the_split_follows_the_seed_alone(root, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("copy")
    fill(elsewhere, "DE", {"yield": 10, "stop": 7, "no_entry": 3})
    splits = [
        load(folder, source="DE", targets=[], seed=seed).train
        for folder, seed in ((root, 0), (root, 0), (elsewhere, 0), (root, 1))
    ]
    assert ids(splits[0]) == ids(splits[1]) == ids(splits[2]) != ids(splits[3])


def test_added_files_hardly_move_others(root):
    before = load(root, source="DE", targets=[])
    fill(root, "DE", {"yield": 3}, start=100)
    after = load(root, source="DE", targets=[])
    assert len(ids(before.train) - ids(after.train)) <= 2
    assert len(ids(before.validation) - ids(after.validation)) <= 2
    assert not ids(before.validation) & ids(after.domains["DE"])
    assert not ids(before.domains["DE"]) & ids(after.validation)
    assert {x for x in ids(before.train) if "yield" not in x} == {x for x in ids(after.train) if "yield" not in x}


def test_larger_fractions_take_more_of_the_same(root):
    small, large = (load(root, source="DE", targets=[], validation_fraction=f) for f in (0.1, 0.4))
    assert ids(small.validation) < ids(large.validation)
    assert ids(small.domains["DE"]) < ids(large.domains["DE"])
    assert set(labels(large.train)) == {"yield", "stop", "no_entry"}


def test_one_and_two_images_of_a_class(root):
    fill(root, "DE", {"bump": 1, "bend": 2})
    dataset = load(root, source="DE", targets=[])
    train, validation, test = dataset.train, dataset.validation, dataset.domains["DE"]
    assert [labels(part).count("bump") for part in (train, validation, test)] == [1, 0, 0]
    assert [labels(part).count("bend") for part in (train, validation, test)] == [1, 1, 1]
    assert {x for x in ids(test) if "bend" in x} <= ids(validation)
    assert any("one image only" in note and "bump" in note for note in dataset.notes)
    assert any("two images only" in note and "bend" in note for note in dataset.notes)


def test_a_class_folder_without_a_image(root):
    (root / "DE" / "hole").mkdir()
    (root / "DE" / ".hidden").mkdir()
    dataset = load(root, source="DE", targets=[])
    assert "hole" not in dataset.classes
    assert dataset.notes == ("DE: class folders without an image, left out: hole.",)


def test_a_target_with_other_classes(root):
    fill(root, "US", {"yield": 3, "moose": 1, "diamond": 2})
    dataset = load(root, source="DE", targets=["US"])
    assert labels(dataset.domains["US"]) == ["yield"] * 3
    assert dataset.notes == (
        "US: classes that DE does not have, left out: diamond, moose.",
        "US: tested on 1 of 3 classes; no image of no_entry, stop.",
    )


def test_a_target_without_a_common_class(root):
    fill(root, "US", {"moose": 1})
    with pytest.raises(
        UserError, match=r"'US' shares no class with source 'DE': it has moose, the source has no_entry"
    ):
        load(root, source="DE", targets=["US"])


def test_unreadable_images_are_listed(root):
    (root / "DE" / "stop" / "empty.jpg").write_bytes(b"")
    (root / "DE" / "stop" / "page.jpg").write_text("<html>not found</html>")
    dataset = load(root, source="DE", targets=[])
    (note,) = dataset.notes
    assert "DE: 2 of 22 images cannot be read" in note
    assert "empty.jpg: the file is empty" in note and "page.jpg: this is an HTML page" in note
    everyone = (*dataset.train, *dataset.validation, *dataset.domains["DE"])
    assert len(everyone) == 20


def test_many_unreadable_images_are_counted(root):
    for i in range(9):
        (root / "DE" / "stop" / f"bad{i}.png").write_bytes(b"bad")
    (note,) = load(root, source="DE", targets=[]).notes
    assert "9 of 29" in note and "bad4.png" in note and "bad5.png" not in note and "and 4 more" in note


def test_a_class_that_loses_all_its_images(root):
    (root / "DE" / "broken").mkdir()
    (root / "DE" / "broken" / "a.png").write_bytes(b"")
    dataset = load(root, source="DE", targets=[])
    assert "broken" not in dataset.classes
    assert "DE: no readable image is left of broken." in dataset.notes


def test_truncated_images_are_found_when_loading(root):
    path = root / "CN" / "yield" / "0.png"
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:5000])
    dataset = load(root, source="DE", targets=["CN"])
    assert "CN/yield/0.png" not in ids(dataset.domains["CN"]) and "1 of 5 images" in dataset.notes[0]


def test_other_endings_are_counted(root):
    for name in ("a.bmp", "b.BMP", "notes.txt", "README", ".DS_Store"):
        (root / "DE" / "stop" / name).write_text("x")
    (note,) = load(root, source="DE", targets=[]).notes
    assert note == "DE: 4 files with other endings ignored (.bmp, .txt, no ending)."


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".jpeg", ".webp", ".svg", ".JPG"])
def test_every_ending(tmp_path, suffix):
    fill(tmp_path, "DE", {"yield": 3, "stop": 3}, suffix)
    assert len(load(tmp_path, source="DE", targets=[]).train) == 2


def test_drawings_are_reported_from_photographs(tmp_path):
    fill(tmp_path, "DE", {"yield": 3}, ".svg")
    assert load(tmp_path, source="DE", targets=[]).render_views is True
    assert load(tmp_path, source="DE", targets=[], render_views="no").render_views is False
    fill(tmp_path, "DE", {"yield": 1}, ".png")
    assert load(tmp_path, source="DE", targets=[]).render_views is False
    assert load(tmp_path, source="DE", targets=[], render_views="yes").render_views is True


def test_targets_as_one_string(root):
    fill(root, "RU", {"yield": 1, "stop": 1, "no_entry": 1})
    assert list(load(root, source="DE", targets="CN, RU,CN,DE").domains) == ["DE", "CN", "RU"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"source": "Germany", "targets": []},
            r"domain folders CN, DE; there is none for the source 'Germany'",
        ),
        ({"source": "DEE", "targets": []}, r"the source 'DEE', did you mean 'DE'\?"),
        ({"source": "DE", "targets": "RU"}, r"domain folders CN, DE; there is none for the target 'RU'"),
        ({"source": "DE", "targets": [], "validation_fraction": 0.5}, "validation_fraction is 0.5; expected"),
        ({"source": "DE", "targets": [], "validation_fraction": 0}, "validation_fraction is 0; expected"),
    ],
)
def test_user_errors(root, options, message):
    with pytest.raises(UserError, match=message):
        load(root, **options)


def test_missing_root(tmp_path):
    with pytest.raises(UserError, match="none: no such folder; expected ROOT/<domain>/<class>/<image>"):
        load(tmp_path / "none", source="DE", targets=[])


def test_a_source_without_any_image_says_why(tmp_path):
    (tmp_path / "DE" / "stop").mkdir(parents=True)
    (tmp_path / "DE" / "stop" / "a.png").write_bytes(b"")
    with pytest.raises(UserError, match=r"no class folder with a readable image(.|\n)*a\.png: the file is empty"):
        load(tmp_path, source="DE", targets=[])
