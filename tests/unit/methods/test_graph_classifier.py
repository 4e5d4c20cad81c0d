"""Classifiers that a graph predicts: the regression, and what replaces the decoder."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kgv_jax.methods import graph_classifier, make_objective
from kgv_jax.methods.graph_classifier import FINETUNE, make_layers, make_network, regress, widths
from kgv_jax.models.graph_convolution import Edges, GraphConvolutions
from kgv_jax.optim.stages import plan_stages
from kgv_jax.util.errors import UserError
from tests import tiny


def test_the_networks_of_the_papers():
    assert widths("gcnz", 2048, 129) == (2048, 2048, 1024, 1024, 512, 129)
    assert widths("dgp", 2048, 129) == widths("sgcn", 2048, 129) == (2048, 129)
    graph = tiny.graph()
    parents = np.array([[0, 1]])
    sizes = {kind: [len(g) for g in make_layers(kind, graph.triples, parents, num_nodes=18)] for kind in
             ("gcnz", "sgcn", "dgp")}  # fmt: skip
    assert sizes == {"gcnz": [1] * 6, "sgcn": [1, 1], "dgp": [5, 5]}
    gcnz, dgp = (make_network(kind, 8, 3, make_layers(kind, graph.triples, parents, num_nodes=18)) for kind in
                 ("gcnz", "dgp"))  # fmt: skip
    # As in the authors' programs.
    assert gcnz.dropped == (False,) * 4 + (True,) * 2 and not gcnz.bias
    assert dgp.dropped == (True, True) and dgp.bias and dgp.groups == (5, 5)
    descendants, ancestors = make_layers("dgp", graph.triples, parents, num_nodes=18)
    assert (int(descendants[1].to[0]), int(descendants[1].source[0])) == (1, 0)  # the first layer reads from below
    assert (int(ancestors[1].to[0]), int(ancestors[1].source[0])) == (0, 1)


def test_the_loss_of_the_regression_by_hand():
    """One step of Adam moves every weight by the rate against the sign of its gradient, L2 included."""
    loop = Edges(jnp.arange(2), jnp.arange(2), jnp.ones(2))  # the identity: nodes by themselves
    network, layers = GraphConvolutions((2,), (1,), (False,), bias=False), ((loop,),)
    features, key = jnp.eye(2), jax.random.key(3)
    kernel = network.init(key, features, layers, train=False)["params"]["layer0"]["kernel"]
    # Node 0 alone is seen: row 0 of W, as a direction u = w / |w|, is compared with (1, 0). d/dw |u - t|^2 / 2 is
    # ((u.t) u - t) / |w|; row 1 has no gradient but L2's, 5e-4 w.
    w = np.asarray(kernel, np.float64)
    length = np.linalg.norm(w[0])
    u, t = w[0] / length, np.array([1.0, 0.0])
    gradient = np.stack([(u @ t * u - t) / length, np.zeros(2)]) + 5e-4 * w
    moved = w - 1e-3 * gradient / (np.abs(gradient) + 1e-8)
    # Node 1 is a class too, one that images have not learnt: whatever stands in its row of targets.
    target, known = jnp.array([[1.0, 0.0], [7.0, -9.0]]), jnp.array([True, False])
    found = regress(network, features, layers, jnp.arange(2), target, known, key, epochs=1)
    np.testing.assert_allclose(found, moved / np.linalg.norm(moved, axis=1, keepdims=True), rtol=1e-5)


@pytest.mark.parametrize("kind", ["gcnz", "sgcn", "dgp"])
def test_the_regression_reaches_its_target(kind):
    graph = tiny.graph()
    parents = graph.triples[graph.triples[:, 1] == graph.relation("broader")][:, [0, 2]]
    layers = make_layers(kind, graph.triples, parents, num_nodes=18)
    rows = jnp.array([graph.node(name) for name in tiny.CLASSES])
    target, known = jnp.eye(4, 6), jnp.ones(4, bool)
    features = jax.random.normal(jax.random.key(0), (18, 8))
    network = make_network(kind, 64, 6, layers)
    train = jax.jit(regress, static_argnums=0, static_argnames="epochs")
    found = {n: train(network, features, layers, rows, target, known, jax.random.key(1), epochs=n) for n in (1, 400)}
    np.testing.assert_allclose(np.linalg.norm(found[400], axis=1), 1, rtol=1e-4)
    error = {n: float(jnp.sum((f - target) ** 2)) for n, f in found.items()}
    assert error[400] < 0.3 * error[1]


def test_the_predicted_classifier_replaces_the_decoder(monkeypatch):
    problem = tiny.make("dgp", gcn__hidden=8, gcn__epochs=2)
    params = problem.init().params
    decoder = params["classifier"]["decoder"]
    asked = []

    def fixed(network, features, layers, rows, target, known, key, *, epochs):
        assert known.all()
        asked.append((features, rows, target, epochs))
        return jnp.arange(4 * 9, dtype=jnp.float32).reshape(4, 9)

    monkeypatch.setattr(graph_classifier, "regress", fixed)
    key = jax.random.key(0)
    assert problem.objective.begins == (FINETUNE,) and not tiny.make("kgv").objective.begins
    begun = problem.objective.begin(FINETUNE, params, problem.graph_arrays, key)
    ((features, rows, target, epochs),) = asked
    np.testing.assert_array_equal(rows, problem.graph_arrays.class_node)
    mu = np.asarray(params["knowledge"]["mu"])
    assert epochs == 2
    np.testing.assert_allclose(features, mu / np.linalg.norm(mu, axis=1, keepdims=True), rtol=1e-5)
    whole = np.concatenate([decoder["kernel"].T, decoder["bias"][:, None]], 1)
    lengths = np.linalg.norm(whole, axis=1, keepdims=True)
    np.testing.assert_allclose(target, whole / lengths, rtol=1e-5)
    expected = np.arange(4 * 9).reshape(4, 9) * lengths.mean()
    np.testing.assert_allclose(begun["classifier"]["decoder"]["kernel"], expected[:, :-1].T, rtol=1e-5)
    np.testing.assert_allclose(begun["classifier"]["decoder"]["bias"], expected[:, -1], rtol=1e-5)
    assert begun["classifier"]["projection"] is params["classifier"]["projection"]


def test_the_stages_and_defaults_of_the_preset():
    stages = plan_stages(tiny.config("gcnz", train__steps=10))
    assert [stage.name for stage in stages] == ["classify", FINETUNE]
    assert stages[1].frozen == ("decoder/.*",)
    assert tiny.config("gcnz").gcn.epochs == 300 and tiny.config("dgp").gcn.epochs == 3000
    assert tiny.config("gcnz", gcn__epochs=7).gcn.epochs == 7
    assert tiny.config("dgp").kg.vectors == "transh"
    assert tiny.config("dgp", kg__vectors="words.safetensors").kg.vectors == "words.safetensors"


def test_another_decoder_is_refused():
    with pytest.raises(UserError, match=r"model\.decoder is 'mlp'; method 'dgp' predicts a linear one"):
        tiny.make("dgp", model__decoder="mlp")


def test_a_graph_without_a_hierarchy_is_refused_by_dgp_alone():
    flat = tiny.graph_arrays(tiny.mask_table())._replace(parents=np.zeros((0, 2), np.int32))
    with pytest.raises(UserError, match=r"along which no class has a node above or below it, and method 'dgp'.*sgcn"):
        make_objective(tiny.config("dgp", kg__hierarchy="partOf"), flat)
    for method in ("gcnz", "sgcn"):
        make_objective(tiny.config(method), flat)


def test_unknown_targets_do_not_matter():
    graph = tiny.graph()
    layers = make_layers("sgcn", graph.triples, np.zeros((0, 2), int), num_nodes=18)
    rows, known = jnp.array([graph.node(name) for name in tiny.CLASSES]), jnp.array([True, True, True, False])
    features, network = jax.random.normal(jax.random.key(0), (18, 8)), make_network("sgcn", 64, 6, layers)
    train = jax.jit(regress, static_argnums=0, static_argnames="epochs")
    target = jnp.eye(4, 6)
    found = [train(network, features, layers, rows, t, known, jax.random.key(1), epochs=200)
             for t in (target, target.at[3].set(7.0))]  # fmt: skip
    np.testing.assert_array_equal(*found)
    assert float(jnp.sum((found[0][:3] - target[:3]) ** 2)) < 0.5
