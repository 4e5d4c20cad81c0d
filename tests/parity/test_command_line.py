"""The command line on published files: the features and logits that the publishers' models answer."""

import numpy as np
import pytest

from tests import cli
from tests.parity.families import REFERENCES
from tests.parity.test_families import TOLERANCE, expected_of, images_of

# One a format, and both towers' kinds of a head.
CASES = ("resnet50_torchvision", "vit_google", "vit_huggingface", "dinov2_reg_huggingface_5_head", "efficientnet_wheel")


@pytest.mark.parametrize("name", CASES)
def test_features_of_a_file_and_of_what_convert_wrote(name, tmp_path, capsys):
    reference = REFERENCES[name]()
    file = reference.write(tmp_path / name)
    images = images_of(reference.sizes[1], count=3)
    expected = expected_of(reference.answer, images)
    np.save(tmp_path / "images.npy", images)
    converted = tmp_path / "converted"
    arguments = (file, f"--model={reference.encoder}", f"--out={converted}")
    assert cli.run("weights", "convert", *arguments) == 0, capsys.readouterr()
    for source, key, flags in ((file, "pooled", ()), (converted, "logits", ("--logits",))):
        out = tmp_path / f"{key}.npy"
        arguments = [str(source), f"--model={reference.encoder}", f"--images={tmp_path / 'images.npy'}", *flags]
        assert cli.run("weights", "features", *arguments, f"--out={out}", "--batch_size=2") == 0, capsys.readouterr()
        found = np.load(out)
        assert found.dtype == np.float32
        assert np.abs(found - expected[key]).max() < TOLERANCE, key


def test_as_a_process(tmp_path):
    reference = REFERENCES["vit_torchvision"]()
    file = reference.write(tmp_path / "vit")
    images = images_of(reference.sizes[0])
    np.save(tmp_path / "images.npy", images)
    out = tmp_path / "logits.npy"
    flags = [f"--model={reference.encoder}", f"--images={tmp_path / 'images.npy'}", "--logits", f"--out={out}"]
    cli.succeed("weights", "features", str(file), *flags)
    assert np.abs(np.load(out) - expected_of(reference.answer, images)["logits"]).max() < TOLERANCE
