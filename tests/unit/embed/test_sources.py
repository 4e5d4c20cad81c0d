"""One text, many sources of vectors: each found, and what is none of them answered."""

import numpy as np
import pytest

from kgv_jax.embed import words
from kgv_jax.embed.file import RUN_FILE, Embeddings, find_nodes, write_embeddings
from kgv_jax.embed.netmf import netmf
from kgv_jax.embed.registry import recipe
from kgv_jax.embed.sources import find_embeddings
from kgv_jax.kg.graph import Graph
from kgv_jax.util.errors import UserError

GRAPH = Graph.from_triples(
    [("a", "r", "b"), ("b", "r", "c"), ("c", "s", "a"), ("d", "s", "a")], labels={"a": "stop"}, nodes=["alone"]
)


def found(source, dim=3):
    return find_embeddings(str(source), GRAPH, dim=dim, epochs=2, seed=0)


def test_random_walks_are_those_of_the_graph():
    embeddings = found("netmf")
    assert embeddings.nodes == ("a", "b", "c", "d") and embeddings.relations == ()
    expected = netmf(GRAPH.nodes, GRAPH.triples[:, [0, 2]], dim=3)
    np.testing.assert_array_equal(find_nodes(embeddings, "nodes.mu", GRAPH.nodes).vectors, expected.vectors)


def test_words_cover_what_they_know(monkeypatch):
    vocabulary = words.Vocabulary({"stop": 0}, np.array([[1.0, 2]], np.float32))
    monkeypatch.setattr(words, "load_glove", lambda: vocabulary)
    embeddings = found("words")
    assert embeddings.nodes == ("a",) and embeddings.arrays["nodes.mu"].tolist() == [[1, 2]]


def test_models_are_trained_with_and_without_convolutions():
    plain, convolved = found("distmult"), found("distmult+gcn")
    for embeddings in (plain, convolved):
        assert embeddings.nodes == GRAPH.nodes and embeddings.relations == ("r", "s")
        assert embeddings.arrays.keys() == {"nodes.mu", "relations.mu"}
        assert embeddings.arrays["nodes.mu"].shape == (5, 3)
    assert not np.allclose(plain.arrays["nodes.mu"], convolved.arrays["nodes.mu"], atol=0.1)


def test_behind_convolutions_steps_are_smaller():
    assert recipe("distmult").learning_rate == 0.3 and recipe("distmult").behind_convolutions().learning_rate == 0.05
    assert recipe("transh").behind_convolutions() == recipe("transh")
    ring = Graph.from_triples([(str(k), f"by{step}", str((k + step) % 12)) for k in range(12) for step in (1, 2)])
    vectors = find_embeddings("distmult+gcn", ring, dim=8, epochs=100, seed=0).arrays["nodes.mu"]
    assert np.std(vectors - vectors.mean(0)) > 0.05


def test_files_and_folders(tmp_path):
    embeddings = Embeddings(("a", "b"), (), {"nodes.mu": np.array([[1, 2], [3, 4]], np.float32)})
    for path in (tmp_path / "e.safetensors", tmp_path / RUN_FILE):
        write_embeddings(path, embeddings, {})
    (tmp_path / "e.csv").write_text("stop,1,2\nb,3,4\n")
    for source in (tmp_path / "e.safetensors", tmp_path / "e.csv", tmp_path):
        nodes, _, arrays = found(source)
        assert nodes == ("a", "b") and arrays["nodes.mu"].tolist() == [[1, 2], [3, 4]]


def test_a_run_that_left_nothing(tmp_path):
    with pytest.raises(UserError, match=r"in which there is no run and no embeddings\.safetensors; name the --workdir"):
        found(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UserError, match=rf"python -m kgv_jax\.main --mode=eval --workdir={tmp_path} writes it"):
        found(tmp_path)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("transee", r"config\.kg\.vectors is 'transee', did you mean 'transe'"),
        ("gcn", r"MODEL\+gcn"),
        ("signs.txt", r"a table FILE\.csv or FILE\.tsv, the folder of a run, or one of words, netmf, transe"),
        ("rotate+gcn", r"A graph convolution makes means"),
        ("gone.safetensors", r"gone\.safetensors: no such file"),
    ],
)
def test_what_is_no_source(source, message):
    with pytest.raises(UserError, match=message):
        found(source)


def test_more_dimensions_than_random_walks_can_give():
    with pytest.raises(UserError, match=r"9 dimensions per node, and the graph has 4 nodes with an edge"):
        found("netmf", dim=9)
