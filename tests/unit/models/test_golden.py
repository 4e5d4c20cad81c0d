"""Published files, each with what its publisher's model answered: read and answered alike, without that model."""

import json
import pathlib

import numpy as np
import pytest
import safetensors.numpy

from kgv_jax.models import registry
from kgv_jax.models.tokenizer import load_tokenizer
from tests.golden import ours
from tests.golden.make import FOLDER

TOLERANCE = 1e-4
INDEX = json.loads((FOLDER / "index.json").read_text())


def _compare(case: str, file: pathlib.Path | None = None) -> dict[str, float]:
    """Returns the differences of a case, read from another file than its own if given."""
    entry = INDEX[case]
    expected = safetensors.numpy.load_file(FOLDER / f"{case}.expected.safetensors")
    images = ours.normalised(np.load(FOLDER / "images.npy"), entry["size"])
    tokens = expected.pop("tokens", None)
    return ours.differences(ours.answers(file or FOLDER / entry["file"], entry["encoder"], images, tokens), expected)


@pytest.mark.parametrize("case", INDEX)
def test_equals_reference(case):
    found = _compare(case)
    assert max(found.values()) < TOLERANCE, found


def test_every_family_and_format():
    published = {name for name in registry.list_models() if name.endswith("_test") and registry.get(name).layouts()}
    assert {entry["encoder"] for entry in INDEX.values()} == published
    suffixes = {pathlib.PurePath(entry["file"]).suffix for entry in INDEX.values()}
    assert suffixes == {".safetensors", ".pth", ".pt", ".npz"}


@pytest.mark.parametrize(
    "case, key, axes",
    [
        ("vit_timm", "blocks.1.attn.proj.weight", (1, 0)),
        ("resnet18_huggingface", "resnet.encoder.stages.1.layers.1.layer.0.convolution.weight", (1, 0, 2, 3)),
        ("efficientnet_timm", "blocks.1.0.conv_dw.weight", (0, 1, 3, 2)),
        ("clip_huggingface", "text_model.encoder.layers.0.self_attn.q_proj.weight", (1, 0)),
    ],
)
def test_a_transposed_weight_shows(case, key, axes, tmp_path):
    arrays = safetensors.numpy.load_file(FOLDER / INDEX[case]["file"])
    arrays[key] = np.ascontiguousarray(arrays[key].transpose(axes))
    safetensors.numpy.save_file(arrays, tmp_path / "turned.safetensors")
    assert max(_compare(case, tmp_path / "turned.safetensors").values()) > 100 * TOLERANCE


def test_tokens():
    texts, expected = zip(*json.loads((FOLDER / "tokens.json").read_text()), strict=True)
    np.testing.assert_array_equal(load_tokenizer()(texts), expected)
