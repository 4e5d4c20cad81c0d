"""Classifiers made of class names: CLIP's zero-shot decoder (Radford et al., arXiv 2103.00020, section 3.1)."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax.typing import VariableDict
from jax import Array

from kgv_jax.models.tokenizer import load_tokenizer
from kgv_jax.util.errors import UserError

# Seven of eighty: OpenAI's notebook on prompts for ImageNet found them by forward selection.
TEMPLATES = (
    "itap of a {}.",
    "a bad photo of the {}.",
    "a origami {}.",
    "a photo of the large {}.",
    "a {} in a video game.",
    "art of the {}.",
    "a photo of the small {}.",
)


def prompts(class_names: Sequence[str], templates: Sequence[str] = TEMPLATES) -> list[str]:
    """Returns a text for every class and template, `C * T` of them, all of the first class first.

    Example:
      >>> prompts(["cat", "dog"], ["a photo of a {}.", "art of the {}."])
      ['a photo of a cat.', 'art of the cat.', 'a photo of a dog.', 'art of the dog.']
    """
    for what, given in (("class_names", class_names), ("templates", templates)):
        if isinstance(given, str) or not given:
            raise UserError(f"{what} is {given!r}; expected a list of at least one text.")
    for template in templates:
        if "{}" not in template:
            raise UserError(f"The template {template!r} has no {{}}: write it where the name of the class goes.")
    return [template.replace("{}", name) for name in class_names for template in templates]


def class_weights(
    tower: nn.Module,
    params: VariableDict,
    class_names: Sequence[str],
    templates: Sequence[str] = TEMPLATES,
    *,
    batch_size: int = 256,
) -> Array:
    """Returns `W [F, C]`, whose columns are the directions of the classes (section 3.1.4).

        W_c = n(mean_t n(text(template_t(class_c)))),    n(v) = v / |v|

    Args:
      tower: a text tower (`EncoderSpec.make_text`), and `params` its parameters.
      class_names: `C` names, in the order of the labels.
      templates: texts with `{}` for the name.
      batch_size: texts encoded at once.
    """
    texts = prompts(class_names, templates)
    tokens = load_tokenizer(tower.vocabulary)(texts, context=tower.context)
    batch_size = min(batch_size, len(tokens))
    # Padded to whole batches, so that one program serves them all.
    padded = np.pad(tokens, ((0, -len(tokens) % batch_size), (0, 0)), mode="edge")
    batches = [_directions(tower, params, batch) for batch in padded.reshape(-1, batch_size, tower.context)]
    directions = jnp.concatenate(batches)[: len(tokens)]
    return normalised(directions.reshape(len(class_names), len(templates), -1).mean(1)).T


def zero_shot_logits(pooled: Array, weights: Array, logit_scale: Array | float) -> Array:
    """Returns `[B, C]` logits `exp(logit_scale) n(pooled) W` of image embeddings `[B, F]`.

    `logit_scale` is the learned logarithm of the inverse temperature (section 2.3): 0 gives cosines.
    """
    return jnp.exp(logit_scale) * normalised(pooled) @ weights


def normalised(x: Array) -> Array:
    """Returns the vectors along the last axis with length 1."""
    return x / jnp.linalg.norm(x, axis=-1, keepdims=True)


@functools.partial(jax.jit, static_argnums=0)
def _directions(tower: nn.Module, params: VariableDict, tokens: Array) -> Array:
    return normalised(tower.apply({"params": params}, tokens))
