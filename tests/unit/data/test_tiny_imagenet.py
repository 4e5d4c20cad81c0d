"""Tiny-ImageNet in its own layout, whole and broken, and its config."""

import numpy as np
import pytest

from kgv_jax.config.files import load_config_file
from kgv_jax.config.schema import resolve
from kgv_jax.data.sources import imagenet
from kgv_jax.kg.imagenet_ids import read_ids
from kgv_jax.util.errors import UserError
from tests.imagenet_files import jpeg, write

IDS = read_ids("tiny")
VAL = "val/val_annotations.txt"


@pytest.fixture
def root(tmp_path):
    lines = []
    for label, id in enumerate(IDS):
        for k in range(4):
            write(tmp_path / f"train/{id}/images/{id}_{k}.JPEG", jpeg(label, (64, 64)))
        write(tmp_path / f"train/{id}/{id}_boxes.txt", f"{id}_0.JPEG\t0\t0\t62\t62\n")
        write(tmp_path / f"val/images/val_{label}.JPEG", jpeg(label, (64, 64)))
        for severity in (1, 5):
            write(tmp_path / f"Tiny-ImageNet-C/fog/{severity}/{id}/test_{label}.JPEG", jpeg(label, (64, 64)))
        lines.append(f"val_{label}.JPEG\t{id}\t0\t32\t44\t62")
    # Not in the order of the classes, as published.
    write(tmp_path / VAL, "\n".join(reversed(lines)) + "\n")
    write(tmp_path / "test/images/test_0.JPEG", jpeg(0, (64, 64)))
    return tmp_path


def _load(root, targets=("c",)):
    return imagenet.load(root, targets=targets, class_list="tiny", validation_fraction=0.25)


def test_every_part_has_its_images_and_labels(root):
    dataset = _load(root)
    assert dataset.classes == IDS and (len(dataset.train), len(dataset.validation)) == (600, 200)
    assert [*dataset.domains] == ["imagenet", "c/fog/1", "c/fog/5"]
    for images in dataset.domains.values():
        # Grey k is class k in these files, the JPEG's rounding aside.
        shown = [int(image.load(64)[0, 0, 0]) for image in images]
        np.testing.assert_allclose(shown, images.labels, atol=2)
        assert sorted(images.labels.tolist()) == list(range(200)) and images.crop_share == 1.0
    assert dataset.train.ids[0].startswith(f"train/{IDS[0]}/images/{IDS[0]}_")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda root: write(root / VAL, "val_0.JPEG n01443537 0 0 1 1\n"), r"line 1 is 'val_0\.JPEG n01443537"),
        (lambda root: write(root / "val/images/val_200.JPEG", jpeg(0)), r"no line for val_200\.JPEG"),
        (lambda root: [path.unlink() for path in (root / f"train/{IDS[3]}/images").iterdir()], f"{IDS[3]}: holds no"),
        (
            lambda root: [path.unlink() for path in (root / "val/images").iterdir()],
            "val/images: holds no image",
        ),
    ],
)
def test_what_is_not_as_published_is_named(root, spoil, message):
    spoil(root)
    with pytest.raises(UserError, match=message):
        _load(root)


def test_the_config_is_of_its_classes_and_graph():
    config, quick = (resolve(load_config_file(name)) for name in ("tiny_imagenet", "tiny_imagenet:quick"))
    assert (config.data.class_list, config.kg.path, config.data.size_px) == ("tiny", "imagenet-tiny", 64)
    assert not config.model.init and quick.train.steps < config.train.steps
    with pytest.raises(UserError, match=r"variant of configs/tiny_imagenet\.py is 'fast'; expected quick"):
        load_config_file("tiny_imagenet:fast")
