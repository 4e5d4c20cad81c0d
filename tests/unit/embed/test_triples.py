"""Triples from files, their numbers and what is wrong with a file; triples held out of a graph."""

import numpy as np
import pytest

from kgv_jax.embed import triples
from kgv_jax.embed.triples import split_graph
from kgv_jax.kg.graph import Graph
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
    ("files", "message"),
    [
        ({"test": "b\tlikes\tnobody\n"}, "'nobody'"),
        ({"valid": "a b c\n"}, "line 1 has 1 fields"),
        ({"train": ""}, "holds no triple"),
    ],
)
def test_a_wrong_file_is_named(tmp_path, files, message):
    with pytest.raises(UserError, match=message):
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


def _graph(**more):
    draw = np.random.default_rng(0)
    rows = draw.integers([30, 3, 30], size=(150, 3))
    rows = [*rows.tolist(), [40, 0, 1], [2, 1, 41], [3, 7, 4]]  # two leaves, and a relation that occurs once
    return Graph.from_triples([(f"n{h:02}", f"r{r}", f"n{t:02}") for h, r, t in rows], **more)


def test_every_triple_is_in_one_split_and_nothing_is_lost_from_train():
    graph = _graph()
    split = split_graph(graph, share=0.1, seed=0)
    named = {
        tuple((split.nodes[h], split.relations[r], split.nodes[t]) for h, r, t in part.tolist())
        for part in (split.train, split.valid, split.test)
    }
    assert sorted(sum(named, ())) == graph.named_triples()
    assert len(split.valid) == len(split.test) == int(0.1 * len(graph.triples))
    assert set(np.unique(split.train[:, [0, 2]])) == set(range(len(graph.nodes)))
    assert set(np.unique(split.train[:, 1])) == set(range(len(graph.relations)))


def test_the_seed_decides():
    a, b, c = (split_graph(_graph(), share=0.1, seed=seed).test for seed in (0, 0, 1))
    np.testing.assert_array_equal(a, b)
    assert not np.array_equal(a, c)


def test_nodes_without_a_triple_are_left_out():
    split = split_graph(_graph(nodes=["a lonely one", "n99"]), share=0.1, seed=0)
    assert split.nodes == _graph().nodes and split.known().max() < len(split.nodes)


def test_nothing_held_out_is_the_whole_graph():
    graph = _graph()
    split = split_graph(graph, share=0.0, seed=0)
    np.testing.assert_array_equal(split.train, graph.triples)
    assert split.valid.shape == split.test.shape == (0, 3)


def test_a_self_loop_does_not_keep_its_node():
    graph = Graph.from_triples([("a", "r", "a"), ("b", "r", "c"), ("b", "r", "d"), ("c", "r", "d"), ("d", "r", "e")])
    split = split_graph(graph, share=0.4, seed=0)
    assert 0 in split.train[:, 0]


def test_a_tree_has_nothing_to_hold_out():
    with pytest.raises(UserError, match=r"0 of 2 triples .*--holdout=0"):
        split_graph(Graph.from_triples([("a", "r", "b"), ("c", "s", "d")]), share=0.4, seed=0)
    with pytest.raises(UserError, match=r"0\.7 cannot be held out twice"):
        split_graph(_graph(), share=0.7, seed=0)
