"""What our model answers with the weights of a published file, for comparison with what their publisher's answers."""

from __future__ import annotations

import functools
import pathlib
from collections.abc import Callable

import jax
import numpy as np

from kgv_jax.models import registry
from kgv_jax.models.features import Features
from kgv_jax.models.pretrained.published import load_published
from kgv_jax.models.spec import EncoderOptions


def answers(
    file: pathlib.Path, model_name: str, images: np.ndarray, tokens: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """Returns "pooled", "spatial", "tap0", ..., and "logits", "text" where the file holds what they take.

    Args:
      file: weights in a format and with names of a publisher.
      model_name: see `registry.list_models`.
      images: `[B, H, W, 3]`, normalised.
      tokens: `[T, L]` texts, of which logits `[B, T]` are the scaled cosines with the images.
    """
    spec, published = registry.get(model_name), load_published(file, model_name)
    variables = {"params": published.encoder, "batch_stats": published.batch_stats}
    features = _encoder(model_name, published.epsilon)(variables, images)
    found = {"pooled": features.pooled, "spatial": features.spatial}
    found |= {f"tap{number}": tap for number, tap in enumerate(features.taps)}
    if published.head is not None:
        found["logits"] = spec.head_input(features) @ published.head["kernel"] + published.head["bias"]
    if tokens is not None:
        tower = spec.make_text()
        found["text"] = jax.jit(lambda values, x: tower.apply({"params": values}, x))(published.text, tokens)
        found["logits"] = np.exp(published.logit_scale) * _unit(found["pooled"]) @ _unit(found["text"]).T
    return {name: np.asarray(array) for name, array in found.items()}


@functools.cache
def _encoder(model_name: str, epsilon: float | None) -> Callable[[dict, np.ndarray], Features]:
    """Returns a jitted encoder; the files of many publishers share its compiled programs."""
    module = registry.get(model_name).make(EncoderOptions(epsilon=epsilon))
    return jax.jit(functools.partial(module.apply, train=False))


def _unit(vectors: np.ndarray) -> np.ndarray:
    vectors = np.asarray(vectors)
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def normalised(images: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Returns the upper left corner of uint8 images as float32 with mean near 0 and deviation near 1."""
    height, width = size
    return (images[:, :height, :width].astype(np.float32) - 128) / 64


def differences(ours: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> dict[str, float]:
    """Returns the greatest absolute difference of each expected array.

    Raises:
      AssertionError: an array is absent or of another shape.
    """
    found = {}
    for name, array in expected.items():
        assert name in ours, f"no {name!r} among {sorted(ours)}"
        assert ours[name].shape == array.shape, (name, ours[name].shape, array.shape)
        found[name] = float(np.abs(ours[name] - array).max())
    return found
