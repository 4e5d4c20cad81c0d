"""ImageNet's archives and folders become shards, and are read back as they were."""

import json

import numpy as np
import pytest

from kgv_jax.data.prepare import shards
from kgv_jax.data.prepare.imagenet import prepare_imagenet
from kgv_jax.data.sources import imagenet
from kgv_jax.util.errors import UserError
from tests import cli
from tests.imagenet_files import IDS, jpeg, tar, train_tar, write, write_imagenet


@pytest.fixture
def archives(tmp_path):
    write(tmp_path / "ILSVRC2012_img_train.tar", train_tar())
    val = {f"ILSVRC2012_val_{k + 1:08d}.JPEG": jpeg(60 * k) for k in range(4)}
    write(tmp_path / "ILSVRC2012_img_val.tar", tar(val))
    rows = "".join(f"ILSVRC2012_val_{k + 1:08d},{id} 1 2 3 4\n" for k, id in enumerate(IDS))
    write(tmp_path / "LOC_val_solution.csv", "ImageId,PredictionString\n" + rows)
    write(tmp_path / "ids.txt", "\n".join(IDS))
    return tmp_path


def _load(root, ids):
    return imagenet.load(root, targets=(), class_list=str(ids), validation_fraction=0.3)


def test_from_the_archives_to_a_data_set(archives, capsys):
    out = archives / "shards"
    train, val = (str(archives / f"ILSVRC2012_img_{part}.tar") for part in ("train", "val"))
    assert cli.run("prepare", "imagenet", f"--from={train}", f"--out={out}", "--per-shard=5") == 0
    labels = f"--labels={archives}/LOC_val_solution.csv"
    assert cli.run("prepare", "imagenet", f"--from={val}", f"--out={out}", labels) == 0
    reported = capsys.readouterr()
    assert "train 3 shards written" in reported.out
    assert "train/part-00002.array_record: 2 images, 3 of 3" in reported.err
    dataset = _load(out, archives / "ids.txt")
    assert len(dataset.train) == 8 and len(dataset.validation) == 4
    for records in (dataset.train, dataset.validation, dataset.domains["imagenet"]):
        for row, data in enumerate(records.read_encoded(np.arange(len(records)))):
            number = 0 if records.domain == "val" else int(records.names[row].decode().rsplit("_")[-1].split(".")[0])
            assert data == jpeg(60 * int(records.labels[row]) + number)


def test_shards_and_folders_give_the_same_run(archives, tmp_path):
    folder = tmp_path / "folder"
    write_imagenet(folder)
    write(folder / "ids.txt", "\n".join(IDS))
    prepare_imagenet(folder, tmp_path / "out", domains=("train", "val", "real", "c/gaussian_noise/3"), per_shard=3)
    for domain in ("train", "validation"):
        ours, theirs = (getattr(_load(root, folder / "ids.txt"), domain) for root in (tmp_path / "out", folder))
        assert ours.names.tolist() == theirs.names.tolist() and ours.labels.tolist() == theirs.labels.tolist()
        assert ours.read_encoded(np.arange(len(ours))[::-1]) == theirs.read_encoded(np.arange(len(theirs))[::-1])
    both = [
        imagenet.load(root, targets=("real", "c/gaussian_noise/3"), class_list=str(folder / "ids.txt")).domains
        for root in (tmp_path / "out", folder)
    ]
    assert both[0]["real"].alternative_labels.tolist() == both[1]["real"].alternative_labels.tolist() != []
    assert both[0]["c/gaussian_noise/3"].crop_share == both[1]["c/gaussian_noise/3"].crop_share == 1


def test_a_stopped_writer_continues(archives):
    source, out = archives / "ILSVRC2012_img_train.tar", archives / "out"

    def stop(line):
        raise KeyboardInterrupt(line)

    with pytest.raises(KeyboardInterrupt):
        prepare_imagenet(source, out, per_shard=4, report=stop)
    with pytest.raises(UserError, match=r"train: holds 4 of 12 images\. Run the command .* again"):
        shards.open_shards(out / "train")
    before = (out / "train/part-00000.array_record").stat().st_mtime_ns
    assert prepare_imagenet(source, out, per_shard=4) == {"train": 2}
    assert (out / "train/part-00000.array_record").stat().st_mtime_ns == before
    assert prepare_imagenet(source, out, per_shard=4) == {"train": 0}
    assert len(shards.open_shards(out / "train")[0].paths) == 12
    assert not list((out / "train").glob(".*"))


def _prepared(archives):
    out = archives / "out"
    prepare_imagenet(archives / "ILSVRC2012_img_train.tar", out, per_shard=4)
    return out


def test_a_shard_that_has_changed(archives):
    out = _prepared(archives)
    path = out / "train/part-00001.array_record"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"part-00001\.array_record: has changed since it was written\. Delete"):
        prepare_imagenet(archives / "ILSVRC2012_img_train.tar", out, per_shard=4)


def test_other_images_in_the_same_folder(archives):
    out = _prepared(archives)
    write(archives / "ILSVRC2012_img_train.tar", train_tar(per_class=2))
    with pytest.raises(UserError, match=r"out/train: holds shards of other images"):
        prepare_imagenet(archives / "ILSVRC2012_img_train.tar", out, per_shard=4)


def test_a_shard_that_is_not_there(archives):
    out = _prepared(archives)
    (out / "train/part-00002.array_record").unlink()
    with pytest.raises(UserError, match=r"part-00002\.array_record: no such file.*Copy it again"):
        shards.open_shards(out / "train")


@pytest.mark.parametrize(
    "manifest", ["{", "{}", json.dumps({"version": 99}), json.dumps({"version": 1, "shards": [{}]})]
)
def test_a_file_that_is_no_manifest(archives, manifest):
    out = _prepared(archives)
    write(out / "train/manifest.json", manifest)
    with pytest.raises(UserError, match=r"manifest\.json: not a manifest of shards.*Delete"):
        shards.open_shards(out / "train")


@pytest.mark.parametrize("kept", [0.8, 0.5, 0.02])
def test_a_truncated_archive(archives, kept, capsys):
    path = archives / "ILSVRC2012_img_train.tar"
    data = path.read_bytes()
    path.write_bytes(data[: int(kept * len(data))])
    assert cli.run("prepare", "imagenet", f"--from={path}", f"--out={archives}/out") == 2
    error = capsys.readouterr().err
    assert str(path) in error and ("truncated" in error or "damaged" in error)
    assert not (archives / "out").exists()


def test_an_archive_cut_between_two_members(archives):
    path = archives / "ILSVRC2012_img_train.tar"
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.index(f"{IDS[2]}.tar".encode())])
    with pytest.raises(UserError, match=r"without an end mark"):
        prepare_imagenet(path, archives / "out")


@pytest.mark.parametrize(
    ("name", "data", "match"),
    [
        ("a.tar", tar({"notes.txt": b"x"}), r"a\.tar: holds no image; expected ILSVRC2012"),
        ("ILSVRC2012_img_val.tar", None, r"in no folders.*Add --labels=LOC_val_solution\.csv"),
        ("a.tar", b"\x1f\x8b" + bytes(100), r"a\.tar: not an uncompressed tar file"),
        ("nowhere.tar", None, r"--from .*nowhere\.tar: no such file or folder"),
    ],
)
def test_a_file_that_is_no_archive_of_imagenet(archives, name, data, match):
    if data is not None:
        write(archives / name, data)
    with pytest.raises(UserError, match=match):
        prepare_imagenet(archives / name, archives / "out")


def test_labels_without_a_row(archives):
    write(archives / "LOC_val_solution.csv", f"ImageId,PredictionString\nILSVRC2012_val_00000001,{IDS[0]} 1 2\n")
    with pytest.raises(UserError, match=r"has no row for ILSVRC2012_val_00000002.*1 rows"):
        prepare_imagenet(
            archives / "ILSVRC2012_img_val.tar", archives / "out", labels=archives / "LOC_val_solution.csv"
        )
