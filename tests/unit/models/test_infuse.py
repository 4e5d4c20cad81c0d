"""Infuse layers against their equations, behind the embedding and at maps of the encoder."""

import jax
import numpy as np
import pytest

from kgv_jax.models import registry
from kgv_jax.models.classifier import Classifier
from kgv_jax.models.infuse import Infuse, find_taps
from kgv_jax.models.spec import EncoderOptions
from kgv_jax.util.errors import UserError
from tests import tiny
from tests.filled import filled


def _layer(h, u, params, number):
    """`p_m` and `h_m` of numpy arrays, with the Gaussian error linear unit as its tanh."""
    p = u @ params[f"align{number}"]["kernel"] + params[f"align{number}"]["bias"]
    inner = p @ params[f"infuse{number}"]["kernel"] + params[f"infuse{number}"]["bias"]
    return p, h + 0.5 * inner * (1 + np.tanh(np.sqrt(2 / np.pi) * (inner + 0.044715 * inner**3)))


def _norm(x, params):
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-6) * params["scale"] + params["bias"]


def _by_hand(z, maps, params, taps):
    h, aligned = np.asarray(z, np.float64), []
    for number, tap in enumerate(taps):
        u = h
        if tap is not None:
            u = _norm(np.asarray(maps[tap], np.float64).mean((1, 2)), params[f"tap_norm{number}"])
        p, h = _layer(h, u, params, number)
        aligned.append(p)
    return _norm(h, params["norm"]), aligned


@pytest.mark.parametrize("taps", [(), ("0", "1"), ("-1", "z"), ("spread",)])
def test_the_layers_by_their_equations(taps):
    rng = np.random.default_rng(0)
    z = rng.normal(size=(4, 6)).astype(np.float32)
    maps = [rng.normal(size=(4, 2, 3, width)).astype(np.float32) for width in (5, 7)]
    layers = Infuse(2, 3, 0.5, taps)
    params = filled(layers, z, maps, train=False)["params"]
    out, aligned = jax.jit(lambda p: layers.apply({"params": p}, z, maps, train=False))(params)
    read = {(): (None, None), ("0", "1"): (0, 1), ("-1", "z"): (1, None), ("spread",): (0, None)}[taps]
    expected, expected_aligned = _by_hand(z, maps, params, read)
    np.testing.assert_allclose(out, expected, rtol=1e-4, atol=1e-5)
    for p, by_hand in zip(aligned, expected_aligned, strict=True):
        np.testing.assert_allclose(p, by_hand, rtol=1e-4, atol=1e-5)


def test_dropout_falls_on_what_is_added_alone():
    z = np.random.default_rng(0).normal(size=(640, 6)).astype(np.float32)
    layers = Infuse(1, 3, 0.5)
    params = filled(layers, z, train=False)["params"]
    apply = jax.jit(lambda key: layers.apply({"params": params}, z, train=True, rngs={"dropout": key}))
    (one, p), (other, q) = apply(jax.random.key(1)), apply(jax.random.key(2))
    assert (one != other).any() and (p[0] == q[0]).all()
    # Where all six were dropped, z alone is left; where none was, what was added counts twice.
    added = _layer(z, z @ np.eye(6), params, 0)[1] - z
    wanted = [_norm(z + factor * added, params["norm"]) for factor in (0, 2, 1)]
    none, all_twice, all_once = (np.isclose(one, rows, atol=1e-3).all(1).mean() for rows in wanted)
    assert 0 < none < 0.05 and 0 < all_twice < 0.05 and all_once < none


@pytest.mark.parametrize("name", ["resnet18_test", "resnet8", "efficientnet_lite0_test", "vit_test", "clip_test",
                                  "dinov2_reg_test"])  # fmt: skip
def test_every_family_can_be_tapped(name):
    """`p_m` is that of the tapped map, and the encoder's parameters are named as without taps."""
    spec = registry.get(name)
    images = np.zeros((2, spec.size_px, spec.size_px, 3), np.uint8)

    def make(taps):
        return Classifier(spec.make(EncoderOptions()), num_classes=3, dim=6, infuse=Infuse(2, 6, 0.0, taps))

    def shapes(taps):
        model = make(taps)
        variables = jax.eval_shape(lambda: model.init(jax.random.key(0), images, train=False))
        return variables, jax.eval_shape(lambda v: model.apply(v, images, train=False), variables)

    tapped, outputs = shapes(("0", "-1"))
    plain, _ = shapes(())
    assert [p.shape for p in outputs.aligned] == [(2, 6)] * 2
    assert jax.tree.structure(tapped["params"]["encoder"]) == jax.tree.structure(plain["params"]["encoder"])
    features = jax.eval_shape(lambda: make(()).encoder.init_with_output(jax.random.key(0), images, train=False)[0])
    for number, tap in enumerate((features.taps[0], features.taps[-1])):
        assert tapped["params"]["infuse"][f"align{number}"]["kernel"].shape == (tap.shape[-1], 6)
        assert tapped["params"]["infuse"][f"tap_norm{number}"]["scale"].shape == tap.shape[-1:]


@pytest.mark.parametrize("name", ["resnet_test", "vit_test"])
def test_what_is_aligned_at_a_map_does_not_see_what_comes_after_it(name):
    spec = registry.get(name)
    images = np.random.default_rng(0).integers(0, 256, (2, spec.size_px, spec.size_px, 3), dtype=np.uint8)
    model = Classifier(spec.make(EncoderOptions()), num_classes=3, dim=6, infuse=Infuse(2, 6, 0.0, ("0", "z")))
    params = filled(model, images, train=False)["params"]

    @jax.jit
    def gradient(params):
        def first(params):
            return model.apply({"params": params}, images, train=False).aligned[0].sum()

        return jax.grad(first)(params)["encoder"]

    found = gradient(params)
    if name == "vit_test":
        early, late = found["patches"], found["transformer"]["block1"]
    else:
        early, late = found["stem"], found["stage1_block0"]
    assert all(np.abs(leaf).max() > 0 for leaf in jax.tree.leaves(early))
    assert not any(np.abs(leaf).max() > 0 for leaf in jax.tree.leaves(late))


def test_maps_that_there_are_not_are_refused():
    with pytest.raises(UserError, match=r"infuse\.taps has 3; this encoder has 3 maps: 0 to 2, or from -3 to -1"):
        find_taps(("0", "3"), scales=2, maps=3)
    with pytest.raises(UserError, match=r"infuse\.taps is 'spread', but this encoder returns no feature maps"):
        find_taps(("spread",), scales=2, maps=0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"taps": "0,1"}, r"infuse\.taps is '0,1', 2 for the 3 scales"),
        ({"taps": "0,1,last"}, r"infuse\.taps has 'last'; expected spread, or for each scale z"),
        ({"taps": "spred"}, r"infuse\.taps has 'spred', did you mean 'spread'"),
        ({"weights": "1,2"}, r"infuse\.weights is '1,2', 2 for the 3 scales"),
        ({"weights": "1,2,-1"}, r"infuse\.weights has -1\.0; expected from 0\.0"),
        ({"weights": "1,nan,1"}, r"infuse\.weights has nan; expected a finite number"),
        ({"weights": "0,0,0"}, r"nothing would be aligned"),
        ({"scales": "triple"}, r"infuse\.scales has 'triple', did you mean 'triples'"),
    ],
)
def test_settings_that_mean_nothing_are_refused(settings, message):
    with pytest.raises(UserError, match=message):
        tiny.config("infuse", **{f"infuse__{name}": value for name, value in settings.items()})


def test_a_decoder_that_does_not_read_the_layers_is_refused():
    with pytest.raises(UserError, match=r"model\.decoder = 'equiangular', which does not read the infuse layers"):
        tiny.config("infuse", model__decoder="equiangular")


def test_the_graph_needs_an_embedding():
    with pytest.raises(UserError, match=r"kg\.vectors is empty, so there is no embedding of the graph"):
        tiny.config("ce", infuse__scales="graph")
