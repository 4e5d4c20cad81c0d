"""`configs/imagenet.py:quick`, shrunk: fake data, the graph of true size, every augmentation."""

import json

import numpy as np
import pytest

from kgv_jax.util.writers import read_metrics
from tests import cli

pytestmark = [pytest.mark.processes]
_CONFIG = "--config=configs/imagenet.py"
_SMALL = (
    "--config.model.encoder=resnet_test", "--config.model.dim=16", "--config.data.size_px=32",
    "--config.data.fake_test_pictures=4", "--config.train.steps=2", "--config.data.targets=v2,r",
)  # fmt: skip


def test_quick_trains_and_evaluates_on_fake_pictures(tmp_path):
    cli.succeed("main", f"{_CONFIG}:quick", *_SMALL, f"--workdir={tmp_path}")
    records = json.loads((tmp_path / "results.json").read_text())
    assert {(r["domain"], r["head"]) for r in records} == {
        (domain, head) for domain in ("imagenet", "v2", "r") for head in ("decoder", "density", "both")
    }
    assert {r["n"] for r in records} == {4}
    metrics = read_metrics(tmp_path)
    assert [line["step"] for line in metrics] == [1, 2]
    assert np.isfinite([line["loss"] for line in metrics]).all() and metrics[-1]["reg"] > 0
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["augment"] == {"mixup": 0.2, "cutmix": 1.0, "randaugment_ops": 2, "randaugment_magnitude": 9.0}


def test_the_experiment_itself_is_refused(tmp_path):
    assert "configs/imagenet.py:quick" in cli.refused("main", _CONFIG, f"--workdir={tmp_path}")


def test_an_odd_batch_is_refused_where_pictures_are_mixed(tmp_path):
    told = cli.refused(
        "main", f"{_CONFIG}:quick", *_SMALL, "--config.train.batch_size=7", f"--workdir={tmp_path}", devices=1
    )
    assert "7 rows" in told and "augment.mixup" in told
