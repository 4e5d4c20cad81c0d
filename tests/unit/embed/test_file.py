"""Files of embeddings: what was written comes back by name, and what is wrong with others."""

import json

import numpy as np
import pytest
import safetensors.numpy

from kgv_jax.embed import file
from kgv_jax.util.errors import UserError

NODES, RELATIONS = ("https://e.org/a", "https://e.org/ü", "https://e.org/c"), ("https://e.org/r",)
ARRAYS = {
    "nodes.mu": np.arange(6, dtype=np.float32).reshape(3, 2),
    "nodes.var": np.full((3, 2), 0.5, np.float32),
    "relations.mu": np.array([[7.0, 8.0]], np.float32),
}
EMBEDDINGS = file.Embeddings(NODES, RELATIONS, ARRAYS)


def test_a_file_comes_back(tmp_path):
    path = tmp_path / "e.safetensors"
    file.write_embeddings(path, EMBEDDINGS, {"model": "kgv"})
    nodes, relations, arrays = file.read_embeddings(path)
    assert nodes == NODES and relations == RELATIONS and arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(arrays[name], array)
    with safetensors.safe_open(path, framework="numpy") as opened:
        assert json.loads(opened.metadata()["notes"]) == {"model": "kgv"}
    assert [p.name for p in tmp_path.iterdir()] == ["e.safetensors"]


def test_rows_are_found_by_name():
    np.testing.assert_array_equal(file.rows(EMBEDDINGS, "nodes.mu", NODES[::-1]), ARRAYS["nodes.mu"][::-1])
    np.testing.assert_array_equal(file.rows(EMBEDDINGS, "relations.mu", RELATIONS), [[7, 8]])


def test_an_absent_name_is_an_error_that_counts():
    with pytest.raises(UserError, match=r"2 of 3 nodes .* first is 'https://e.org/b', did you mean"):
        file.rows(EMBEDDINGS, "nodes.mu", ["https://e.org/b", NODES[0], "x"])
    with pytest.raises(UserError, match=r"1 of 1 relations"):
        file.rows(EMBEDDINGS, "relations.mu", ["x"])
    with pytest.raises(UserError, match=r"no 'nodes.mean'.*nodes.mu, nodes.var, relations.mu"):
        file.rows(EMBEDDINGS, "nodes.mean", NODES)


def test_another_run_is_a_source_of_vectors():
    found = file.find_nodes(EMBEDDINGS, "nodes.mu", ["x", NODES[2]])
    np.testing.assert_array_equal(found.vectors, [[0, 0], [4, 5]])
    assert found.missing() == ["x"] and found.coverage() == 0.5


def _save(path, arrays=None, **metadata):
    good = {"format": file.FORMAT, "nodes": json.dumps(NODES), "relations": json.dumps(RELATIONS)}
    safetensors.numpy.save_file(ARRAYS if arrays is None else arrays, path, good | metadata)


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({"format": "pt"}, "has the format 'pt'.*--out"),
        ({"nodes": "["}, "names cannot be read"),
        ({"nodes": "3"}, "names cannot be read"),
        ({"nodes": '["a"]'}, r"'nodes.mu' has the shape \(3, 2\).*1 rows"),
        ({"arrays": {"mu": np.zeros((3, 2), np.float32)}}, "'mu' has the shape"),
        ({"arrays": {"nodes.mu": np.zeros((), np.float32)}}, "'nodes.mu' has the shape"),
    ],
)
def test_a_broken_file_is_named(tmp_path, broken, message):
    path = tmp_path / "b.safetensors"
    _save(path, **broken)
    with pytest.raises(UserError, match=rf"b\.safetensors: .*{message}"):
        file.read_embeddings(path)


def test_files_of_other_kinds_are_named(tmp_path):
    path = tmp_path / "e.safetensors"
    with pytest.raises(UserError, match="no such file"):
        file.read_embeddings(path)
    file.write_embeddings(path, EMBEDDINGS, {})
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(UserError, match="truncated"):
        file.read_embeddings(path)
    np.savez(tmp_path / "e.npz", mu=np.zeros((3, 2), np.float32))
    with pytest.raises(UserError, match="has the format ''"):
        file.read_embeddings(tmp_path / "e.npz")


@pytest.mark.parametrize(("name", "message"), [("e.npz", r"name it e\.safetensors"), ("no/e.safetensors", "no folder")])
def test_where_nothing_can_be_written(tmp_path, name, message):
    with pytest.raises(UserError, match=message):
        file.check_target(tmp_path / name)
