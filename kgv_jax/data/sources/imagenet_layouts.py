"""Where the images of ImageNet and its shifts lie, as published: one function a layout, each a `Listing`.

Folders below the root, as the archives unpack (or in ArrayRecord shards, `data/prepare/imagenet.py`):
  train     train/<id>/<id>_*.JPEG, or Kaggle's ILSVRC/Data/CLS-LOC/train (arXiv 1409.0575)
  val       val/<id>/*.JPEG, or val/*.JPEG with Kaggle's LOC_val_solution.csv
  real      the images of val with the labels of real.json (arXiv 2006.07159)
  v2        imagenetv2-matched-frequency-format-val/<0 to 999>/*.jpeg; v2_threshold, v2_top (arXiv 1902.10811)
  r, a      imagenet-r/<id>/*.jpg, imagenet-a/<id>/*.jpg, 200 classes each (arXiv 2006.16241, 1907.07174)
  sketch    sketch/<id>/*.JPEG (arXiv 1905.13549)
  objectnet objectnet-1.0/images/<object>/*.png with objectnet-1.0/mappings (Barbu et al., NeurIPS 2019)
  c         imagenet-c/[<group>/]<corruption>/<1 to 5>/<id>/*.JPEG (arXiv 1903.12261); c/<corruption>/<severity> is one
An id is a WordNet 3.0 noun, n and eight digits.

Tiny-ImageNet (200 classes, 64 px) is read from its own layout, with `tiny-imagenet-200` as the root:
  train     train/<id>/images/<id>_*.JPEG
  val       val/images/*.JPEG with val/val_annotations.txt (file, id, box); shown whole
  c         Tiny-ImageNet-C/<corruption>/<1 to 5>/<id>/*.JPEG
Its `test/` has no labels and is left alone.
"""

from __future__ import annotations

import csv
import json
import os
import pathlib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from kgv_jax.util.errors import UserError, nearest

ID = re.compile(r"n\d{8}")
_SUFFIXES = (".jpeg", ".jpg", ".png")
_TINY_LABELS = "val_annotations.txt"
_TINY_IMAGES = "images"  # the folder between a class and its images
V2_FOLDERS = {
    "v2": ("imagenetv2-matched-frequency-format-val", "imagenetv2-matched-frequency"),
    "v2_threshold": ("imagenetv2-threshold0.7-format-val", "imagenetv2-threshold0.7"),
    "v2_top": ("imagenetv2-top-images-format-val", "imagenetv2-topimages"),
}


class Listing(NamedTuple):
    """The images of a domain: paths below `folder`, and of each the ids that are right, the first its label.

    `crop_share` is the share of the shorter side that is shown in an evaluation.
    """

    folder: pathlib.Path
    paths: list[str]
    ids: list[tuple[str, ...]]
    crop_share: float = 224 / 256


def list_domain(root: pathlib.Path, domain: str, known: Sequence[str]) -> Listing:
    """Returns the images of a domain.

    Args:
      root: what holds the unpacked archives.
      domain: one of the module's list.
      known: the 1,000 ids of ImageNet-1k in order: what numbers in published files count.

    Raises:
      UserError: an unknown domain; a folder, a file or a label that is missing or is not as published.
    """
    name, _, rest = domain.partition("/")
    if name not in _LAYOUTS or (rest and name != "c"):
        raise UserError(
            f"{domain!r} is no domain of ImageNet{nearest(domain, _LAYOUTS)}; there are "
            f"{', '.join(_LAYOUTS)}, and of c single ones such as c/gaussian_noise/3."
        )
    listing = _LAYOUTS[name](root, domain, known)
    if not listing.paths:
        raise UserError(f"{listing.folder}: holds no image of {domain}; unpack the archive again.")
    return listing


def corruptions(root: pathlib.Path) -> list[str]:
    """Returns the domains c/<corruption>/<severity> that there are."""
    found = []
    for path in sorted(_corruption_folders(root).items()):
        found += [f"c/{path[0]}/{severity}" for severity in range(1, 6) if (path[1] / str(severity)).is_dir()]
    if not found:
        raise UserError(f"{root}: holds no imagenet-c/<corruption>/<1 to 5>; unpack the archives of ImageNet-C there.")
    return found


def _train(root: pathlib.Path, domain: str, known: Sequence[str]) -> Listing:
    del domain, known
    return _by_id(_first(root, "train", "ILSVRC/Data/CLS-LOC/train", what="the training images, one folder an id"))


def _val(root: pathlib.Path, domain: str, known: Sequence[str]) -> Listing:
    del domain, known
    folder = _first(root, "val", "ILSVRC/Data/CLS-LOC/val", what="the validation images")
    if (folder / _TINY_LABELS).is_file():
        return _tiny_val(folder)
    if any(ID.fullmatch(child.name) for child in folder.iterdir()):
        return _by_id(folder)
    table = root / "LOC_val_solution.csv"
    if not table.exists():
        raise UserError(
            f"{folder}: its images stand side by side, and nothing says what they show; sort them into one"
            f" folder an id, or put Kaggle's LOC_val_solution.csv into {root}."
        )
    label = kaggle_labels(table)
    paths = _images(folder)
    for path in paths:
        if pathlib.Path(path).stem not in label:
            raise UserError(
                f"{table}: has no row for {path} of {folder}; it holds {len(label)} rows, download it again."
            )
    return Listing(folder, paths, [(label[pathlib.Path(path).stem],) for path in paths])


def _tiny_val(folder: pathlib.Path) -> Listing:
    """The labels of Tiny-ImageNet: lines of file, id and a box, with tabs between. Its 64 px are shown whole."""
    table, images = folder / _TINY_LABELS, folder / _TINY_IMAGES
    found = {}
    for number, line in enumerate(_text(table, what="one line per image, file and id first").splitlines(), start=1):
        name, _, rest = line.partition("\t")
        id = rest.partition("\t")[0].strip()
        if not ID.fullmatch(id):
            raise UserError(f"{table}: line {number} is {line[:60]!r}; expected a file, a tab, an id. Unpack it again.")
        found[name] = id
    present = _images(images) if images.is_dir() else []
    if unlabelled := [name for name in present if name not in found]:
        raise UserError(f"{table}: has no line for {unlabelled[0]} of {images}; unpack the archive again.")
    return Listing(images, present, [(found[name],) for name in present], crop_share=1.0)


def kaggle_labels(table: pathlib.Path) -> dict[str, str]:
    """Returns image -> id of Kaggle's LOC_val_solution.csv (`ImageId,PredictionString`: the id, then boxes)."""
    with table.open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines)
        if missing := {"ImageId", "PredictionString"} - set(rows.fieldnames or ()):
            raise UserError(
                f"{table}: has no column {min(missing)}; its header is {rows.fieldnames}, download it again."
            )
        found = {}
        for number, row in enumerate(rows, start=2):
            words = (row["PredictionString"] or "").split()
            if not words or not ID.fullmatch(words[0]):
                raise UserError(f"{table}: line {number} names no id for {row['ImageId']}; download it again.")
            found[row["ImageId"]] = words[0]
    return found


def _real(root: pathlib.Path, domain: str, known: Sequence[str]) -> Listing:
    """ReaL: a list of lists of class numbers, in the order of ILSVRC2012_val_00000001 to _00050000; some are empty."""
    listing = _val(root, domain, known)
    path = root / "real.json"
    labels = _json(path, list, what="the ReaL labels of val")
    kept = []
    for name in listing.paths:
        number = re.fullmatch(r"ILSVRC2012_val_(\d{8})", pathlib.Path(name).stem)
        if number is None or not 1 <= int(number[1]) <= len(labels):
            raise UserError(
                f"{listing.folder}/{name}: expected a name such as ILSVRC2012_val_00000001.JPEG with a number up"
                f" to {len(labels)}, the entries of {path}."
            )
        right = labels[int(number[1]) - 1]
        if right:  # the authors leave images without an agreed label out
            kept.append((name, tuple(_numbered(known, label, path) for label in right)))
    return Listing(listing.folder, [name for name, _ in kept], [right for _, right in kept])


def _v2(root: pathlib.Path, domain: str, known: Sequence[str]) -> Listing:
    folder = _first(root, *V2_FOLDERS[domain], what="ImageNet-V2, one folder per class number")
    paths, ids = [], []
    for child in _folders(folder):
        # Numbers, and sorted as text in the folder: 0, 1, 10, 100, ... A sorted list of folders is the wrong order.
        own = _images(child)
        paths += [f"{child.name}/{name}" for name in own]
        ids += [(_numbered(known, child.name, child),)] * len(own)
    return Listing(folder, paths, ids)


def _shift(*names: str, what: str) -> Callable[[pathlib.Path, str, Sequence[str]], Listing]:
    def listing(root: pathlib.Path, domain: str, known: Sequence[str]) -> Listing:
        del domain, known
        return _by_id(_first(root, *names, what=what))

    return listing


def _objectnet(root: pathlib.Path, domain: str, known: Sequence[str]) -> Listing:
    """Objects that are ImageNet classes; one may be several (a chair: barber, folding, rocking), each of them right.

    The red border of 2 px lies outside of the central square that an evaluation shows.
    """
    del domain
    folder = _first(root, "objectnet-1.0", "objectnet", what="ObjectNet, with images/ and mappings/")
    mappings = folder / "mappings"
    object_of = _json(mappings / "folder_to_objectnet_label.json", dict, what="ObjectNet's names of its folders")
    classes_of = _json(mappings / "objectnet_to_imagenet_1k.json", dict, what="ImageNet's names of ObjectNet's objects")
    number_of = _json(mappings / "pytorch_to_imagenet_2012_id.json", dict, what="the numbers of the 2012 labels")
    texts = _text(mappings / "imagenet_to_label_2012_v2", what="the 2012 labels, one per line").splitlines()
    index_of = {int(number): int(index) for index, number in number_of.items()}
    id_of = {text.strip(): _numbered(known, index_of.get(line), mappings) for line, text in enumerate(texts)}
    paths, ids = [], []
    for child in _folders(folder / "images"):
        if child.name not in object_of:
            raise UserError(
                f"{child}: folder_to_objectnet_label.json does not name this folder; unpack ObjectNet again."
            )
        names = classes_of.get(object_of[child.name])
        if names is None:  # 200 of the 313 objects are no ImageNet class
            continue
        if missing := [name for name in names.split("; ") if name not in id_of]:
            raise UserError(
                f"{mappings}: imagenet_to_label_2012_v2 has no line {missing[0]!r}, which"
                " objectnet_to_imagenet_1k.json names; unpack ObjectNet again."
            )
        own = _images(child)
        paths += [f"images/{child.name}/{name}" for name in own]
        ids += [tuple(id_of[name] for name in names.split("; "))] * len(own)
    return Listing(folder, paths, ids)


def _c(root: pathlib.Path, domain: str, known: Sequence[str]) -> Listing:
    """Its images are the 224 px that an evaluation shows."""
    del known
    folders = _corruption_folders(root)
    _, corruption, severity = [*domain.split("/"), "", ""][:3]
    if corruption not in folders or severity not in "12345":
        raise UserError(
            f"{domain!r} is no domain of ImageNet-C under {root}{nearest(corruption, folders)}; expected"
            f" c/<corruption>/<1 to 5>, corruptions: {', '.join(sorted(folders)) or '(none)'}."
        )
    folder = folders[corruption] / severity
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; unpack {corruption} of ImageNet-C again.")
    return _by_id(folder)._replace(crop_share=1.0)


def _corruption_folders(root: pathlib.Path) -> dict[str, pathlib.Path]:
    """Returns corruption -> its folder; the archives' own folders (blur, noise, ...) may lie between."""
    names = ("imagenet-c", "ImageNet-C", "Tiny-ImageNet-C")
    top = next((root / name for name in names if (root / name).is_dir()), root / "imagenet-c")
    return {path.parent.name: path.parent for pattern in ("*/1", "*/*/1") for path in sorted(top.glob(pattern))}


_LAYOUTS: Mapping[str, Callable[[pathlib.Path, str, Sequence[str]], Listing]] = {
    "train": _train,
    "val": _val,
    "real": _real,
    **dict.fromkeys(V2_FOLDERS, _v2),
    "r": _shift("imagenet-r", what="ImageNet-R, one folder an id"),
    "a": _shift("imagenet-a", what="ImageNet-A, one folder an id"),
    "sketch": _shift("sketch", "imagenet-sketch", what="ImageNet-Sketch, one folder an id"),
    "objectnet": _objectnet,
    "c": _c,
}
DOMAINS = tuple(_LAYOUTS)


def _first(root: pathlib.Path, *names: str, what: str) -> pathlib.Path:
    for name in names:
        if (root / name).is_dir():
            return root / name
    raise UserError(f"{root}: has no folder {' or '.join(names)}; expected {what}. Unpack the archive there.")


def _by_id(folder: pathlib.Path) -> Listing:
    paths, ids = [], []
    for child in _folders(folder):
        if not ID.fullmatch(child.name):
            raise UserError(f"{child}: expected a folder named by an id, n and eight digits; move it away.")
        inside = child.name
        own = _images(child)
        if not own and (child / _TINY_IMAGES).is_dir():
            inside, own = f"{child.name}/{_TINY_IMAGES}", _images(child / _TINY_IMAGES)
        if not own:
            raise UserError(f"{child}: holds no image; unpack its archive again, or remove the folder.")
        paths += [f"{inside}/{name}" for name in own]
        ids += [(child.name,)] * len(own)
    return Listing(folder, paths, ids)


def _folders(folder: pathlib.Path) -> list[pathlib.Path]:
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; unpack the archive again.")
    return sorted(pathlib.Path(child.path) for child in os.scandir(folder) if child.is_dir() and child.name[0] != ".")


def _images(folder: pathlib.Path) -> list[str]:
    names = sorted(child.name for child in os.scandir(folder) if child.name[0] != ".")
    return [name for name in names if name.lower().endswith(_SUFFIXES)]


def _numbered(known: Sequence[str], number: Any, where: pathlib.Path) -> str:
    """Returns the id with a number: its place among the sorted ids of ImageNet-1k."""
    try:
        index = int(number)
    except (TypeError, ValueError):
        index = -1
    if not 0 <= index < len(known):
        raise UserError(f"{where}: {number!r} is no class number; expected 0 to {len(known) - 1}. Download it again.")
    return known[index]


def _text(path: pathlib.Path, *, what: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read ({error}); expected {what}, as published.") from error


def _json(path: pathlib.Path, kind: type, *, what: str) -> Any:
    try:
        value = json.loads(_text(path, what=what))
    except ValueError as error:
        raise UserError(f"{path}: not JSON ({error}); the file is truncated, download it again.") from error
    if not isinstance(value, kind):
        raise UserError(f"{path}: holds a {type(value).__name__}, not a {kind.__name__}; expected {what}.")
    return value
