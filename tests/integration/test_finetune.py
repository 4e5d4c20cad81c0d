"""Every recipe and every family of encoders, by config alone, from weights in a file to results."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import traverse_util

from configs import finetune, roadsigns
from kgv_jax import train
from kgv_jax.config import schema as config_schema
from kgv_jax.models import registry
from kgv_jax.models.pretrained import converted
from kgv_jax.models.pretrained.expected import expected_shapes
from kgv_jax.models.pretrained.published import load_published
from kgv_jax.run.build import make_run
from kgv_jax.run.checkpoint import Checkpointer
from kgv_jax.run.workdir import Workdir
from kgv_jax.util.errors import UserError

FAMILIES = ("resnet18_test", "resnet50_test", "vit_test", "clip_test", "dinov2_test", "dinov2_reg_test",
            "efficientnet_lite0_test")  # fmt: skip


def _config(encoder, **settings):
    """A run of a few steps on drawn signs, small as can be."""
    config = roadsigns.get_config("quick")
    config.method = "kgv"
    config.data.update(train_views=1, test_views=1, targets="cn", size_px=16)
    config.synthetic.update(per_element=1, views=1, elements_per_step=8)
    config.model.update(encoder=encoder, norm="auto", dim=8, input_px=registry.get(encoder).size_px)
    config.optim.update(warmup_steps=0, learning_rate=1e-2)
    config.train.update(steps=3, batch_size=16, log_every_steps=1)
    for key, value in settings.items():
        section, _, name = key.partition("__")
        if name:
            config[section][name] = value
        else:
            config[section] = value
    return config_schema.resolve(config)


def _weights(folder, encoder, *, seed=0, epsilon=None, without=None):
    """Writes random weights of an encoder as a converted folder; returns its name."""
    rng = np.random.default_rng(seed)
    arrays = {
        path: (rng.uniform(0.5, 1.5, shape) if path.endswith("var") else rng.normal(0, 0.1, shape)).astype(np.float32)
        for path, shape in expected_shapes(registry.get(encoder)).items()
        if without is None or not path.startswith(without)
    }
    converted.write(
        folder,
        arrays,
        converted.Manifest(
            model=encoder, source="a test", source_sha256="0" * 64, layout="ours", epsilon=epsilon, head_classes=None,
            absent=(), ignored=(),
        ),
    )  # fmt: skip
    return str(folder)


def _state(config, workdir):
    run = make_run(config)
    checkpointer = Checkpointer(workdir.checkpoints, keep=2)
    try:
        return jax.device_get(checkpointer.restore(checkpointer.latest_step(), run.restorable()))
    finally:
        checkpointer.close()


@pytest.mark.parametrize("encoder", FAMILIES)
def test_kgv_trains_every_family_from_published_weights(encoder, tmp_path):
    config = _config(encoder, model__init=_weights(tmp_path / "weights", encoder), transfer__layer_decay=0.5)
    workdir = Workdir(tmp_path / "run")
    records = train.train_and_evaluate(config, workdir)
    assert {record["domain"] for record in records} == {"de", "cn"}
    assert {record["head"] for record in records} == {"decoder", "density", "combined"}
    start = load_published(config.model.init, encoder).encoder
    end = _state(config, workdir).params["classifier"]["encoder"]
    moved = jax.tree.map(lambda a, b: float(np.abs(a - b).max()), start, end)
    # Three steps at a rate that falls from the head down: near its start, and not at it.
    assert 1e-4 < max(jax.tree.leaves(moved)) < 0.05
    (weights,) = workdir.read_records("initial_weights.json")
    assert weights["encoder"] == encoder and len(weights["sha256"]) == 64


@pytest.mark.parametrize("method", ["ce", "attribute_bce", "kgv_compose"])
def test_a_linear_probe_leaves_the_encoder_as_it_was(method, tmp_path):
    encoder = "efficientnet_lite0_test"
    init = _weights(tmp_path / "weights", encoder)
    config = _config(encoder, method=method, model__init=init, transfer__freeze="encoder/.*")
    train.train_and_evaluate(config, Workdir(tmp_path / "run"))
    state = _state(config, Workdir(tmp_path / "run"))
    published = load_published(init, encoder)
    for found, expected in (
        (state.params["classifier"]["encoder"], published.encoder),
        (state.batch_stats["encoder"], published.batch_stats),
    ):
        for path, leaf in traverse_util.flatten_dict(found, sep="/").items():
            np.testing.assert_array_equal(leaf, traverse_util.flatten_dict(expected, sep="/")[path], path)


def test_a_probe_then_fine_tuning_then_the_line_between_them(tmp_path):
    """LP-FT with WiSE-FT: alpha 0 is the end of the probe, alpha 1 the end of training."""
    encoder = "resnet18_test"
    config = _config(
        encoder,
        model__init=_weights(tmp_path / "weights", encoder),
        transfer__probe_steps=2,
        train__steps=4,
        train__checkpoint_every_steps=2,
        transfer__wise_ft="0,0.5,1",
        transfer__alpha=0.5,
    )
    workdir = Workdir(tmp_path / "run")
    records = train.train_and_evaluate(config, workdir)
    curve = workdir.read_records("wise_ft.json")
    assert {record["alpha"] for record in curve} == {0.0, 0.5, 1.0}
    own = {(r["domain"], r["head"]): r["accuracy"] for r in curve if r["alpha"] == 0.5}
    assert {(r["domain"], r["head"]): r["accuracy"] for r in records} == {key: own[key] for key in own
                                                                         if key[0] != "validation"}  # fmt: skip
    run, checkpointer = make_run(config), Checkpointer(workdir.checkpoints, keep=2)
    probe, end = (jax.device_get(checkpointer.restore(step, run.restorable())) for step in (2, 4))
    checkpointer.close()
    jax.tree.map(np.testing.assert_array_equal, end.anchor["params"], probe.params)
    start = load_published(config.model.init, encoder).encoder
    jax.tree.map(np.testing.assert_array_equal, probe.params["classifier"]["encoder"], start)
    stem = [state.params["classifier"]["encoder"]["stem"]["kernel"] for state in (probe, end)]
    assert np.abs(stem[1] - stem[0]).max() > 1e-4


def test_zero_shot_needs_no_step(tmp_path):
    config = _config(
        "clip_test",
        method="ce",
        model__init=_weights(tmp_path / "weights", "clip_test"),
        model__decoder="zero_shot",
        model__templates="a {}|the {}",
        train__steps=0,
    )
    workdir = Workdir(tmp_path / "run")
    records = train.train_and_evaluate(config, workdir)
    assert {record["domain"] for record in records} == {"de", "cn"}
    predictions = np.load(workdir.predictions / "cn.npz")
    # Cosines times the learned scale.
    scale = np.exp(load_published(config.model.init, "clip_test").logit_scale)
    assert 0.05 * scale < np.abs(predictions["logits"]).max() <= scale * (1 + 1e-5)
    kernel = _state(config, workdir).params["classifier"]["decoder"]["kernel"]
    np.testing.assert_allclose(np.linalg.norm(kernel, axis=0), 1, rtol=1e-5)


@pytest.mark.parametrize(("without", "lacks"), [("params/text", "text tower"), ("params/logit_scale", "logit_scale")])
def test_zero_shot_needs_the_text_side_of_the_file(without, lacks, tmp_path):
    init = _weights(tmp_path / "weights", "clip_test", without=without)
    config = _config("clip_test", method="ce", model__init=init, model__decoder="zero_shot", train__steps=0)
    with pytest.raises(UserError, match=f"'clip_test' has one, but .* holds no {lacks}"):
        train.train_and_evaluate(config, Workdir(tmp_path / "run"))


def test_bfloat16_rematerialised_with_drop_path_and_mixed_images(tmp_path):
    config = _config(
        "vit_test",
        model__dtype="bfloat16",
        model__remat=True,
        model__drop_path=0.2,
        augment__mixup=0.2,
        augment__cutmix=1.0,
        augment__randaugment_ops=2,
        optim__label_smoothing=0.1,
        optim__ema_decay=0.9,
    )
    workdir = Workdir(tmp_path / "run")
    assert train.train_and_evaluate(config, workdir)
    state = _state(config, workdir)
    assert {leaf.dtype for leaf in jax.tree.leaves(state.params)} == {jnp.dtype(jnp.float32)}
    losses = [json.loads(line)["loss"] for line in (workdir.path / "metrics.jsonl").read_text().splitlines()]
    assert len(losses) == 3 and np.isfinite(losses).all()


def test_the_epsilon_of_the_weights_holds_in_evaluation_too(tmp_path):
    """A file may ask for another epsilon of its norms; one as large as this shows in every prediction."""
    config = _config(
        "vit_test", method="ce", model__init=_weights(tmp_path / "weights", "vit_test", epsilon=0.1), train__steps=0
    )
    workdir = Workdir(tmp_path / "run")
    train.train_and_evaluate(config, workdir)
    first = np.load(workdir.predictions / "cn.npz")["logits"]
    train.evaluate_only(config, workdir)
    np.testing.assert_array_equal(np.load(workdir.predictions / "cn.npz")["logits"], first)
    (workdir.path / "initial_weights.json").unlink()
    train.evaluate_only(config, workdir)
    assert np.abs(np.load(workdir.predictions / "cn.npz")["logits"] - first).max() > 1e-3


@pytest.mark.parametrize("recipe", finetune.RECIPES)
def test_the_recipes_of_the_config_file_are_valid(recipe):
    config = config_schema.resolve(finetune.get_config(recipe))
    assert config.model.init.startswith("pypi:") and config.model.encoder == "efficientnet_lite0"


@pytest.mark.parametrize(
    ("encoder", "settings", "message"),
    [
        ("vit_test", {"model__input_px": 30}, r"multiples of \d+ px; they would be 30 px"),
        ("vit_test", {"model__norm": "batch"}, "a transformer has layer norms only"),
        ("resnet18_test", {"model__init": "FILE", "model__norm": "group"}, "trained with the published norm"),
        ("resnet18_test", {"model__decoder": "zero_shot"}, "whose weights are text embeddings"),
        ("resnet18_test", {"transfer__freeze": "encoder/steem/.*"}, r"matches no parameter"),
        ("resnet18_test", {"transfer__probe_steps": 2, "optim__warmup_steps": 2}, "less than transfer.probe_steps"),
        ("resnet18_test", {"transfer__wise_ft": "0,2"}, r"wise_ft has 2\.0; expected from 0\.0 to 1\.0"),
        ("resnet18_test", {"model__drop_path": 0.1, "model__statistics": "fixed"}, "drops nothing"),
    ],
)
def test_settings_at_odds_are_refused(encoder, settings, message):
    with pytest.raises(UserError, match=message):
        make_run(_config(encoder, **settings))


def test_a_decoder_of_texts_needs_a_text_tower(tmp_path):
    config = _config("resnet18_test", model__init=_weights(tmp_path / "weights", "resnet18_test"),
                     model__decoder="zero_shot")  # fmt: skip
    with pytest.raises(UserError, match=r"'resnet18_test' has no text tower\. Use an encoder .*clip_vit_b32"):
        train.train_and_evaluate(config, Workdir(tmp_path / "run"))
