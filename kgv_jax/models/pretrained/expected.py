"""The shapes of a model's parameters, by the flat paths of `layout`; nothing is computed."""

from __future__ import annotations

import math
from collections.abc import Mapping

import jax
import jax.numpy as jnp
from flax import traverse_util

from kgv_jax.models.pretrained.layout import SAME, Entry, Layout, Shape
from kgv_jax.models.pretrained.match import HEAD
from kgv_jax.models.spec import EncoderOptions, EncoderSpec


def expected_shapes(spec: EncoderSpec) -> dict[str, Shape]:
    """Returns the shape of every parameter and statistic of an encoder, its head, and its text tower."""
    shapes = _encoder_shapes(spec)
    if spec.make_text is not None:
        tower = spec.make_text()
        # Two tokens will do: the position embedding has its full length whatever the length of a text.
        text = jax.eval_shape(lambda: tower.init(jax.random.key(0), jnp.zeros((1, 2), jnp.int32)))
        shapes |= _flat(text["params"], "params/text/")
        shapes["params/logit_scale"] = ()
    return shapes


def _encoder_shapes(spec: EncoderSpec) -> dict[str, Shape]:
    encoder = spec.make(EncoderOptions())

    def init():
        images = jnp.zeros((1, spec.size_px, spec.size_px, 3))
        features, variables = encoder.init_with_output(jax.random.key(0), images, train=False)
        return spec.head_input(features), variables

    head_input, variables = jax.eval_shape(init)
    shapes = _flat(variables["params"], "params/encoder/")
    shapes |= _flat(variables.get("batch_stats", {}), "batch_stats/encoder/")
    return shapes | {f"{HEAD}kernel": (head_input.shape[-1], spec.num_logits), f"{HEAD}bias": (spec.num_logits,)}


def own_layout(expected: Mapping[str, Shape]) -> Layout:
    """Returns the layout of a file that has our own names: what `convert` writes."""
    optional = tuple(path for path in expected if "/encoder/" not in path)
    return Layout("kgv_jax", tuple(Entry(path, (path,), SAME) for path in expected), optional)


def count_parameters(spec: EncoderSpec) -> int:
    """Returns the number of parameters of the encoder alone."""
    return sum(math.prod(shape) for path, shape in _encoder_shapes(spec).items() if path.startswith("params/encoder/"))


def _flat(tree, prefix: str) -> dict[str, Shape]:
    return {f"{prefix}{path}": leaf.shape for path, leaf in traverse_util.flatten_dict(tree, sep="/").items()}
