"""Grad-CAM: which image regions are evidence for a class (Selvaraju et al., arXiv 1610.02391, section 3).

    alpha_k = (1 / Z) sum_ij dy_c / dA_ijk,      L_c = ReLU(sum_k alpha_k A_k)

`A` `[H, W, F]` is the encoder's explained map (`EncoderSpec.explained`), `Z = H W` the number of its positions, `y_c`
the decoder's logit of class `c`. Everything behind the map takes part in the gradient: global average pooling, a
flattened map, infuse layers, a class token. ReLU keeps positive evidence; negative values belong to other classes.

The gradient with respect to an intermediate map is taken by perturbation: the encoder adds a variable of zeros to the
map (`models.features.explainable`), and the gradient of the logit with respect to it is `dy_c / dA`. No encoder has
to be split in two for this.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from kgv_jax.models.classifier import Classifier
from kgv_jax.models.features import Features
from kgv_jax.util.errors import UserError

GradCam = Callable[[Any, Array, Array], Array]


def make_grad_cam(classifier: Classifier, explained: Callable[[Features], Array]) -> GradCam:
    """Returns `grad_cam(variables, images, classes) -> L`, pure and not yet jitted.

    It maps `{"params", "batch_stats"}`, images `[B, S, S, 3]` uint8 and classes `[B]` int32 to `L` `[B, H, W]`.

    Args:
      classifier: the model.
      explained: `EncoderSpec.explained` of its encoder.
    """

    def grad_cam(variables: Any, images: Array, classes: Array) -> Array:
        return class_activation(*map_and_gradient(classifier, explained, variables, images, classes))

    return grad_cam


def class_activation(maps: Array, gradients: Array) -> Array:
    """Returns `L` `[B, H, W]` of maps `A` and gradients `dy / dA`, both `[B, H, W, F]`."""
    alpha = jnp.mean(gradients, (1, 2))
    return jax.nn.relu(jnp.einsum("bhwf,bf->bhw", maps, alpha))


def map_and_gradient(
    classifier: Classifier, explained: Callable[[Features], Array], variables: Any, images: Array, classes: Array
) -> tuple[Array, Array]:
    """Returns `A` and `dy_c / dA`, `[B, H, W, F]`, of each image and its class; the model runs as in evaluation."""
    zeros = perturbations_of(classifier, variables, images)
    if not jax.tree.leaves(zeros):
        raise UserError(
            f"The encoder {type(classifier.encoder).__name__} has no map that can be explained. Let it pass one "
            "through explainable() of kgv_jax/models/features.py, or use an encoder of the registry."
        )

    def score(perturbations: Any) -> tuple[Array, Array]:
        outputs, kept = classifier.apply(
            {**variables, "perturbations": perturbations},
            images,
            train=False,
            capture_intermediates=lambda module, _: module.name == "encoder",
            mutable=["intermediates"],
        )
        (features,) = kept["intermediates"]["encoder"]["__call__"]
        # The gradient of the sum gives each image its own, since images do not interact in evaluation.
        return jnp.take_along_axis(outputs.logits, classes[:, None], 1).sum(), explained(features)

    gradients, maps = jax.grad(score, has_aux=True)(zeros)
    (gradient,) = jax.tree.leaves(gradients)
    if gradient.ndim == 3:  # a transformer: tokens [B, T, F], patches last, after class and register tokens
        gradient = gradient[:, -maps.shape[1] * maps.shape[2] :].reshape(maps.shape)
    return maps, gradient.astype(jnp.float32)


def perturbations_of(classifier: Classifier, variables: Any, images: Array) -> Any:
    """Returns zeros in the shape of the perturbations of the model for these images; see `features.explainable`."""
    _, found = jax.eval_shape(
        lambda v, x: classifier.apply(v, x, train=False, mutable=["perturbations"]), variables, images
    )
    return jax.tree.map(lambda shape: jnp.zeros(shape.shape, shape.dtype), found.get("perturbations", {}))


def enlarge(maps: Array, size_px: int) -> Array:
    """Returns maps `[B, H, W]` at the size of the images, `[B, size_px, size_px]`, bilinear."""
    return jax.image.resize(maps, (len(maps), size_px, size_px), "bilinear")
