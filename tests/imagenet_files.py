"""Writes small data sets in the layouts that ImageNet and its shifts are published in."""

import io
import json
import pathlib
import tarfile

import numpy as np
from PIL import Image

from kgv_jax.kg.imagenet_ids import read_ids

KNOWN = read_ids("1k")
IDS = (KNOWN[0], KNOWN[2], KNOWN[10], KNOWN[999])  # 2 and 10: numbers that sort otherwise as text


def jpeg(value: int, size: tuple[int, int] = (40, 30)) -> bytes:
    """A JPEG of one grey value."""
    file = io.BytesIO()
    Image.fromarray(np.full((size[1], size[0], 3), value, np.uint8)).save(file, "JPEG", quality=95)
    return file.getvalue()


def write(path: pathlib.Path, data: bytes | str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())


def write_imagenet(root: pathlib.Path, *, ids=IDS, per_class: int = 4) -> None:
    """train, val (with its true names, so that ReaL finds them), V2, R, A, Sketch, ObjectNet, C, ReaL."""
    for label, id in enumerate(ids):
        for k in range(per_class):
            write(root / f"train/{id}/{id}_{100 + k}.JPEG", jpeg(60 * label + k))
        write(root / f"val/{id}/ILSVRC2012_val_{label + 1:08d}.JPEG", jpeg(60 * label))
        write(root / f"imagenetv2-matched-frequency-format-val/{KNOWN.index(id)}/abc{label}.jpeg", jpeg(60 * label + 9))
        write(root / f"sketch/{id}/sketch_{label}.JPEG", jpeg(60 * label + 7))
    for name in ("imagenet-r", "imagenet-a"):
        for id in ids[1:3]:
            write(root / f"{name}/{id}/x.jpg", jpeg(200))
        write(root / f"{name}/README.txt", "1 class a folder")
    write(
        root / "real.json", json.dumps([[KNOWN.index(ids[0]), KNOWN.index(ids[1])], [], [KNOWN.index(ids[2])], [999]])
    )
    for severity in (1, 3):
        for id in ids:
            write(root / f"imagenet-c/noise/gaussian_noise/{severity}/{id}/{id}.JPEG", jpeg(90, (224, 224)))
    write_objectnet(root / "objectnet-1.0", ids)


def write_objectnet(folder: pathlib.Path, ids=IDS) -> None:
    """Two objects that are classes, one of them two of them, and one that is none."""
    texts = [f"text {index}" for index in range(len(KNOWN))]
    file = io.BytesIO()
    Image.fromarray(np.full((30, 40, 3), 128, np.uint8)).save(file, "PNG")
    for name in ("chair", "banana", "plate_holder"):
        write(folder / f"images/{name}/one.png", file.getvalue())
    both = f"{texts[KNOWN.index(ids[0])]}; {texts[KNOWN.index(ids[1])]}"
    maps = folder / "mappings"
    names = {"chair": "Chair", "banana": "Banana", "plate_holder": "Plate holder"}
    write(maps / "folder_to_objectnet_label.json", json.dumps(names))
    write(maps / "objectnet_to_imagenet_1k.json", json.dumps({"Chair": both, "Banana": texts[KNOWN.index(ids[3])]}))
    write(maps / "pytorch_to_imagenet_2012_id.json", json.dumps({str(index): index for index in range(len(KNOWN))}))
    write(maps / "imagenet_to_label_2012_v2", "\n".join(texts) + "\n")


def tar(files: dict[str, bytes]) -> bytes:
    """An uncompressed tar file."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def train_tar(*, ids=IDS, per_class: int = 3) -> bytes:
    """ILSVRC2012_img_train.tar: a tar of a tar for every id."""
    return tar(
        {
            f"{id}.tar": tar({f"{id}_{k}.JPEG": jpeg(60 * label + k) for k in range(per_class)})
            for label, id in enumerate(ids)
        }
    )
