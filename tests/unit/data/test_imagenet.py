"""ImageNet and its shifts, in the layouts they are published in, whole and broken."""

import json
import shutil

import numpy as np
import pytest

from kgv_jax.data.sources import imagenet
from kgv_jax.data.sources.imagenet_layouts import DOMAINS, corruptions, list_domain
from kgv_jax.util.errors import UserError
from tests.imagenet_files import IDS, KNOWN, jpeg, write, write_imagenet


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    root = tmp_path_factory.mktemp("imagenet")
    write_imagenet(root)
    write(root / "ids.txt", "\n".join(IDS))
    return root


@pytest.fixture
def root(published, tmp_path):
    return shutil.copytree(published, tmp_path / "root")


def _load(root, targets=("v2", "r", "a", "sketch", "real", "objectnet", "c"), **options):
    return imagenet.load(root, targets=targets, class_list=str(root / "ids.txt"), validation_fraction=0.25, **options)


def test_every_domain_has_its_images_and_labels(published):
    dataset = _load(published)
    assert dataset.classes == IDS
    assert len(dataset.train) == 12 and len(dataset.validation) == 4
    assert np.bincount(dataset.train.labels).tolist() == [3, 3, 3, 3]
    assert set(dataset.domains) == {
        "imagenet", "v2", "r", "a", "sketch", "real", "objectnet", "c/gaussian_noise/1", "c/gaussian_noise/3",
    }  # fmt: skip
    labels = {name: sorted(records.labels.tolist()) for name, records in dataset.domains.items()}
    assert labels["imagenet"] == labels["v2"] == labels["sketch"] == labels["c/gaussian_noise/3"] == [0, 1, 2, 3]
    assert labels["r"] == labels["a"] == [1, 2]
    assert any(note.startswith("r: images of 2 of 4 classes") for note in dataset.notes)


def test_a_image_is_that_of_its_label(published):
    dataset = _load(published)
    for name, offset in (("imagenet", 0), ("v2", 9), ("sketch", 7)):
        records = dataset.domains[name]
        for row, data in enumerate(records.read_encoded(np.arange(4))):
            assert data == jpeg(60 * int(records.labels[row]) + offset), name
    image = dataset.domains["v2"][2]
    assert image.label == IDS[dataset.domains["v2"].labels[2]] and image.id.startswith("v2/")
    assert abs(int(image.load(8)[4, 4, 0]) - (60 * IDS.index(image.label) + 9)) <= 2


def test_images_with_several_right_labels(published):
    dataset = _load(published)
    real = dataset.domains["real"]
    # The second image has no agreed label and is left out.
    assert np.column_stack([real.labels, real.alternative_labels]).tolist() == [[0, 1], [2, -1], [3, -1]]
    objects = dataset.domains["objectnet"]
    assert np.column_stack([objects.labels, objects.alternative_labels]).tolist() == [[3, -1], [0, 1]]


def test_what_an_evaluation_shows(published):
    dataset = _load(published)
    assert dataset.domains["c/gaussian_noise/1"].crop_share == 1
    assert dataset.domains["imagenet"].crop_share == 224 / 256


def test_the_split_follows_from_the_seed(published):
    first, again, other = (_load(published, targets=(), seed=seed) for seed in (0, 0, 1))
    assert first.validation.names.tolist() == again.validation.names.tolist() != other.validation.names.tolist()
    assert not set(first.validation.names) & set(first.train.names)
    assert np.bincount(first.validation.labels).tolist() == [1, 1, 1, 1]


def test_kaggle_layout(root):
    moved = root / "ILSVRC/Data/CLS-LOC"
    moved.mkdir(parents=True)
    shutil.move(root / "train", moved / "train")
    (moved / "val").mkdir()
    for path in sorted((root / "val").rglob("*.JPEG")):
        shutil.move(path, moved / "val" / path.name)
    shutil.rmtree(root / "val")
    with pytest.raises(UserError, match=r"stand side by side.*LOC_val_solution\.csv"):
        _load(root, targets=())
    rows = "".join(f"ILSVRC2012_val_{k + 1:08d},{id} 1 2 3 4 \n" for k, id in enumerate(IDS))
    write(root / "LOC_val_solution.csv", "ImageId,PredictionString\n" + rows)
    assert _load(root, targets=("real",)).domains["imagenet"].labels.tolist() == [0, 1, 2, 3]
    write(root / "LOC_val_solution.csv", "ImageId,PredictionString\n" + rows.replace(f",{IDS[3]} 1", ",tench 1"))
    with pytest.raises(UserError, match=r"LOC_val_solution\.csv: line 5 names no id for ILSVRC2012_val_00000004"):
        _load(root, targets=())
    write(root / "LOC_val_solution.csv", "ImageId,PredictionString\n" + rows.splitlines(keepends=True)[0])
    with pytest.raises(UserError, match=r"has no row for ILSVRC2012_val_00000002\.JPEG.*1 rows"):
        _load(root, targets=())


def _stray_folder(root):
    (root / "train/tench").mkdir()


def _empty_class(root):
    shutil.rmtree(root / "train" / IDS[1])
    (root / "train" / IDS[1]).mkdir()


def _wrong_number(root):
    (root / "imagenetv2-matched-frequency-format-val/2").rename(root / "imagenetv2-matched-frequency-format-val/n2")


def _unnamed_object(root):
    path = root / "objectnet-1.0/mappings/folder_to_objectnet_label.json"
    path.write_text(json.dumps({"chair": "Chair"}))


def _unknown_text(root):
    write(root / "objectnet-1.0/mappings/objectnet_to_imagenet_1k.json", json.dumps({"Chair": "no such text"}))


@pytest.mark.parametrize(
    ("target", "spoil", "match"),
    [
        ("", _stray_folder, r"train/tench: expected a folder named by an id"),
        ("", _empty_class, r"n01484850: holds no image; unpack"),
        (
            "",
            lambda root: shutil.rmtree(root / "train" / IDS[1]),
            r"train holds no image of 1 of 4 classes.*n01484850",
        ),
        ("", lambda root: shutil.rmtree(root / "val"), r"has no folder val or ILSVRC/Data/CLS-LOC/val"),
        ("v2", _wrong_number, r"format-val/n2: 'n2' is no class number; expected 0 to 999"),
        ("r", lambda root: shutil.rmtree(root / "imagenet-r"), r"has no folder imagenet-r; expected ImageNet-R"),
        ("real", lambda root: write(root / "real.json", "[[0], ["), r"real\.json: not JSON .*truncated"),
        ("real", lambda root: write(root / "real.json", "{}"), r"real\.json: holds a dict, not a list"),
        ("real", lambda root: write(root / "real.json", "[[0]]"), r"number up to 1, the entries of .*real\.json"),
        ("real", lambda root: write(root / "real.json", "[[1000], [], [], []]"), r"1000 is no class number"),
        ("real", lambda root: (root / "real.json").unlink(), r"real\.json: cannot be read .*the ReaL labels"),
        ("objectnet", _unnamed_object, r"images/banana: folder_to_objectnet_label\.json does not name"),
        ("objectnet", _unknown_text, r"has no line 'no such text'"),
        ("c", lambda root: shutil.rmtree(root / "imagenet-c"), r"holds no imagenet-c/<corruption>/<1 to 5>"),
        ("c/snow/1", lambda root: None, r"'c/snow/1' is no domain.*corruptions: gaussian_noise"),
        ("c/gaussian_noise/2", lambda root: None, r"gaussian_noise/2: no such folder"),
        ("rendition", lambda root: None, r"targets has 'rendition'.*expected some of real"),
    ],
)
def test_what_is_not_as_published_is_named(root, target, spoil, match):
    spoil(root)
    with pytest.raises(UserError, match=match):
        _load(root, targets=(target,) if target else ())


def test_a_target_without_any_of_the_classes(root):
    write(root / "ids.txt", f"{IDS[0]}\n{IDS[3]}\n")
    with pytest.raises(UserError, match=r"imagenet-r: of its 2 images none shows one of the 2 classes"):
        _load(root, targets=("r",))


def test_a_image_that_vanishes_during_a_run(root):
    records = _load(root, targets=()).train
    shutil.rmtree(root / "train" / IDS[0])
    with pytest.raises(UserError, match=r"n01440764_10\d\.JPEG: cannot be read.*changed since the run began"):
        records.read_encoded(np.arange(3))


def test_every_domain_has_a_layout(published):
    assert corruptions(published) == ["c/gaussian_noise/1", "c/gaussian_noise/3"]
    with pytest.raises(UserError, match=r"'sketchy' is no domain of ImageNet, did you mean 'sketch'"):
        list_domain(published, "sketchy", KNOWN)
    assert {"train", "val", "v2_top", "c"} <= set(DOMAINS)


def test_records_are_a_sequence_of_images(published):
    records = _load(published, targets=()).train
    assert [image.label for image in records][:3] == [IDS[0]] * 3
    part = records[3:9:2]
    assert part.names.tolist() == records.names[3:9:2].tolist()
    assert part.read_encoded(np.array([1])) == records.read_encoded(np.array([5]))
    assert len(records.take(np.array([], int))) == 0
