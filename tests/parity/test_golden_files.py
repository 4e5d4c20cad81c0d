"""The golden files are what `make golden` writes."""

import json

import numpy as np
import pytest
import safetensors.numpy

from kgv_jax.models.pretrained.read import read
from tests.golden import make


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("golden")
    make.main(folder)
    return folder


def test_same_files(written):
    ours = {path.name for path in make.FOLDER.iterdir() if path.suffix not in (".py", "") and path.is_file()}
    assert ours == {path.name for path in written.iterdir()}
    assert sum(path.stat().st_size for path in written.iterdir()) < 1.5e6


@pytest.mark.parametrize("name", ["index.json", "tokens.json"])
def test_same_text(written, name):
    assert (make.FOLDER / name).read_text() == (written / name).read_text()


@pytest.mark.parametrize("case", make.CASES)
def test_same_numbers(written, case):
    np.testing.assert_array_equal(np.load(make.FOLDER / "images.npy"), np.load(written / "images.npy"))
    file = json.loads((written / "index.json").read_text())[case]["file"]
    stored, fresh = read(make.FOLDER / file), read(written / file)
    assert stored.keys() == fresh.keys()
    for key in stored:
        np.testing.assert_array_equal(stored[key], fresh[key], err_msg=key)
    expected = f"{case}.expected.safetensors"
    stored, fresh = (safetensors.numpy.load_file(folder / expected) for folder in (make.FOLDER, written))
    assert stored.keys() == fresh.keys()
    for key in stored:
        # Another processor sums in another order.
        np.testing.assert_allclose(stored[key], fresh[key], atol=2e-5, err_msg=key)
