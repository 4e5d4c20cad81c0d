"""Tiny copies of GTSRB, TSRD and RTSD in their published layouts, for tests to read and to break."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Sequence

import numpy as np
from PIL import Image

from kgv_jax.data.renderer.sign import SignSpec, render_sign
from kgv_jax.data.scenes import framed

GTSRB_HEADER = "Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId"
KAGGLE_HEADER = "Width,Height,Roi.X1,Roi.Y1,Roi.X2,Roi.Y2,ClassId,Path"
CLASSES = (1, 14, 17)  # of GTSRB: 30 km/h, stop, no entry
TSRD_CLASSES = (2, 52, 55, 17)  # the same, and no horn, which GTSRB does not have
RTSD_CODES = ("3_24_n30", "2_5", "3_1", "5_20")


def write_image(path: pathlib.Path, *, width: int = 30, height: int = 28, shade: int = 0) -> None:
    """Writes a grey image whose sign, from (5, 5) on, is of one shade of red."""
    image = np.full((height, width, 3), 128, np.uint8)
    image[5 : height - 5, 5 : width - 5] = (255 - shade, 0, shade)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)


def gtsrb(root: pathlib.Path, *, tracks: int = 5, frames: int = 3, classes: Sequence[int] = CLASSES) -> pathlib.Path:
    """Writes GTSRB as published; the shade of a sign is 40 times its track."""
    for label in classes:
        folder = root / "GTSRB" / "Final_Training" / "Images" / f"{label:05d}"
        rows = [GTSRB_HEADER]
        for track in range(tracks):
            for frame in range(frames):
                write_image(folder / f"{track:05d}_{frame:05d}.ppm", shade=40 * track)
                rows.append(f"{track:05d}_{frame:05d}.ppm;30;28;5;5;25;23;{label}")
        (folder / f"GT-{label:05d}.csv").write_text("\r\n".join(rows) + "\r\n")
    images, rows = root / "GTSRB" / "Final_Test" / "Images", [GTSRB_HEADER]
    for index, label in enumerate(classes):
        write_image(images / f"{index:05d}.ppm", shade=200)
        rows.append(f"{index:05d}.ppm;30;28;5;5;25;23;{label}")
    (images / "GT-final_test.test.csv").write_text(GTSRB_HEADER.removesuffix(";ClassId") + "\n")
    (root / "GT-final_test.csv").write_text("\n".join(rows) + "\n")
    return root


def write_pixels(path: pathlib.Path, pixels: np.ndarray) -> None:
    """Writes an image of these pixels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def drawn_gtsrb(root: pathlib.Path) -> pathlib.Path:
    """Writes GTSRB's training part with signs that look like their classes, on a green ground, in several lights."""
    looks = {
        1: SignSpec("circle", border="#c01020", legend="number-30"),
        14: SignSpec("octagon", fill="#c01020", legend="stop-text", legend_colour="#ffffff"),
        17: SignSpec("circle", fill="#c01020", legend="bar", legend_colour="#ffffff"),
    }
    for label, spec in looks.items():
        folder, rows = root / "GTSRB" / "Final_Training" / "Images" / f"{label:05d}", [GTSRB_HEADER]
        sign = framed(render_sign(spec, 80), 40).astype(np.float32)
        cover = sign[..., 3:] / 255
        for track in range(5):
            lit = (0.4 + 0.1 * track) * sign[..., :3] + 20
            photograph = np.full((48, 48, 3), (40, 120, 60), np.float32)
            photograph[4:44, 4:44] = cover * lit + (1 - cover) * photograph[4:44, 4:44]
            write_pixels(folder / f"{track:05d}_00000.ppm", photograph.clip(0, 255).astype(np.uint8))
            rows.append(f"{track:05d}_00000.ppm;48;48;4;4;44;44;{label}")
        (folder / f"GT-{label:05d}.csv").write_text("\n".join(rows) + "\n")
    return root


def kaggle_gtsrb(root: pathlib.Path, *, tracks: int = 4, frames: int = 2) -> pathlib.Path:
    """Writes GTSRB as Kaggle has it."""
    rows = [KAGGLE_HEADER]
    for label in CLASSES:
        for track in range(tracks):
            for frame in range(frames):
                name = f"Train/{label}/{label:05d}_{track:05d}_{frame:05d}.png"
                write_image(root / name, shade=40 * track)
                rows.append(f"30,28,5,5,25,23,{label},{name}")
    (root / "Train.csv").write_text("\n".join(rows) + "\n")
    write_image(root / "Test" / "00000.png")
    (root / "Test.csv").write_text(f"{KAGGLE_HEADER}\n30,28,5,5,25,23,{CLASSES[0]},Test/00000.png\n")
    return root


def tsrd(root: pathlib.Path) -> pathlib.Path:
    """Writes both parts of TSRD, with the same names in both."""
    for part, folder, table in (
        ("train", "tsrd-train", "TsignRecgTrain4170Annotation.txt"),
        ("test", "TSRD-Test", "TsignRecgTest1994Annotation.txt"),
    ):
        lines = []
        for label in TSRD_CLASSES:
            write_image(root / folder / f"{label:03d}_0001.png", shade=100 if part == "train" else 0)
            lines.append(f"{label:03d}_0001.png;30;28;5;5;25;23;{label};")
        (root / f"TSRD-{part.title()} Annotation").mkdir()
        (root / f"TSRD-{part.title()} Annotation" / table).write_text("\r\n".join(lines) + "\r\n")
    return root


def tt100k_crops(root: pathlib.Path, codes: Sequence[str] = ("pl30", "ps", "pne", "p11", "zz")) -> pathlib.Path:
    """Writes signs cut out of TT100K: of each code four frames to train on, two signs each, and two to test on."""
    for part, frames in (("train", range(4)), ("test", range(10, 12))):
        for number, code in enumerate(codes):
            for frame in frames:
                for k in range(2 if part == "train" else 1):
                    write_image(root / part / code / f"{100 * number + frame}_{k}.png", width=24, height=26)
    return root


def tt100k_frames(root: pathlib.Path) -> pathlib.Path:
    """Writes whole frames of TT100K with their annotations; one frame in train shows two signs."""

    def item(code: str, left: float) -> dict:
        return {"category": code, "bbox": {"xmin": left, "ymin": 10.5, "xmax": left + 20, "ymax": 31.0}}

    images = {}
    for part, key, items in (
        ("train", "7", [item("pl30", 10), item("ps", 40)]),
        ("test", "8", [item("pne", 12)]),
        ("other", "9", [item("ps", 12)]),
    ):
        write_image(root / "data" / part / f"{key}.jpg", width=96, height=64)
        images[key] = {"path": f"{part}/{key}.jpg", "id": int(key), "objects": items}
    (root / "data" / "annotations_all.json").write_text(json.dumps({"types": ["pl30", "ps", "pne"], "imgs": images}))
    return root


def belgium(root: pathlib.Path, *, exchanged: bool = True) -> pathlib.Path:
    """Writes BelgiumTSC: tables in which width and height, X and Y are exchanged, and one row that stands twice."""
    header = GTSRB_HEADER
    for part, top in (("Training", "BelgiumTSC_Training"), ("Testing", "BelgiumTSC_Testing")):
        for label in (21, 22, 32):
            folder, rows = root / top / part / f"{label:05d}", [header]
            for pole in range(3):
                name = f"{1000 + label + pole:05d}_{0:05d}.ppm"
                write_image(folder / name, width=40, height=28)
                size, box = ("28;40", "3;5;23;35") if exchanged else ("40;28", "5;3;35;23")
                rows.append(f"{name};{size};{box};{label}")
            (folder / f"GT-{label:05d}.csv").write_text("\n".join([*rows, rows[-1]]) + "\n")
    return root


def rtsd_crops(root: pathlib.Path) -> pathlib.Path:
    """Writes RTSD's cut-out signs."""
    folder = root / "rtsd-r1"
    for part in ("train", "test"):
        rows = ["filename,class_number"]
        for number in range(len(RTSD_CODES)):
            write_image(folder / part / f"{number:06d}.png", width=48, height=48)
            rows.append(f"{number:06d}.png,{number}")
        (folder / f"gt_{part}.csv").write_text("\n".join(rows) + "\n")
    rows = ["class_number,sign_class", *(f"{number},{code}" for number, code in enumerate(RTSD_CODES))]
    (folder / "numbers_to_classes.csv").write_text("\n".join(rows) + "\n")
    return root


def _rtsd_frame(root: pathlib.Path) -> None:
    write_image(root / "rtsd-frames" / "autosave01_02_2012_09_13_33.jpg", width=128, height=72)


def rtsd_frames(root: pathlib.Path) -> pathlib.Path:
    """Writes RTSD's whole frames with their table: two signs in one."""
    _rtsd_frame(root)
    frame = "autosave01_02_2012_09_13_33.jpg"
    (root / "full-gt.csv").write_text(
        f"filename,x_from,y_from,width,height,sign_class,sign_id\n{frame},10,10,20,22,3_24_n30,0\n{frame},60,10,9,9,2_5,1\n"
    )
    return root


def rtsd_coco(root: pathlib.Path) -> pathlib.Path:
    """Writes RTSD's whole frames with a COCO file."""
    _rtsd_frame(root)
    content = {
        "images": [{"id": 7, "file_name": "rtsd-frames/autosave01_02_2012_09_13_33.jpg", "width": 128, "height": 72}],
        "annotations": [
            {"id": 0, "image_id": 7, "category_id": 68, "bbox": [10, 10, 20, 22], "area": 440},
            {"id": 1, "image_id": 7, "category_id": 4, "bbox": [60, 10, 9, 9], "area": 81},
        ],
        "categories": [{"id": 68, "name": "2_5"}, {"id": 4, "name": "3_24"}],
    }
    for part in ("train", "val"):
        (root / f"{part}_anno.json").write_text(json.dumps(content))
    (root / "label_map.json").write_text(json.dumps({"3_24": 4, "2_5": 68}))
    return root


def everything(root: pathlib.Path) -> pathlib.Path:
    """Writes the three sets into one root."""
    for name, write in (("GTSRB", gtsrb), ("TSRD", tsrd), ("RTSD", rtsd_crops)):
        (root / name).mkdir(parents=True)
        write(root / name)
    return root
