"""Data sets without training images of some classes: where every image goes."""

import numpy as np
import pytest

from kgv_jax.data.held_out import ClassChoice, hold_out, names_in, read_classes, restrict
from kgv_jax.data.records import Records
from kgv_jax.data.source_images import SourceImages
from kgv_jax.data.types import Dataset, SourceImage
from kgv_jax.util.errors import UserError

CLASSES = ("a", "b", "c", "d")


def _images(domain, names):
    images = (SourceImage(f"{domain}/{name}/{k}", domain, name, lambda size: None) for k, name in enumerate(names))
    return SourceImages(images, CLASSES)


def _dataset(**changed):
    train = _images("de", "aabbccdd")
    values = {
        "classes": CLASSES,
        "train": train,
        "validation": _images("held", "abcd"),
        "domains": {"de": train, "cn": _images("cn", "abcd")},
        "source": "de",
        "render_views": True,
        "published": {"unseen": ("c",)},
    }
    return Dataset(**values | changed)


def _labels(images):
    return "".join(image.label for image in images)


def test_every_image_of_a_held_out_class_is_tested_or_chosen_with():
    found = hold_out(_dataset(), unseen=["b"], validation=["d"])
    assert found.classes == CLASSES and _labels(found.train) == "aacc"
    # The source is tested on training drawings, and on all of an unseen class's, the held-out one too.
    assert _labels(found.domains["de"]) == "aabbccb" and _labels(found.domains["cn"]) == "abc"
    assert _labels(found.validation) == "acddd"
    ids = [image.id for image in (*found.domains["de"], *found.validation)]
    assert len(ids) == len(set(ids))
    tested = {image.id for images in found.domains.values() for image in images}
    assert not tested & {image.id for image in found.validation}
    assert any("1 classes are held out of training and tested: b" in note for note in found.notes)


def test_a_fixed_split_keeps_its_parts():
    def records(domain, labels):
        label = np.array([CLASSES.index(name) for name in labels], np.int32)
        name = np.array([f"{k}.JPEG" for k in range(len(label))], "S")
        return Records(domain, CLASSES, label, name, lambda rows: [bytes([row]) for row in rows])

    found = hold_out(
        _dataset(train=records("train", "abcdabcd"), validation=records("train", "abcd"),
                 domains={"de": records("val", "abcd")}, fixed_split=True),
        unseen=["b"], validation=["d"],
    )  # fmt: skip
    assert (_labels(found.train), _labels(found.validation), _labels(found.domains["de"])) == ("acac", "acd", "abc")
    assert found.train.read_encoded(np.array([2])) == [bytes([4])]
    fewer = restrict(found, ("a", "c"))
    assert _labels(fewer.domains["de"]) == "ac" and fewer.domains["de"].labels.tolist() == [0, 1]


def test_nothing_left_to_learn():
    with pytest.raises(UserError, match="holds out 4 of 4 classes, and no training image is left"):
        hold_out(_dataset(), unseen=["a", "b"], validation=["c", "d"])


def test_fewer_classes():
    found = restrict(_dataset(), ("a", "d"))
    assert found.classes == ("a", "d") and _labels(found.train) == "aadd" and _labels(found.domains["cn"]) == "ad"
    assert "2 classes are not known to this run and left out: b, c" in found.notes[-1]
    assert found.train.labels.tolist() == [0, 0, 1, 1]
    whole = _dataset()
    assert restrict(whole, CLASSES) is whole


def _read(role="unseen", **choice):
    return read_classes(ClassChoice(role, **choice), _dataset(), lambda count: CLASSES[-count:])


def test_how_classes_are_named(tmp_path):
    file = tmp_path / "names.txt"
    file.write_text("# mine\nb\n\nd\n")
    assert _read(count=2) == ("c", "d") and _read(classes=("d", "a")) == ("d", "a") and _read(published=True) == ("c",)
    assert _read(file=str(file)) == ("b", "d") and _read() == ()
    assert names_in(ClassChoice("unseen", count=3), _dataset()) == ()


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ({"count": 4}, r"config\.zero_shot\.unseen_count is 4; expected 1 to 3, of 4 classes"),
        ({"classes": ("aa",)}, r"config\.zero_shot\.unseen_classes names 'aa', did you mean 'a'"),
        ({"file": "nowhere.txt"}, r"config\.zero_shot\.unseen_file is 'nowhere\.txt', which cannot be read"),
        (
            {"role": "validation", "published": True},
            r"validation_published is set, and the data set is published without such classes",
        ),
    ],
)
def test_a_choice_that_the_data_set_cannot_make(choice, words):
    with pytest.raises(UserError, match=words):
        _read(**choice)
