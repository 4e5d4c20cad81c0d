"""Small files in the layout of the zero-shot benchmarks: five classes, six attributes."""

import pathlib

import numpy as np
import scipy.io

CLASSES = ("antelope", "grizzly+bear", "killer+whale", "beaver", "dalmatian")
# Seen: the first four; the last is unseen, the fourth is held out to choose with.
ATTRIBUTES = np.array(
    [[9, 0, 1, 0, 8], [0, 7, 0, 8, 1], [1, 8, 9, 7, 0], [8, 1, 0, 9, 9], [0, 0, 9, 8, 1], [9, 9, 0, 0, 9]], float
)
PER_CLASS, WIDTH = 12, 16


def _column(numbers) -> np.ndarray:
    return np.asarray(numbers, np.float64).reshape(-1, 1)


def _cells(texts) -> np.ndarray:
    cells = np.empty((len(texts), 1), object)
    for row, text in enumerate(texts):
        cells[row, 0] = text
    return cells


def variables(seed: int = 0) -> tuple[dict, dict]:
    """Returns what `res101.mat` and `att_splits.mat` hold; an image's features follow from its class's attributes."""
    rng = np.random.default_rng(seed)
    label = rng.permutation(np.repeat(np.arange(5), PER_CLASS))
    mixing = rng.normal(size=(6, WIDTH))
    features = (ATTRIBUTES.T[label] / 9) @ mixing + 0.2 * rng.normal(size=(len(label), WIDTH))
    number = np.arange(1, len(label) + 1)
    of = {k: number[label == k] for k in range(5)}
    test_seen = np.concatenate([of[k][:3] for k in range(4)])
    trainval = np.concatenate([of[k][3:] for k in range(4)])
    splits = {
        "att": ATTRIBUTES / np.linalg.norm(ATTRIBUTES, axis=0),
        "original_att": ATTRIBUTES,
        "allclasses_names": _cells(CLASSES),
        "trainval_loc": _column(trainval),
        "train_loc": _column(np.concatenate([of[k] for k in range(3)])),
        "val_loc": _column(of[3]),
        "test_seen_loc": _column(test_seen),
        "test_unseen_loc": _column(of[4]),
    }
    files = _cells([f"/some/where/{n}.jpg" for n in number])
    return {"features": features.T, "labels": _column(label + 1), "image_files": files}, splits


def write(root: pathlib.Path, *, seed: int = 0, **changed) -> pathlib.Path:
    """Writes both files; `features=...` replaces a variable, None leaves it out."""
    root.mkdir(parents=True, exist_ok=True)
    for name, values in zip(("res101.mat", "att_splits.mat"), variables(seed), strict=True):
        values = {key: changed.get(key, value) for key, value in values.items()}
        scipy.io.savemat(root / name, {key: value for key, value in values.items() if value is not None})
    return root
