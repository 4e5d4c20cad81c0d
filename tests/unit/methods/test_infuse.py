"""Knowledge injection: alignment losses by hand, what each stage trains, and that inference needs no knowledge."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from kgv_jax import train_step as step_lib
from kgv_jax.models.classifier import Outputs
from kgv_jax.optim.stages import plan_stages
from tests import tiny

# Four classes of the tiny graph in two scales of two numbers. Cosines with p = (3, 4) and (1, 0), of length 5 and 1:
#   scale 0: (1, 0), (0, 1), (-1, 0), (0, -1)  ->  0.6, 0.8, -0.6, -0.8;   1, 0, -1, 0
#   scale 1: (0, 2), (2, 0), (3, 4), (0, -1)   ->  0.8, 0.6, 1.0, -0.8;    0, 1, 0.6, 0
SCALES = ([[1, 0], [0, 1], [-1, 0], [0, -1]], [[0, 2], [2, 0], [3, 4], [0, -1]])
P = np.array([[3.0, 4.0], [1.0, 0.0]], np.float32)
LABEL = np.array([1, 2], np.int32)
COSINES = np.array([[[0.6, 0.8, -0.6, -0.8], [1, 0, -1, 0]], [[0.8, 0.6, 1.0, -0.8], [0, 1, 0.6, 0]]])


def _align(**settings):
    problem = tiny.make("infuse", infuse__scales="triples,description", **settings)
    graph_arrays = {f"scale{m}": jnp.asarray(rows, jnp.float32) for m, rows in enumerate(SCALES)}
    # The head's parameters are as wide as z.
    outputs = Outputs(jnp.zeros((2, 2)), jnp.zeros((2, 4)), jnp.zeros((2, 3)), (jnp.asarray(P), jnp.asarray(P)))
    batch = {"label": LABEL, "labelled": np.ones(2, np.float32)}

    def values(graph_arrays):
        return problem.objective.values(graph_arrays, outputs, batch, problem.graph_arrays, jax.random.key(0))["align"]

    gradient = jax.grad(lambda graph_arrays: values(graph_arrays).sum())(graph_arrays)
    assert not any(leaf.any() for leaf in jax.tree.leaves(gradient)), "no loss moves what is known"
    return np.asarray(values(graph_arrays))


def test_the_cosine_form_by_hand():
    # 1 - 0.8 + 1 - 0.6, and 1 - (-1) + 1 - 0.6.
    np.testing.assert_allclose(_align(infuse__loss="cosine"), [0.6, 2.4], rtol=1e-5)


def test_the_contrastive_form_by_hand():
    # T = 0.2 makes logits of 3, 4, -3, -4 of the first image and scale, whose class is the second.
    first = np.log(np.exp([3, 4, -3, -4]).sum()) - 4
    assert first == pytest.approx(0.31419, abs=1e-4)
    second = np.log(np.exp([5, 0, -5, 0]).sum()) + 5
    others = [np.log(np.exp([4, 3, 5, -4]).sum()) - 3, np.log(np.exp([0, 5, 3, 0]).sum()) - 3]
    found = _align(infuse__loss="contrastive", infuse__temperature=0.2)
    np.testing.assert_allclose(found, [first + others[0], second + others[1]], rtol=1e-5)


def test_every_scale_has_its_weight():
    found = _align(infuse__loss="cosine", infuse__weights="2,0.5")
    np.testing.assert_allclose(found, [2 * 0.2 + 0.5 * 0.4, 2 * 2.0 + 0.5 * 0.4], rtol=1e-5)
    one = _align(infuse__loss="contrastive", infuse__temperature=0.2, infuse__weights="1,0")
    by_hand = [np.log(np.exp(5 * row).sum()) - 5 * row[label] for row, label in zip(COSINES[0], LABEL, strict=True)]
    np.testing.assert_allclose(one, by_hand, rtol=1e-5)


def _moved(problem, stage):
    """Which parts of the parameters a step of a stage moves."""
    batch, state, plain = tiny.batch(problem.mask, 16), problem.init(), optax.sgd(0.1)
    step = problem.step(optimizer=plain, frozen=stage.frozen, terms=stage.terms)
    stepped, _ = jax.jit(step)(state._replace(opt_state=plain.init(state.params)), batch, problem.graph_arrays)
    moved = jax.tree.map(lambda a, b: bool((a != b).any()), state.params, stepped.params)
    parts = moved["classifier"] | {"knowledge": moved["knowledge"]}
    return {name: any(jax.tree.leaves(part)) for name, part in parts.items()}


def test_the_first_stage_has_no_gradient_in_the_decoder_nor_in_what_is_known():
    problem = tiny.make("infuse")
    align, _ = plan_stages(problem.config)
    found = _moved(problem, align)
    assert found["encoder"] and found["projection"] and found["infuse"]
    assert not (found["decoder"] or found["decoder_hidden"] or found["knowledge"])


def test_the_second_stage_trains_the_decoder_alone_or_all_at_a_tenth():
    problem = tiny.make("infuse_frozen")
    _, classify = plan_stages(problem.config)
    assert classify.terms == ("ce",)
    assert set(classify.frozen) == {"encoder/.*", "projection/.*", "infuse/.*"} and not classify.slow
    found = _moved(problem, classify)
    assert found["decoder"] and found["decoder_hidden"]
    assert not (found["encoder"] or found["projection"] or found["infuse"])
    _, slow = plan_stages(tiny.config("infuse"))
    assert set(slow.slow) == {"encoder/.*", "projection/.*", "infuse/.*"} and not slow.frozen


def test_a_scale_is_a_layer_and_each_alone_the_pairs_and_all_are_methods():
    scales = ("triples", "graph", "description")
    for method, names in {
        "infuse_triples": scales[:1], "infuse_graph": scales[1:2], "infuse_description": scales[2:],
        "infuse_triples_graph": scales[:2], "infuse_triples_description": scales[::2],
        "infuse_graph_description": scales[1:], "infuse": scales, "infuse_random": ("random",) * 3,
    }.items():  # fmt: skip
        problem = tiny.make(method)
        assert problem.config.infuse.scales == names
        params = jax.eval_shape(problem.init).params
        assert len(params["knowledge"]) == len(names) == (len(params["classifier"]["infuse"]) - 1) // 2


def test_knowledge_is_not_needed_to_infer():
    problem = tiny.make("infuse")
    images, state = tiny.batch(problem.mask, 4)["image"], problem.init()
    evaluate = jax.jit(step_lib.make_eval_step(problem.classifier, problem.objective))
    logits, scores = evaluate(state, images, problem.graph_arrays)
    assert scores is None
    forgot = state._replace(params=state.params | {"knowledge": {}})
    np.testing.assert_array_equal(evaluate(forgot, images, problem.graph_arrays)[0], logits)
