"""ImageNet as TFDS writes it: files made by its own serialiser, without TensorFlow."""

import json
import sys

import numpy as np
import pytest
import tensorflow_datasets as tfds
from array_record.python.array_record_module import ArrayRecordWriter
from tensorflow_datasets.core.example_serializer import ExampleSerializer

from kgv_jax.data.sources import imagenet, imagenet_tfds
from kgv_jax.util.errors import UserError
from tests.imagenet_files import IDS, KNOWN, jpeg, write

pytestmark = pytest.mark.usefixtures("kgv_cache")


def write_tfds(root, *, name="imagenet2012", version="5.1.0", splits=("train", "validation"), names=KNOWN, per_class=3):
    folder = root / name / version
    folder.mkdir(parents=True)
    features = tfds.features.FeaturesDict(
        {
            "image": tfds.features.Image(encoding_format="jpeg"),
            "label": tfds.features.ClassLabel(names=list(names)),
            "file_name": tfds.features.Text(),
        }
    )
    features.save_config(str(folder))
    serializer = ExampleSerializer(features.get_serialized_info())
    for split in splits:
        writer = ArrayRecordWriter(str(folder / f"{name}-{split}.array_record-00000-of-00001"), "group_size:1")
        for k in range(per_class * len(IDS)):
            label = k % len(IDS)
            example = {
                "image": jpeg(60 * label + k),
                "label": KNOWN.index(IDS[label]),
                "file_name": f"{IDS[label]}_{k}.JPEG",
            }
            writer.write(serializer.serialize_example(features.encode_example(example)))
        writer.close()
    template = "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}"
    reported = [
        {"name": split, "shardLengths": [str(per_class * len(IDS))], "numBytes": "1", "filepathTemplate": template}
        for split in splits
    ]
    info = {"name": name, "version": version, "fileFormat": "array_record", "splits": reported}
    write(folder / "dataset_info.json", json.dumps(info))
    return folder


def _load(root):
    return imagenet.load(root, targets=(), class_list=str(root / "ids.txt"), validation_fraction=0.3)


@pytest.fixture
def root(tmp_path):
    write(tmp_path / "ids.txt", "\n".join(IDS))
    return tmp_path


def test_images_and_labels(root):
    write_tfds(root)
    for _ in range(2):  # the second time, labels are read from the cache
        dataset = _load(root)
        assert len(dataset.train) == 8 and len(dataset.validation) == 4 and len(dataset.domains["imagenet"]) == 12
        for row, data in enumerate(dataset.train.read_encoded(np.arange(8))):
            id, _, number = dataset.train.names[row].decode().removesuffix(".JPEG").partition("_")
            assert dataset.classes[dataset.train.labels[row]] == id
            assert data == jpeg(60 * int(dataset.train.labels[row]) + int(number))
    assert "tensorflow" not in sys.modules


def test_the_newest_version_is_read(root):
    write_tfds(root, version="5.9.0", per_class=1)
    write_tfds(root, version="5.10.0", per_class=3)
    assert imagenet_tfds.open_tfds(root, "train", KNOWN)[0].folder.name == "5.10.0"


def test_a_split_that_is_not_there(root):
    write_tfds(root, splits=("train",))
    with pytest.raises(UserError, match=r"5\.1\.0: split 'validation' cannot be opened .*--file_format=array_record"):
        _load(root)


def test_a_format_that_needs_tensorflow(root):
    folder = write_tfds(root)
    info = json.loads((folder / "dataset_info.json").read_text())
    write(folder / "dataset_info.json", json.dumps(info | {"fileFormat": "tfrecord"}))
    with pytest.raises(UserError, match=r"split 'train' cannot be opened .*tfds build imagenet2012"):
        _load(root)


def test_labels_that_are_no_ids(root):
    write_tfds(root, names=[f"thing {k}" for k in range(1000)])
    with pytest.raises(UserError, match=r"its label 'thing 0' is no id"):
        _load(root)


def test_what_is_not_there_is_looked_for_elsewhere(root):
    assert not imagenet_tfds.is_in(root, "train") and not imagenet_tfds.is_in(root, "objectnet")
    with pytest.raises(UserError, match=r"has no folder train or"):
        _load(root)
