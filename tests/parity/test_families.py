"""Every encoder against the models that publish its weights: features and logits, two input sizes."""

import numpy as np
import pytest
import torch

from kgv_jax.models import registry
from kgv_jax.models.pretrained.published import load_flat
from tests.golden.ours import answers, differences
from tests.parity.families import REFERENCES
from tests.parity.reference import Answer

TOLERANCE = 1e-4


def images_of(size: tuple[int, int], *, count: int = 2) -> np.ndarray:
    """Returns `[count, height, width, 3]` noise as wide as normalised images."""
    return np.random.default_rng(0).normal(0.0, 1.0, (count, *size, 3)).astype(np.float32)


def expected_of(answer: Answer, images: np.ndarray) -> dict[str, np.ndarray]:
    """Returns what a reference answers."""
    with torch.inference_mode():
        found = answer(torch.from_numpy(images.transpose(0, 3, 1, 2).copy()))
    return {name: array.numpy() for name, array in found.items()}


@pytest.mark.parametrize("name", REFERENCES)
def test_equals(name, tmp_path, report_differences):
    reference = REFERENCES[name]()
    file = reference.write(tmp_path / name)
    worst: dict[str, float] = {}
    for size in reference.sizes:
        images = images_of(size)
        expected = expected_of(reference.answer, images)
        # A reference that answers alike to everything would prove nothing.
        assert all(np.ptp(array, axis=0).max() > 100 * TOLERANCE for array in expected.values())
        found = differences(answers(file, reference.encoder, images, reference.tokens), expected)
        worst = {key: max(value, worst.get(key, 0.0)) for key, value in found.items()}
    report_differences(worst)
    assert max(worst.values()) < TOLERANCE, worst


def test_every_layout_is_compared(tmp_path):
    """No publisher is left to tests of our own reading of its names."""
    read: dict[str, set[str]] = {}
    for name, make in REFERENCES.items():
        reference = make()
        _, manifest = load_flat(reference.write(tmp_path / name), reference.encoder)
        read.setdefault(reference.encoder, set()).add(manifest.layout)
    for encoder in registry.list_models():
        layouts = {layout.name for layout in registry.get(encoder).layouts()}
        if encoder.endswith("_test") and layouts:
            assert read.get(encoder, set()) == layouts, encoder
