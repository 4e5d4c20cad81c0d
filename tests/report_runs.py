"""Folders of finished runs, as training leaves them, with predictions that are known."""

import json
import pathlib

import numpy as np

from kgv_jax.config import schema as config_schema
from kgv_jax.run.predictions import Predictions
from kgv_jax.run.workdir import Workdir

# Of the road-sign graph: two warnings of junctions, an obligation of direction, a priority sign.
CLASSES = ("crossroads-ahead", "side-road-left", "straight-only", "stop")
VIEWS = 2  # test images of every source image


def predictions(domain: str, chosen, *, margin=2.0, scored=None, label=None) -> Predictions:
    """Predictions that choose a class for each source image; image `k` shows class `k mod 4` unless `label` is given.

    Args:
      domain: its name.
      chosen: `[G]` classes that the decoder prefers, by `margin`.
      margin: difference of the best logit to the others, one for all or `[G]`.
      scored: `[G]` classes that the density head prefers; None: there is no such head.
      label: `[G]` classes that are right.
    """
    label = np.arange(len(chosen)) % len(CLASSES) if label is None else np.asarray(label)
    group = np.repeat([f"{domain}/{k}" for k in range(len(chosen))], VIEWS)
    one_hot = np.eye(len(CLASSES), dtype=np.float32)
    scores = np.zeros((len(group), 0), np.float32)
    if scored is not None:
        scores = 3 * one_hot[np.repeat(scored, VIEWS)]
    return Predictions(
        id=np.array([f"{name}#{k % VIEWS}" for k, name in enumerate(group)]),
        group=group,
        label=np.repeat(label, VIEWS).astype(np.int32),
        logits=np.repeat(np.reshape(margin, (-1, 1)) * one_hot[chosen], VIEWS, 0).astype(np.float32),
        scores=scores,
        classes=np.array(CLASSES),
        also=np.zeros((len(group), 0), np.int32),
    )


def write_run(folder: pathlib.Path, found: dict[str, Predictions], **settings) -> pathlib.Path:
    """Writes a finished run of these predictions by domain; `kg__path="x"` is the setting `config.kg.path`."""
    values = config_schema.default_config()
    values.data.targets = ",".join(name for name in found if name not in ("de", "validation"))
    with values.unlocked():
        for name, value in settings.items():
            *path, last = name.split("__")
            node = values
            for key in path:
                node = node[key]
            node[last] = value
    config = config_schema.resolve(values)
    workdir = Workdir(folder)
    workdir.claim(config)
    for domain, of_domain in found.items():
        of_domain.save(workdir.predictions / f"{domain}.npz")
    workdir.write_records("results.json", [{"domain": name} for name in found if name != "validation"])
    return folder


def read_json(path: pathlib.Path):
    """Returns the content of a JSON file."""
    return json.loads(path.read_text())
