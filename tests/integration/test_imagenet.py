"""`configs/imagenet.py:quick`, shrunk: fake data, the graph of true size, every augmentation."""

import json

import numpy as np
import pytest

from kgv_jax.config.schema import default_config, resolve
from kgv_jax.experiment.build import build
from kgv_jax.util.errors import UserError
from kgv_jax.util.writers import read_metrics
from tests import cli
from tests.imagenet_files import IDS, write_imagenet

_CONFIG = "--config=configs/imagenet.py"
_SMALL = (
    "--config.model.encoder=resnet_test", "--config.model.dim=16", "--config.data.size_px=32",
    "--config.data.fake_test_images=4", "--config.train.steps=2", "--config.data.targets=v2,r",
)  # fmt: skip


@pytest.mark.processes
def test_quick_trains_and_evaluates_on_fake_images(tmp_path):
    cli.succeed("main", f"{_CONFIG}:quick", *_SMALL, f"--workdir={tmp_path}")
    records = json.loads((tmp_path / "results.json").read_text())
    assert {(r["domain"], r["head"]) for r in records} == {
        (domain, head) for domain in ("imagenet", "v2", "r") for head in ("decoder", "density", "combined")
    }
    assert {r["n"] for r in records} == {4}
    metrics = read_metrics(tmp_path)
    assert [line["step"] for line in metrics] == [1, 2]
    assert np.isfinite([line["loss"] for line in metrics]).all() and metrics[-1]["reg"] > 0
    config = json.loads((tmp_path / "config.json").read_text())
    augment = {"mixup": 0.2, "cutmix": 1.0, "randaugment_ops": 2, "randaugment_magnitude": 9.0}
    assert config["augment"] | augment == config["augment"]


@pytest.mark.processes
def test_the_experiment_without_its_data_is_refused(tmp_path):
    reported = cli.refused("main", _CONFIG, "--config.kg.path=fake", f"--workdir={tmp_path}")
    assert "config.data.root is ''" in reported and "--config.data.root=ROOT" in reported


_GRAPH = "@prefix w: <https://kgv-jax.github.io/wordnet#> . @prefix k: <https://kgv-jax.github.io/vocab#> .\n"


@pytest.mark.processes
def test_published_layouts_train_and_evaluate(tmp_path):
    root, graph = tmp_path / "root", tmp_path / "graph.ttl"
    write_imagenet(root)
    (root / "ids.txt").write_text("\n".join(IDS))
    graph.write_text(_GRAPH + "".join(f"w:{id} a k:Class ; k:broader w:thing .\n" for id in IDS))
    cli.succeed(
        "main", _CONFIG, f"--config.data.root={root}", f"--config.data.class_list={root}/ids.txt",
        f"--config.kg.path={graph}", "--config.data.targets=v2,r,real,objectnet,c", "--config.model.dim=16",
        "--config.model.encoder=resnet_test", "--config.data.size_px=32", "--config.train.steps=3",
        "--config.optim.warmup_steps=1",
        "--config.train.batch_size=4", "--config.evaluate.batch_size=4", f"--workdir={tmp_path}/run",
    )  # fmt: skip
    records = {
        r["domain"]: r for r in json.loads((tmp_path / "run/results.json").read_text()) if r["head"] == "combined"
    }
    assert {name: record["n"] for name, record in records.items()} == {
        "imagenet": 4, "v2": 4, "r": 2, "real": 3, "objectnet": 2,
        "c/gaussian_noise/1": 4, "c/gaussian_noise/3": 4,
    }  # fmt: skip
    assert records["r"]["classes"] == 2 and records["r"]["masked_accuracy"] >= records["r"]["accuracy"]
    assert (tmp_path / "run/predictions/c/gaussian_noise/3.npz").exists()


def _build(**settings):
    values = default_config()
    values.method = "kgv_no_synthetic"
    values.data.update(
        name="fake", source="imagenet", targets="v2", size_px=16, fake_classes=20, fake_images=2, fake_test_images=2
    )
    values.kg.path = "fake"
    values.augment.update(mixup=0.2, cutmix=1.0, randaugment_ops=2)
    values.train.update(batch_size=8)
    for key, value in settings.items():
        section, name = key.split("__")
        values[section][name] = value
    return build(resolve(values))


@pytest.mark.usefixtures("kgv_cache")
def test_settings_of_augmentation_reach_the_batches():
    augmented, plain = (
        _build(**settings).pipeline[0]
        for settings in ({}, {"augment__mixup": 0.0, "augment__cutmix": 0.0, "augment__randaugment_ops": 0})
    )
    assert set(augmented) - set(plain) == {"own_share", "partner_label", "partner_mask_ids"}
    assert (augmented["own_share"] < 1).any()
    assert (augmented["image"] != plain["image"]).any()
    np.testing.assert_array_equal(augmented["label"], plain["label"])


@pytest.mark.usefixtures("kgv_cache")
def test_an_odd_batch_is_refused_where_images_are_mixed():
    with pytest.raises(UserError, match=r"'train' has 7 rows per process.*augment"):
        _build(train__batch_size=7)


@pytest.mark.usefixtures("kgv_cache")
def test_a_graph_that_does_not_come_with_the_package():
    known = "artwork, emoji, fake, imagenet-1k, .*roadsigns"
    with pytest.raises(UserError, match=rf"'faked', did you mean 'fake'.*{known}"):
        _build(kg__path="faked")
