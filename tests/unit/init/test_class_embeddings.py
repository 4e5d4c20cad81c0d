"""Scales of knowledge: texts of classes, their vectors, and what cannot be had."""

import types

import numpy as np
import pytest

from kgv_jax.embed.words import Vocabulary
from kgv_jax.init.class_embeddings import class_embeddings, description_text, triples_text, whitened
from kgv_jax.kg.graph import Graph
from kgv_jax.util.errors import UserError
from tests import tiny

WORDS = "stop sign yield parking no entry priority prohibition triangle octagon circle square red has shape".split()


def _experiment(graph=None):
    graph = graph or tiny.graph()
    nodes = np.array([graph.node(name) for name in tiny.CLASSES])
    return types.SimpleNamespace(graph=graph, mask=tiny.mask_table(), class_nodes=nodes)


def _vocabulary(dim=5):
    vectors = np.random.default_rng(0).normal(size=(len(WORDS), dim)).astype(np.float32)
    return Vocabulary({word: row for row, word in enumerate(WORDS)}, vectors)


def test_texts():
    graph = tiny.graph()
    stop = graph.node("stop")
    assert triples_text(graph, stop) == "stop broader priority, hasColour red, hasShape octagon"
    assert description_text(graph, stop) == "stop priority red octagon sign"
    reported = Graph.from_triples(tiny.TRIPLES, types=tiny.TYPES, attributes={"stop": {"definition": "halt here"}})
    assert description_text(reported, reported.node("stop")) == "stop halt here"


def test_scales_are_centred_and_padded():
    config = tiny.config("infuse", infuse__scales="description,graph")
    vocabulary = _vocabulary()
    found = class_embeddings(config, _experiment(), vocabulary=vocabulary)
    assert found.keys() == {"scale0", "scale1"} and found["scale0"].shape == found["scale1"].shape == (4, 8)
    assert not found["scale0"][:, 5:].any()
    np.testing.assert_allclose(found["scale0"].mean(0), 0, atol=1e-6)
    rows = vocabulary.vectors[[vocabulary.rows[word] for word in ("stop", "priority", "red", "octagon", "sign")]]
    yields, stop = (tiny.CLASSES.index(name) for name in ("yield", "stop"))
    own = vocabulary.vectors[[vocabulary.rows[word] for word in ("yield", "priority", "triangle", "sign")]]
    np.testing.assert_allclose(found["scale0"][stop, :5] - found["scale0"][yields, :5], rows.mean(0) - own.mean(0),
                               atol=1e-5)  # fmt: skip
    assert class_embeddings(tiny.config("kgv"), _experiment()) == {}


def test_whitened_rows_by_hand():
    # Centred; along x a variance of 4, along y of 1/4.
    rows = np.array([[2, 0.5, 0], [-2, 0.5, 0], [2, -0.5, 0], [-2, -0.5, 0]])
    np.testing.assert_allclose(whitened(rows), np.sign(rows), atol=1e-12)
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    np.testing.assert_allclose(whitened(rows @ turn), np.sign(rows) @ turn, atol=1e-12)


def test_texts_are_whitened_and_the_graph_is_not():
    vocabulary = _vocabulary()
    plain, white = (
        class_embeddings(
            tiny.config("infuse", infuse__scales="triples,graph", infuse__whiten=whiten), _experiment(),
            vocabulary=vocabulary,
        )
        for whiten in (False, True)
    )  # fmt: skip
    np.testing.assert_array_equal(plain["scale1"], white["scale1"])
    np.testing.assert_allclose(white["scale0"], np.pad(whitened(plain["scale0"][:, :5]), ((0, 0), (0, 3))), atol=1e-4)


def test_random_scales_know_nothing_and_differ():
    found = class_embeddings(tiny.config("infuse_random"), _experiment())
    other = class_embeddings(tiny.config("infuse_random"), _experiment())
    assert [rows.shape for rows in found.values()] == [(4, 8)] * 3
    assert (found["scale0"] != found["scale1"]).all() and (found["scale0"] == other["scale0"]).all()


def test_a_text_without_a_known_word_is_refused():
    vocabulary = Vocabulary({"octagon": 0}, np.ones((1, 5), np.float32))
    with pytest.raises(UserError, match=r"has 'triples', and no word of yield's text .*\(3 of 4 classes\)"):
        class_embeddings(tiny.config("infuse", infuse__scales="triples"), _experiment(), vocabulary=vocabulary)


def test_vectors_that_are_too_wide_are_refused():
    with pytest.raises(UserError, match=r"have 9 dimensions; config\.model\.dim = 8 is less"):
        class_embeddings(tiny.config("infuse", infuse__scales="triples"), _experiment(), vocabulary=_vocabulary(dim=9))
