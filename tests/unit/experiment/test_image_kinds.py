"""A kind of images that this package has never seen goes through a whole experiment and its evaluation."""

import dataclasses
import functools

import jax
import numpy as np

from kgv_jax import evaluate
from kgv_jax.config import schema as config_schema
from kgv_jax.data.sources import SOURCES
from kgv_jax.data.sources.source import Source
from kgv_jax.data.types import Dataset, ImageList, SourceImage, new_labels
from kgv_jax.experiment.build import build
from kgv_jax.parallel import mesh as mesh_lib

CLASSES = ("bump", "no-entry", "parking", "stop", "yield")


@dataclasses.dataclass(frozen=True, eq=False)
class Waves(ImageList):
    """A list of images and, opened, a set of them: float32 `[7]` that follow from number and position."""

    classes: tuple[str, ...]
    labels: np.ndarray
    numbers: np.ndarray
    shape, dtype = (7,), np.dtype(np.float32)

    @property
    def ids(self):
        return np.array([f"wave/{number}" for number in self.numbers], str)

    groups = ids

    @property
    def alternative_labels(self):
        return np.full((len(self), 1), -1, np.int32)

    def image(self, row):
        return SourceImage(str(self.ids[row]), "wave", self.classes[self.labels[row]], lambda size_px: None)

    def take(self, rows):
        return dataclasses.replace(self, labels=self.labels[rows], numbers=self.numbers[rows])

    def relabelled(self, classes):
        return dataclasses.replace(self, classes=classes, labels=new_labels(self.labels, self.classes, classes))

    def open(self, _reading):
        return self

    def read(self, rows, positions):
        values = [np.concatenate([[number, position], np.arange(5)]) for number, position in
                  zip(self.numbers[rows], positions, strict=True)]  # fmt: skip
        return np.array(values, np.float32).reshape(-1, 7)


def _load(*, source, targets, seed):
    labels = np.tile(np.arange(5, dtype=np.int32), 4)
    parts = [Waves(CLASSES, labels, 100 * part + np.arange(20)) for part in range(3)]
    domains = {source: parts[2], **dict.fromkeys(targets, parts[1])}
    return Dataset(CLASSES, parts[0], parts[1], domains, source, render_views=False, fixed_split=True)


@functools.cache
def _config(**settings):
    values = config_schema.default_config()
    values.method = "kgv_no_synthetic"
    values.update(settings)
    values.data.update({"targets": "cn", "size_px": 8})
    values.train.batch_size = 8
    config = config_schema.resolve(values)
    return dataclasses.replace(config, data=dataclasses.replace(config.data, name="waves"))


def _add(monkeypatch):
    monkeypatch.setattr(SOURCES, "_added", {"waves": Source(_load, settings={})})


def test_a_kind_of_its_own_is_trained_and_tested_on(monkeypatch):
    _add(monkeypatch)
    built = build(_config(shots=2))
    assert built.dataset.classes == CLASSES
    assert (built.image_shape, built.image_dtype) == ((7,), np.float32)
    batch = built.pipeline[1]
    assert batch["image"].shape == (8, 7) and batch["image"].dtype == np.float32
    numbers, positions = batch["image"][:, 0].astype(int), batch["image"][:, 1]
    assert positions.tolist() == list(range(8, 16))
    # Two shots of five classes are an epoch of ten: the first batch and two rows of the second.
    assert len({*built.pipeline[0]["image"][:, 0].tolist(), *numbers[:2].tolist()}) == 10
    assert [CLASSES[n % 5] for n in numbers] == [built.dataset.classes[label] for label in batch["label"]]
    assert (batch["mask_ids"][:, 0] == [built.class_rows[label][0] for label in batch["label"]]).all()


def test_every_image_of_a_domain_is_predicted_in_order(monkeypatch):
    _add(monkeypatch)
    built = build(_config())
    mesh = mesh_lib.make_mesh(-1, 1, devices=jax.devices()[:1])
    found = evaluate.predict(
        lambda state, images, graph_arrays: (images[:, :5], None),
        None,
        None,
        built.domains["cn"],
        classes=built.dataset.classes,
        roles=built.roles,
        batch_size=6,
        mesh=mesh,
    )
    numbers = [100 + n for n in range(20)]
    assert found.logits[:, 0].tolist() == numbers and found.logits.shape == (20, 5)
    assert found.id.tolist() == found.group.tolist() == [f"wave/{number}" for number in numbers]
    assert found.label.tolist() == [0, 1, 2, 3, 4] * 4 and found.also.shape == (20, 1)
