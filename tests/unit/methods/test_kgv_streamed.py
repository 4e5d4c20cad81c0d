"""KGV with a streamed score is KGV: the same terms and gradients, on images with one query node, several, or none."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kgv_jax.kg.mask import make_mask
from kgv_jax.methods import make_objective
from kgv_jax.methods.graph_arrays import GraphArrays, mask_of, positives_of
from kgv_jax.models.classifier import Outputs
from kgv_jax.util.errors import UserError
from tests import tiny


def _term(problem, graph_arrays, batch, objective):
    """The weighted regulariser of random embeddings, and its gradients of these and of the objective's parameters."""
    rng = np.random.default_rng(0)
    z = jnp.asarray(rng.normal(size=(len(batch["label"]), problem.config.model.dim)), jnp.float32)
    params = jax.tree.map(
        lambda x: jnp.asarray(x + 0.5 * rng.normal(size=x.shape), jnp.float32), objective.init(jax.random.key(0))
    )

    def total(params, z):
        outputs = Outputs(z, jnp.zeros((len(z), len(tiny.CLASSES))), z)
        value = objective.values(params, outputs, batch, graph_arrays, jax.random.key(0))["reg"]
        weight = objective.weights(batch, graph_arrays)["reg"]
        return jnp.sum(value * weight), (value * weight, weight)

    return jax.jit(jax.value_and_grad(total, (0, 1), has_aux=True))(params, z)


@pytest.mark.parametrize("vector_nodes", [False, True])
@pytest.mark.parametrize("candidates", ["range", "all"])
def test_streamed_and_whole_are_the_same(candidates, vector_nodes):
    whole = tiny.make("kgv", kgv__score="whole", kgv__vector_nodes=vector_nodes)
    mask = whole.mask
    if candidates == "all":
        query_nodes = list(mask.query_rows)
        pairs = [(mask.relations[j], node) for j, node in mask.fact_rows]
        mask = make_mask(mask.graph, query_nodes=query_nodes, facts=pairs, hierarchy=tiny.HIERARCHY, candidates="all")
    graph_arrays = tiny.graph_arrays(mask)
    batch = tiny.batch(mask, 24)
    assert {int((row >= 0).sum()) for row in batch["mask_ids"]} == {0, 1, 2}
    streamed = tiny.config("kgv", kgv__score="streamed", kgv__vector_nodes=vector_nodes)
    (_, (expected, weight)), gradients = _term(whole, graph_arrays, batch, make_objective(whole.config, graph_arrays))
    (_, (found, own_weight)), own = _term(whole, graph_arrays, batch, make_objective(streamed, graph_arrays))
    assert len(np.unique(np.round(expected, 3))) > 5
    np.testing.assert_array_equal(own_weight, weight)
    np.testing.assert_allclose(found, expected, atol=2e-5)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=2e-4), own, gradients)


def test_positives_are_the_cells_of_the_mask_that_hold_each_once():
    mask = tiny.mask_table()
    graph_arrays = tiny.graph_arrays(mask)
    rng = np.random.default_rng(0)
    rows = np.stack([rng.permutation(np.r_[rng.choice(len(mask.supervised), 2), -1]) for _ in range(50)])
    found, dense = positives_of(graph_arrays, rows), np.asarray(mask_of(graph_arrays, rows))
    for image, (relation, node) in enumerate(zip(*map(np.asarray, found), strict=True)):
        cells = [(j, k) for j, k in zip(relation, node, strict=True) if k >= 0]
        assert len(cells) == len(set(cells))
        assert set(cells) == set(map(tuple, np.argwhere(dense[image] == 1)))


def test_the_form_is_chosen_by_size_and_reported():
    small = tiny.make("kgv", train__batch_size=8)
    assert "held whole" in small.objective.form(small.graph_arrays)
    large = tiny.make("kgv", train__batch_size=2**16)
    assert "streamed" in large.objective.form(large.graph_arrays)
    sampled = tiny.make("kgv", kgv__candidate_share=0.5)
    assert "sampled each step" in sampled.objective.form(sampled.graph_arrays)


def test_a_mask_too_large_to_be_whole_is_streamed_and_nothing_else():
    mask = tiny.mask_table()
    nodes = [mask.graph.node(name) for name in tiny.CLASSES]
    graph_arrays = GraphArrays.from_mask(
        mask, class_nodes=nodes, class_rows=tiny.class_rows(mask), parents=np.zeros((0, 2)), whole_cells=100
    )
    assert graph_arrays.mask_rows is None and graph_arrays.evidence is None
    objective = make_objective(tiny.config("kgv"), graph_arrays)
    assert "streamed" in objective.form(graph_arrays)
    for config, reported in (
        (tiny.config("kgv", kgv__loss="joint"), "kgv.loss = 'joint'"),
        (tiny.config("kgv", kgv__density_head="facts"), "density_head"),
        (tiny.config("kgv", kgv__score="whole"), "kgv.score = 'whole'"),
        (tiny.config("attribute_bce"), "attribute_bce"),
    ):
        with pytest.raises(UserError, match=reported) as error:
            make_objective(config, graph_arrays)
        assert "too many" in str(error.value) and "kgv.score=auto" in str(error.value)


@pytest.mark.parametrize(
    ("settings", "reported"),
    [
        ({"kgv__score": "streamed", "kgv__loss": "joint"}, "config.kgv.score is 'streamed' with kgv.loss = 'joint'"),
        ({"kgv__candidate_share": 0.5, "kgv__score": "whole"}, "config.kgv.candidate_share is 0.5 with kgv.score"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings, reported):
    with pytest.raises(UserError, match=reported):
        tiny.config("kgv", **settings)
