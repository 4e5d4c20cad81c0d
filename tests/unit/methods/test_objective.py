"""Every method takes a step; class scores from the graph side follow their formulas."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import log_softmax, logsumexp

from kgv_jax import losses
from kgv_jax.config import schema as config_schema
from kgv_jax.config.stages import read_stages
from kgv_jax.config.values import to_json
from kgv_jax.kg.mask import make_mask
from kgv_jax.methods import METHODS, make_objective
from kgv_jax.methods.graph_classifier import GraphClassifier
from kgv_jax.methods.infuse import Infuse
from kgv_jax.methods.objective import Objective, over_variants
from kgv_jax.models.classifier import Outputs
from kgv_jax.optim.parameters import matching
from kgv_jax.optim.stages import plan_stages
from kgv_jax.util.errors import UserError
from tests import tiny


def _outputs(problem, count=5, seed=0):
    z = np.random.default_rng(seed).normal(size=(count, problem.config.model.dim)).astype(np.float32)
    return Outputs(jnp.asarray(z), jnp.zeros((count, len(tiny.CLASSES))), jnp.asarray(z))


def _params(problem, seed=1):
    """Random values in place of the initial ones, so that no term is constant."""
    rng = np.random.default_rng(seed)
    start = problem.objective.init(jax.random.key(0))
    return jax.tree.map(lambda x: jnp.asarray(x + 0.5 * rng.normal(size=x.shape), jnp.float32), start)


@pytest.mark.parametrize("norm", ["group", "batch"])
@pytest.mark.parametrize("method", METHODS)
def test_every_method_learns_in_one_step(method, norm):
    problem = tiny.make(method, model__norm=norm)
    batch, state = tiny.batch(problem.mask, 16), problem.init()
    stage = plan_stages(problem.config)[0]
    step = problem.step(frozen=stage.frozen, terms=stage.terms)
    stepped, metrics = jax.jit(step)(state, batch, problem.graph_arrays)
    assert all(np.isfinite(value) for value in metrics.values()), metrics
    assert metrics["loss"] > 0 and metrics["gradient_norm"] > 0
    assert set(stage.terms or problem.objective.coefficients()) < set(metrics)
    changed = jax.tree.map(lambda a, b: bool((a != b).any()), state.params, stepped.params)
    assert all(jax.tree.leaves(changed["classifier"]["projection"])), "every method trains the projection"
    held = matching(state.params, stage.frozen)
    if METHODS[method].objective not in (GraphClassifier, Infuse):  # what these know of the graph is fixed
        assert jax.tree.all(jax.tree.map(lambda change, hold: change != hold, changed["knowledge"], held["knowledge"]))
    assert bool(jax.tree.leaves(stepped.batch_stats)) == (norm == "batch")
    assert stepped.step == 1


@pytest.mark.parametrize("method", ["ale", "attribute_bce"])
def test_a_graph_without_facts_is_refused(method):
    graph = tiny.graph()
    heads = [graph.node(name) for name in (*tiny.CLASSES, "yield.de", "yield.us")]
    mask = make_mask(graph, query_nodes=heads, hierarchy=tiny.HIERARCHY, relations=[])
    config = tiny.config(method, kg__keep="classes")
    with pytest.raises(UserError, match=rf"keep is 'classes'.*no class states a fact, and method '{method}'.*keep=all"):
        make_objective(config, tiny.graph_arrays(mask))


def test_what_a_method_fixes_are_settings_of_the_schema():
    default = config_schema.to_dict(config_schema.Config())
    for name, method in METHODS.items():
        assert issubclass(method.objective, Objective) and method.about
        resolved = config_schema.to_dict(tiny.config(name))
        for key, value in method.settings.items():
            section, setting = key.split(".")
            assert setting in default[section], (name, key)
            # Presets write stages as text, as the command line does.
            expected = to_json(read_stages(key, value) if key == "train.stages" else value)
            assert resolved[section][setting] == expected, (name, key)
    digests = {config_schema.digest(tiny.config(name)) for name in METHODS}
    assert len(digests) == len(METHODS)


def test_a_method_cannot_be_changed():
    with pytest.raises(TypeError):
        METHODS["kgv"].settings["synthetic.elements"] = False


def test_vector_nodes_have_no_variances_and_ce_no_knowledge():
    assert "v" not in tiny.make("kgv_vector").init().params["knowledge"]
    assert "v" in tiny.make("kgv").init().params["knowledge"]
    assert tiny.make("ce").init().params["knowledge"] == {}
    ce = tiny.make("ce")
    assert ce.objective.graph_logits({}, _outputs(ce), ce.graph_arrays) is None


def test_over_variants_is_a_logsumexp_within_each_class():
    graph_arrays = tiny.graph_arrays(tiny.mask_table())
    scores = np.random.default_rng(0).normal(size=(6, 5)).astype(np.float32) * 30
    expected = np.concatenate([logsumexp(scores[:, :2], axis=1)[:, None], scores[:, 2:]], 1)
    np.testing.assert_allclose(over_variants(jnp.asarray(scores), graph_arrays), expected, rtol=1e-6)


def _kgv_scores_by_loop(problem, params, z):
    """`s / T` `[B, R, N]` by three loops over the formula of the density."""
    kgv, dim = problem.config.kgv, problem.config.model.dim
    low, high = np.log(kgv.var_min), np.log(kgv.var_max)
    var = np.exp(low + (high - low) / (1 + np.exp(-np.asarray(params["v"], np.float64))))
    mu, r = np.asarray(params["mu"], np.float64), np.asarray(params["r"], np.float64)
    score = np.zeros((len(z), len(r), len(mu)))
    for b in range(len(z)):
        for j in range(len(r)):
            for k in range(len(mu)):
                gap = z[b] + r[j] - mu[k]
                score[b, j, k] = -0.5 * (gap**2 / var[k] + np.log(var[k])).sum() - 0.5 * dim * np.log(2 * np.pi)
    return score / np.exp(float(params["log_t"]))


def test_instance_scores_are_densities_of_the_class_nodes():
    problem = tiny.make("kgv")
    params, outputs = _params(problem), _outputs(problem)
    found = problem.objective.graph_logits(params, outputs, problem.graph_arrays)
    nodes = [problem.mask.graph.node(name) for name in tiny.CLASSES]
    expected = _kgv_scores_by_loop(problem, params, np.asarray(outputs.z))[:, 0, nodes]
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_fact_scores_add_up_the_evidence_of_every_fact():
    problem = tiny.make("kgv", kgv__density_head="facts")
    params, outputs = _params(problem), _outputs(problem)
    found = problem.objective.graph_logits(params, outputs, problem.graph_arrays)
    score = _kgv_scores_by_loop(problem, params, np.asarray(outputs.z))
    table, candidate = problem.mask.table, np.asarray(problem.graph_arrays.candidate)
    expected = np.zeros(found.shape)
    for b in range(len(expected)):
        for label, (own, *variants) in enumerate(tiny.class_rows(problem.mask)):
            ways = []
            for rows in [[own, variant] for variant in variants] or [[own]]:
                total = 0.0
                for j in range(table.shape[1]):
                    facts = np.flatnonzero((table[rows, j] == 1).any(0))
                    nodes = np.flatnonzero(candidate[j])
                    log_p = dict(zip(nodes, log_softmax(score[b, j, nodes]), strict=True))
                    # A variant's own node is no candidate under instanceOf: it is evidence of nothing.
                    total += sum(log_p.get(k, 0.0) for k in facts) / max(len(facts), 1)
                ways.append(total)
            expected[b, label] = logsumexp(ways)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


def test_attribute_labels_by_hand():
    """stop is below priority and sign, an octagon, red; it is no prohibition, of no other shape, not yellow or blue."""
    problem = tiny.make("attribute_bce", attributes__weight=2.0)
    batch = {
        "mask_ids": np.array([[problem.mask.row("stop")]]),
        "label": np.array([1]),
        "labelled": np.ones(1, np.float32),
    }
    outputs = _outputs(problem, count=1)
    params = jax.tree.map(jnp.zeros_like, dict(problem.objective.init(jax.random.key(0))))
    params["bias"] += np.log(3)  # every fact is true with probability 3/4
    values = problem.objective.values(params, outputs, batch, problem.graph_arrays, jax.random.key(0))
    np.testing.assert_allclose(values["bce"], [(4 * np.log(4 / 3) + 6 * np.log(4)) / 10], rtol=1e-6)
    np.testing.assert_allclose(values["ce"], [np.log(4)], rtol=1e-6)
    assert problem.objective.coefficients() == {"ce": 1.0, "bce": 2.0}


def test_attribute_scores_add_up_the_log_odds_of_every_fact():
    problem = tiny.make("attribute_bce")
    params, outputs = _params(problem), _outputs(problem)
    found = problem.objective.graph_logits(params, outputs, problem.graph_arrays)
    logits = np.asarray(outputs.z) @ np.asarray(params["kernel"]) + np.asarray(params["bias"])
    table = problem.mask.table
    expected = np.zeros(found.shape)
    for b in range(len(expected)):
        for label, (own, *variants) in enumerate(tiny.class_rows(problem.mask)):
            ways = []
            for rows in [[own, variant] for variant in variants] or [[own]]:
                total = 0.0
                for a, (j, k) in enumerate(np.asarray(problem.graph_arrays.facts)):
                    true = (table[rows, j, k] == 1).any()
                    total += -np.logaddexp(0, -logits[b, a]) if true else -np.logaddexp(0, logits[b, a])
                ways.append(total)
            expected[b, label] = logsumexp(ways)
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_inclusion_is_the_mean_divergence_of_children_from_parents():
    problem = tiny.make("kgv", kgv__inclusion=2.0)
    params = _params(problem)
    params["v"] = jnp.zeros_like(params["v"])
    parents = np.asarray(problem.graph_arrays.parents)
    assert len(parents) == 8
    mu = np.asarray(params["mu"], np.float64)
    gaps = ((mu[parents[:, 0]] - mu[parents[:, 1]]) ** 2).sum(1)
    var = np.sqrt(problem.config.kgv.var_min * problem.config.kgv.var_max)
    expected = 2.0 * (0.5 * gaps / var).mean()
    np.testing.assert_allclose(problem.objective.penalty(params, problem.graph_arrays), expected, rtol=1e-5)


@pytest.mark.parametrize("form", losses.REGULARISERS)
def test_every_loss_form_gives_finite_gradients(form):
    problem = tiny.make("kgv", kgv__loss=form, kgv__score="oracle")
    _, metrics = jax.jit(problem.step())(problem.init(), tiny.batch(problem.mask, 10), problem.graph_arrays)
    assert np.isfinite(metrics["loss"]) and metrics["gradient_norm"] > 0


def test_lift_is_the_evidence_over_a_uniform_guess_whatever_the_number_of_facts():
    facts, lift = (tiny.make("kgv", kgv__density_head=head) for head in ("facts", "lift"))
    graph_arrays = facts.graph_arrays
    params = facts.init().params
    images = tiny.batch(facts.mask, 6)["image"]
    outputs = facts.classifier.apply({"params": params["classifier"]}, images, train=False)
    scores = [np.asarray(p.objective.graph_logits(params["knowledge"], outputs, graph_arrays)) for p in (facts, lift)]
    candidate, evidence = np.asarray(graph_arrays.candidate), np.asarray(graph_arrays.evidence)
    # One for each relation that is stated; of `instanceOf` half where a variant, no candidate, stands beside its class.
    stated = (evidence * candidate).sum(-1)
    assert set(np.unique(stated)) == {0, 0.5, 1}
    facts = np.log(np.maximum((evidence > 0).sum(-1), 1)).sum(-1)
    for label in range(len(tiny.CLASSES)):
        own = np.asarray(graph_arrays.evidence_class) == label
        gains = stated[own] @ np.log(np.maximum(candidate.sum(1), 1)) + facts[own]
        assert np.ptp(gains) < 1e-6  # the variants of a class state the same relations
        np.testing.assert_allclose(scores[1][:, label] - scores[0][:, label], gains[0], rtol=1e-4)
