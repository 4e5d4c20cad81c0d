"""The German Traffic Sign Recognition Benchmark: 43 classes, 39,209 training and 12,630 test images.

Layouts read, each as its archive unpacks (Stallkamp et al., Neural Networks 32, 2012; https://benchmark.ini.rub.de):
  published    GTSRB/Final_Training/Images/00000/GT-00000.csv and 00000_00029.ppm (track, frame);
               GTSRB/Final_Test/Images/*.ppm; GT-final_test.csv of the archive GTSRB_Final_Test_GT.zip
  torchvision  gtsrb/GTSRB/Training/00000/..., gtsrb/GTSRB/Final_Test/Images, gtsrb/GT-final_test.csv
               (torchvision/datasets/gtsrb.py)
  Kaggle       Train.csv and Train/0/00000_00000_00029.png (class, track, frame); Test.csv and Test/00000.png
               (meowmeowmeowmeowmeow/gtsrb-german-traffic-sign)

A track is up to 30 frames of one physical sign (the set's Readme); its frames are of one group.
"""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

from kgv_jax.data.boxed import Boxed, require_files
from kgv_jax.util.errors import UserError
from kgv_jax.util.tables import Row, find, read_table, require_folder

CLASSES = 43
EXPECTED = "GTSRB/Final_Training/Images/00000/GT-00000.csv, GTSRB/Training/00000/GT-00000.csv, or Train.csv"

_BOX = ("Roi.X1", "Roi.Y1", "Roi.X2", "Roi.Y2")
_SIZE = ("Width", "Height")
_COLUMNS = (*_SIZE, *_BOX, "ClassId")
_TRAINING = ("Final_Training/Images", "Training")


def read(root: pathlib.Path) -> dict[str, tuple[Boxed, ...]]:
    """Returns the signs of the parts that are there, `train` and `test`.

    Raises:
      UserError: as `read_train` and `read_test`.
    """
    parts = {"train": read_train(root), "test": read_test(root)}
    return {part: entries for part, entries in parts.items() if entries}


def read_train(root: pathlib.Path) -> tuple[Boxed, ...]:
    """Returns the training signs; `label` is the published number of the class, as text.

    Raises:
      UserError: no table, a broken row, an unknown class, or an image that is not there.
    """
    require_folder(root, EXPECTED)
    if (table := find(root, "Train.csv")) is not None:
        entries = tuple(_kaggle(table))
        require_files(table, entries)
        return entries
    images = next((path for name in _TRAINING if (path := find(root, name)) is not None), None)
    if images is None:
        raise UserError(f"{root}: no training images of GTSRB; expected {EXPECTED}. Set config.data.root.")
    folders = sorted(path for path in images.iterdir() if path.is_dir())
    if not folders:
        raise UserError(f"{images}: no class folder; expected 00000 to {CLASSES - 1:05d}. Unpack the archive again.")
    entries = []
    for folder in folders:
        table = folder / f"GT-{folder.name}.csv"
        own = [_published(row, folder, group=True) for row in _rows(table, ";", "Filename")]
        require_files(table, own)
        entries += own
    return tuple(entries)


def read_test(root: pathlib.Path) -> tuple[Boxed, ...]:
    """Returns the test signs, or none where neither images nor table are there.

    Raises:
      UserError: as `read_train`; or there are test images and no table with their classes.
    """
    require_folder(root, EXPECTED)
    if (table := find(root, "Test.csv")) is not None:
        entries = tuple(_kaggle(table))
        require_files(table, entries)
        return entries
    images = find(root, "Final_Test/Images")
    if images is None:
        return ()
    table = find(root, "GT-final_test.csv") or find(images, "GT-final_test.csv")
    if table is None:
        raise UserError(
            f"{root}: no GT-final_test.csv, the classes of the test images (GT-final_test.test.csv has none); unpack"
            f" GTSRB_Final_Test_GT.zip there, or move {images} away to test on held-out training signs."
        )
    entries = tuple(_published(row, images, group=False) for row in _rows(table, ";", "Filename"))
    require_files(table, entries)
    return entries


def _rows(table: pathlib.Path, delimiter: str, name: str) -> Iterator[Row]:
    return read_table(table, (name, *_COLUMNS), delimiter=delimiter)


def _published(row: Row, folder: pathlib.Path, *, group: bool) -> Boxed:
    label, file = _label(row), row.cells["Filename"]
    track = f"{folder.name}/{file.partition('_')[0]}" if group else file
    return Boxed(folder / file, f"{folder.name}/{file}", label, row.box(_BOX, _SIZE), track, row.size(_SIZE))


def _kaggle(table: pathlib.Path) -> Iterator[Boxed]:
    for row in _rows(table, ",", "Path"):
        file = row.cells["Path"]
        group = file.rpartition("_")[0] or file  # class and track; test images have neither
        yield Boxed(table.parent / file, file, _label(row), row.box(_BOX, _SIZE), group, row.size(_SIZE))


def _label(row: Row) -> str:
    number = row.integer("ClassId")
    if not 0 <= number < CLASSES:
        raise row.error(f"ClassId is {number}; expected 0 to {CLASSES - 1}")
    return str(number)
