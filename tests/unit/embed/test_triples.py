"""Triples from files: their numbers, and what is wrong with a file."""

import numpy as np
import pytest

from kgv_jax.embed import triples
from kgv_jax.util.errors import UserError

TRAIN = "b\tlikes\ta\na\tlikes\tc\nc\tis\ta\n"


def _write(folder, *, train=TRAIN, valid="a\tis\tb\n", test="b\tlikes\tc\n"):
    for name, text in (("train", train), ("valid", valid), ("test", test)):
        (folder / f"{name}.txt").write_text(text)
    return folder


def test_names_are_numbered_in_sorted_order(tmp_path):
    graph = triples.load(_write(tmp_path))
    assert graph.nodes == ("a", "b", "c") and graph.relations == ("is", "likes")
    np.testing.assert_array_equal(graph.train, [[1, 1, 0], [0, 1, 2], [2, 0, 0]])
    np.testing.assert_array_equal(graph.known(), [[1, 1, 0], [0, 1, 2], [2, 0, 0], [0, 0, 1], [1, 1, 2]])


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"test": "b\tlikes\tnobody\n"}, "'nobody'"),
        ({"valid": "a b c\n"}, "line 1 has 1 fields"),
        ({"train": ""}, "holds no triple"),
    ],
)
def test_a_wrong_file_is_named(tmp_path, files, said):
    with pytest.raises(UserError, match=said):
        triples.load(_write(tmp_path, **files))


def test_a_file_that_is_not_utf_8_is_named(tmp_path):
    (_write(tmp_path) / "train.txt").write_bytes("a\tlikes\tZürich\n".encode("latin-1"))
    with pytest.raises(UserError, match=r"train\.txt: not UTF-8 .*byte 0xfc.*save the file as UTF-8"):
        triples.load(tmp_path)


def test_a_missing_file_is_named(tmp_path):
    _write(tmp_path)
    (tmp_path / "valid.txt").unlink()
    with pytest.raises(UserError, match=r"valid\.txt"):
        triples.load(tmp_path)
