"""Initial nodes come from a file or from an embedding of the graph, matched by name and brought to scale."""

import types

import numpy as np
import pytest

from kgv_jax.embed.file import Embeddings, write_embeddings
from kgv_jax.init.nodes import init_nodes
from kgv_jax.util.errors import UserError
from tests import tiny


def _experiment():
    return types.SimpleNamespace(graph=tiny.graph(), mask=tiny.mask_table())


def _write(path, nodes, relations=("broader", "hasColour"), dim=8):
    rng = np.random.default_rng(0)
    arrays = {
        "nodes.mu": rng.normal(np.arange(dim), 0.01, (len(nodes), dim)).astype(np.float32),
        "relations.mu": rng.normal(size=(len(relations), dim)).astype(np.float32),
    }
    write_embeddings(path, Embeddings(tuple(nodes), tuple(relations), arrays), {})
    return arrays


def test_random_nodes_need_nothing():
    assert init_nodes(tiny.config(), _experiment()) == {}


def test_a_file_is_read_by_name(tmp_path):
    graph = tiny.graph()
    names = [*graph.nodes[::-1][1:], "elsewhere"]  # another order, one node missing, one too many
    arrays = _write(tmp_path / "a.safetensors", names)
    start = init_nodes(tiny.config(kg__vectors=str(tmp_path / "a.safetensors")), _experiment())
    assert start["mu"].shape == (18, 8) and start["r"].shape == (5, 8)
    found = arrays["nodes.mu"][[names.index(name) for name in graph.nodes[:-1]]]
    spread = (found - found.mean(0)).std()
    np.testing.assert_allclose(start["mu"][:-1], (found - found.mean(0)) / spread, rtol=1e-4, atol=1e-4)
    assert start["mu"][:-1].std() == pytest.approx(1, rel=1e-4)
    assert not start["mu"][-1].any()
    mask = tiny.mask_table()
    assert not start["r"][0].any()  # instanceOf
    colour = mask.relations.index("hasColour")
    np.testing.assert_allclose(start["r"][colour], arrays["relations.mu"][1] / spread, rtol=1e-5)
    assert not start["r"][mask.relations.index("hasShape")].any()


def test_vectors_that_are_all_alike(tmp_path):
    nodes = tiny.graph().nodes
    write_embeddings(tmp_path / "a.safetensors", Embeddings(nodes, (), {"nodes.mu": np.ones((len(nodes), 8))}), {})
    message = r"a\.safetensors' are all alike \(their standard deviation is 0\); a run cannot begin"
    with pytest.raises(UserError, match=message):
        init_nodes(tiny.config(kg__vectors=str(tmp_path / "a.safetensors")), _experiment())


def test_a_model_is_trained_on_the_graph():
    start = init_nodes(tiny.config(kg__vectors="transe", kg__vectors_epochs=200), _experiment())
    mu, r = start["mu"], start["r"]
    assert abs(mu.std() - 1) < 0.3
    graph, mask = tiny.graph(), tiny.mask_table()
    relation = mask.relations.index("hasShape")
    shapes = [graph.node(name) for name in ("triangle", "octagon", "circle", "square")]
    for name, shape in (("stop", 1), ("no_entry", 2), ("parking", 3)):
        distances = np.linalg.norm(mu[graph.node(name)] + r[relation] - mu[shapes], axis=1)
        assert distances.argmin() == shape


@pytest.mark.parametrize(
    ("start", "message"),
    [
        ("transee", r"vectors is 'transee', did you mean 'transe'"),
        ("{}/gone.safetensors", r"gone\.safetensors"),
        ("{}/wide.safetensors", r"have 16 dimensions; expected config\.model\.dim = 8"),
        ("{}/other.safetensors", r"has none of the 18 nodes"),
    ],
)
def test_what_cannot_be_a_start(tmp_path, start, message):
    _write(tmp_path / "wide.safetensors", tiny.graph().nodes, dim=16)
    _write(tmp_path / "other.safetensors", ["x", "y"])
    with pytest.raises(UserError, match=message):
        init_nodes(tiny.config(kg__vectors=start.format(tmp_path)), _experiment())
