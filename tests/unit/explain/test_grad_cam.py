"""Grad-CAM by its equations, on numbers worked out by hand and on every family of encoders."""

import jax
import numpy as np
import pytest

from kgv_jax.explain.grad_cam import class_activation, enlarge, make_grad_cam, map_and_gradient, perturbations_of
from kgv_jax.models import registry
from kgv_jax.models.classifier import Classifier
from kgv_jax.models.infuse import Infuse
from kgv_jax.models.spec import EncoderOptions
from kgv_jax.util.errors import UserError
from tests import tiny
from tests.filled import filled

DIM, CLASSES = 6, 3


def _model(name, *, size_px=None, **options):
    spec = registry.get(name)
    classifier = Classifier(spec.make(EncoderOptions()), num_classes=CLASSES, dim=DIM, **options)
    side = size_px or spec.size_px
    images = np.random.default_rng(0).integers(0, 256, (2, side, side, 3), dtype=np.uint8)
    return spec, classifier, filled(classifier, images, train=False), images


def test_the_map_worked_out_by_hand():
    # Two channels on a 2 x 2 map. alpha_0 = (4 + 0 + 0 + 0) / 4 = 1, alpha_1 = (-2 - 2 + 0 - 4) / 4 = -2.
    maps = np.array([[[[3.0, 1.0], [1.0, 2.0]], [[0.0, 0.0], [5.0, 2.0]]]])
    gradients = np.array([[[[4.0, -2.0], [0.0, -2.0]], [[0.0, 0.0], [0.0, -4.0]]]])
    # 3 - 2, 1 - 4, 0, 5 - 4; values below zero are evidence for other classes.
    np.testing.assert_allclose(class_activation(maps, gradients), [[[1.0, 0.0], [0.0, 1.0]]])


def test_behind_a_mean_the_gradient_is_the_weight_of_the_channel():
    """y_c = V (W mean(A) + b) + d, so dy_c / dA_ijk = (V W)_ck / Z: class activation maps (Zhou et al., 1512.04150)."""
    spec, classifier, variables, images = _model("resnet18_test")
    classes = np.array([2, 0])
    found = jax.jit(lambda v: map_and_gradient(classifier, spec.explained, v, images, classes))(variables)
    maps, gradients = map(np.asarray, found)
    params = variables["params"]
    weights = (params["projection"]["kernel"] @ params["decoder"]["kernel"])[:, classes].T
    expected = np.broadcast_to(weights[:, None, None] / (maps.shape[1] * maps.shape[2]), maps.shape)
    np.testing.assert_allclose(gradients, expected, rtol=1e-4, atol=1e-6)


def test_behind_a_flattened_map_every_position_has_its_own_weight():
    spec, classifier, variables, images = _model("resnet8_flat", size_px=16)
    classes = np.array([1, 1])

    @jax.jit
    def look(v):
        cam = make_grad_cam(classifier, spec.explained)(v, images, classes)
        return cam, *map_and_gradient(classifier, spec.explained, v, images, classes)

    cam, maps, gradients = map(np.asarray, look(variables))
    params = variables["params"]
    weights = (params["projection"]["kernel"] @ params["decoder"]["kernel"])[:, 1].reshape(maps.shape[1:])
    np.testing.assert_allclose(gradients, np.broadcast_to(weights, maps.shape), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(cam, np.maximum(maps @ weights.mean((0, 1)), 0), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", ["resnet_test", "resnet50_test", "efficientnet_lite0_test", "vit_test", "clip_test",
                                  "dinov2_reg_test"])  # fmt: skip
def test_the_gradient_is_that_of_the_logit_along_the_map(name):
    """dy / d eps at `A + eps V` equals `<gradient, V>`: by central differences, for every family."""
    spec, classifier, variables, images = _model(name, infuse=Infuse(2, DIM, 0.0, ("0", "-1")))
    classes, epsilon = np.array([2, 1]), 1e-2
    zeros = perturbations_of(classifier, variables, images)
    (leaf,) = jax.tree.leaves(zeros)

    @jax.jit
    def look(v, step):
        moved = {**v, "perturbations": jax.tree.map(lambda zero: zero + step, zeros)}
        logits = classifier.apply(moved, images, train=False).logits
        return logits[np.arange(2), classes].sum(), *map_and_gradient(classifier, spec.explained, v, images, classes)

    way = np.random.default_rng(1).normal(size=leaf.shape).astype(np.float32)
    _, maps, gradients = map(np.asarray, look(variables, np.zeros_like(way)))
    assert maps.ndim == 4 and maps.shape == gradients.shape and np.abs(gradients).max() > 0
    if way.ndim == 3:  # tokens, of which those of patches come last
        way[:, : -maps.shape[1] * maps.shape[2]] = 0
    above, below = (float(look(variables, sign * epsilon * way)[0]) for sign in (1, -1))
    along = way[:, -maps.shape[1] * maps.shape[2] :] if way.ndim == 3 else way
    np.testing.assert_allclose((above - below) / (2 * epsilon), np.vdot(gradients, along), rtol=2e-2, atol=2e-2)


def test_the_variables_of_a_model_are_its_own():
    """Perturbations among them would be added to the maps of every later call with these variables."""
    classifier = _model("vit_test")[1]
    images = np.zeros((1, 32, 32, 3), np.uint8)
    assert set(jax.eval_shape(lambda: classifier.init(jax.random.key(0), images, train=False))) == {"params"}


def test_images_are_explained_one_by_one():
    spec, classifier, variables, images = _model("vit_test")
    grad_cam = jax.jit(make_grad_cam(classifier, spec.explained))
    together = np.asarray(grad_cam(variables, images, np.array([0, 1])))
    assert together.shape == (2, 4, 4) and (together >= 0).all() and together.any()
    swapped = np.asarray(grad_cam(variables, images[::-1], np.array([1, 0])))
    np.testing.assert_allclose(together[::-1], swapped, rtol=1e-4, atol=1e-6)
    other = np.asarray(grad_cam(variables, images * np.array([1, 0], np.uint8)[:, None, None, None], np.array([0, 2])))
    np.testing.assert_allclose(together[0], other[0], rtol=1e-4, atol=1e-6)
    assert enlarge(together, 32).shape == (2, 32, 32)


def test_an_encoder_without_a_map_is_refused():
    classifier = tiny.make("ce").classifier
    images = np.zeros((1, tiny.SIZE_PX, tiny.SIZE_PX, 3), np.uint8)
    with pytest.raises(UserError, match=r"The encoder Encoder has no map that can be explained"):
        make_grad_cam(classifier, lambda features: features.spatial)(
            filled(classifier, images, train=False), images, np.array([0])
        )
