"""The training step: the same on any mesh and in any number of micro-batches."""

import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import textwrap

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from kgv_jax import train_step as step_lib
from kgv_jax.methods import make_objective
from kgv_jax.parallel import mesh as mesh_lib
from tests import tiny

ROOT = pathlib.Path(__file__).resolve().parents[2]


def _one_step(problem, mesh, batch):
    step, state = problem.sharded_step(mesh, problem.init())
    state, metrics = step(state, mesh_lib.put_batch(batch, mesh), problem.graph_arrays)
    return jax.device_get((state.params, state.batch_stats, metrics)), state


def _assert_trees_close(found, expected, **tolerance):
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    for path, leaf in jax.tree_util.tree_leaves_with_path(found):
        other = dict(jax.tree_util.tree_leaves_with_path(expected))[path]
        np.testing.assert_allclose(leaf, other, err_msg=jax.tree_util.keystr(path), **tolerance)


@pytest.mark.parametrize("norm", ["group", "batch"])
@pytest.mark.parametrize("model", [1, 2])
def test_eight_devices_step_like_one(norm, model):
    problem = tiny.make("kgv", model__norm=norm, kgv__inclusion=0.1)
    batch = tiny.batch(problem.mask, 16)
    (params, stats, metrics), state = _one_step(problem, mesh_lib.make_mesh(-1, model), batch)
    alone, _ = _one_step(problem, mesh_lib.make_mesh(1, 1, devices=jax.devices()[:1]), batch)
    _assert_trees_close((params, stats), alone[:2], rtol=0, atol=1e-6)
    _assert_trees_close(metrics, alone[2], rtol=1e-5)
    before = problem.init().params
    assert np.abs(params["knowledge"]["mu"] - before["knowledge"]["mu"]).max() > 1e-4, "nothing was learned"
    rows = {shard.data.shape[0] for shard in state.params["knowledge"]["mu"].addressable_shards}
    assert rows == {len(problem.mask.graph.nodes) // model}


def test_eight_devices_step_like_one_with_a_streamed_score():
    problem = tiny.make("kgv", kgv__score="streamed")
    batch = tiny.batch(problem.mask, 16)
    alone, _ = _one_step(problem, mesh_lib.make_mesh(1, 1, devices=jax.devices()[:1]), batch)
    mesh = mesh_lib.make_mesh(4, 2)
    graph_arrays = tiny.graph_arrays(problem.mask, shards=2)
    graph_arrays = jax.device_put(graph_arrays, mesh_lib.graph_array_shardings(mesh, graph_arrays))
    assert graph_arrays.tiles.valid.sharding.spec[0] == "model"
    split = dataclasses.replace(
        problem, graph_arrays=graph_arrays, objective=make_objective(problem.config, graph_arrays, mesh)
    )
    (params, _, metrics), _ = _one_step(split, mesh, batch)
    _assert_trees_close(params, alone[0], rtol=0, atol=2e-6)
    _assert_trees_close(metrics, alone[2], rtol=1e-5)
    assert metrics["reg"] > 0.1


_TWENTY_STEPS = """
    import json, sys
    import jax, jax.numpy as jnp, numpy as np
    from kgv_jax.parallel import mesh as mesh_lib
    from tests import tiny

    def wide(tree):
        return jax.tree.map(lambda x: x.astype(np.float64) if x.dtype == np.float32 else x, tree)

    worst, kinds, moved = 0.0, set(), 0.0
    for norm, model in (("batch", 1), ("group", 2)):
        problem = tiny.make("kgv", model__norm=norm, kgv__inclusion=0.1)
        batches = [tiny.batch(problem.mask, 16, seed=seed) for seed in range(20)]
        ends = []
        for mesh in (mesh_lib.make_mesh(1, 1, devices=jax.devices()[:1]), mesh_lib.make_mesh(-1, model)):
            step, state = problem.sharded_step(mesh, wide(problem.init()))
            start = jax.device_get(state.params)
            for batch in batches:
                batch = batch | {"labelled": batch["labelled"].astype(np.float64)}
                state, metrics = step(state, mesh_lib.put_batch(batch, mesh), wide(problem.graph_arrays))
            ends.append(jax.device_get((state, metrics)))
            kinds |= {str(x.dtype) for x in jax.tree.leaves((state, metrics))}
        gaps = jax.tree.map(lambda a, b: np.abs(a - b).max(), ends[1][0].params, ends[0][0].params)
        worst = max(worst, *jax.tree.leaves(gaps))
        far = jax.tree.map(lambda a, b: np.abs(a - b).max(), ends[0][0].params, start)
        moved = max(moved, *jax.tree.leaves(far))
    print(json.dumps({"worst": float(worst), "moved": float(moved), "kinds": sorted(kinds)}))
"""


@pytest.mark.processes
def test_twenty_steps_in_float64_agree_to_one_in_a_billion():
    environment = os.environ | {"JAX_ENABLE_X64": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(_TWENTY_STEPS)],
        capture_output=True, text=True, env=environment, cwd=ROOT, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert "float32" not in found["kinds"] and "float64" in found["kinds"]
    assert found["moved"] > 1e-3
    assert found["worst"] < 1e-9


@pytest.mark.parametrize("parts", [2, 4])
@pytest.mark.parametrize(
    ("method", "settings"),
    [
        ("ce", {}),
        ("attribute_bce", {}),
        ("kgv", {"kgv__inclusion": 0.1}),
        ("kgv", {"kgv__loss": "joint"}),
        ("kgv", {"kgv__loss": "logistic"}),
        ("kgv", {"kgv__loss": "sum"}),
    ],
)
def test_micro_batches_add_up_to_the_full_batch(method, settings, parts):
    problem = tiny.make(method, **settings)
    batch = tiny.batch(problem.mask, 16)
    halves = batch["labelled"].reshape(-1, parts).sum(0)
    assert len(set(halves)) > 1, "the micro-batches must weigh differently, or a mean of means would pass"
    # Plain descent at rate one: the change of the parameters is the gradient.
    optimizer = optax.sgd(1.0)
    state = problem.init()
    state = state._replace(opt_state=optimizer.init(state.params))
    results = [
        jax.jit(problem.step(accumulate=n, optimizer=optimizer))(state, batch, problem.graph_arrays) for n in (1, parts)
    ]
    (whole, whole_metrics), (cut, cut_metrics) = results
    _assert_trees_close(cut.params, whole.params, rtol=1e-4, atol=3e-6)
    del whole_metrics["gradient_norm"], cut_metrics["gradient_norm"]
    _assert_trees_close(cut_metrics, whole_metrics, rtol=1e-4, atol=1e-6)
    changes = jax.tree.map(lambda a, b: float(jnp.abs(a - b).max()), whole.params, state.params)
    assert max(jax.tree.leaves(changes)) > 1e-2


def test_a_batch_without_labels_or_heads_gives_no_gradient():
    problem = tiny.make("kgv", model__norm="group")
    batch = tiny.batch(problem.mask, 8)
    batch["labelled"][:], batch["mask_ids"][:] = 0.0, -1
    state = problem.init()
    _, metrics = jax.jit(problem.step())(state, batch, problem.graph_arrays)
    assert metrics["loss"] == 0.0 and metrics["gradient_norm"] == 0.0


def test_the_step_follows_its_formula():
    """One plain descent step equals a hand-written loss, weights and division included."""
    problem = tiny.make("kgv", kgv__beta=0.5)
    batch = tiny.batch(problem.mask, 5)
    optimizer = optax.sgd(1.0)
    state = problem.init()
    state = state._replace(opt_state=optimizer.init(state.params))
    stepped, metrics = jax.jit(problem.step(optimizer=optimizer))(state, batch, problem.graph_arrays)
    mask = problem.mask.combine(batch["mask_ids"])
    supervised = (mask == 1).any((1, 2))

    def loss(params):
        z, logits, *_ = problem.classifier.apply({"params": params["classifier"]}, batch["image"], train=True)
        log_p = jax.nn.log_softmax(logits)[np.arange(5), batch["label"]]
        score, _ = problem.objective.head.apply({"params": params["knowledge"]}, z)
        reg = 0.0
        for b in np.flatnonzero(supervised):
            terms = []
            for j in range(mask.shape[1]):
                yes, asked = np.flatnonzero(mask[b, j] == 1), np.flatnonzero(mask[b, j])
                if len(yes):
                    terms.append(jnp.mean(score[b, j, yes]) - jax.nn.logsumexp(score[b, j, asked]))
            reg -= sum(terms) / len(terms)
        labelled = batch["labelled"]
        return -(labelled * log_p).sum() / labelled.sum() + 0.5 * reg / supervised.sum()

    value, gradient = jax.jit(jax.value_and_grad(loss))(state.params)
    np.testing.assert_allclose(metrics["loss"], value, rtol=1e-5)
    _assert_trees_close(stepped.params, jax.tree.map(lambda p, g: p - g, state.params, gradient), rtol=1e-4, atol=1e-5)


def test_evaluation_uses_the_moving_average():
    problem = tiny.make("kgv")
    batch = tiny.batch(problem.mask, 8)
    step = jax.jit(problem.step(ema_decay=0.5))
    start = problem.init(ema=True)
    state, _ = step(start, batch, problem.graph_arrays)
    expected = jax.tree.map(lambda a, b: 0.5 * a + 0.5 * b, start.params, state.params)
    _assert_trees_close(state.ema, expected, rtol=1e-6, atol=1e-7)
    evaluate = step_lib.make_eval_step(problem.classifier, problem.objective)
    evaluate = jax.jit(evaluate)
    logits, _ = evaluate(state, batch["image"], problem.graph_arrays)
    averaged, _ = evaluate(state._replace(params=state.ema, ema={}), batch["image"], problem.graph_arrays)
    latest, _ = evaluate(state._replace(ema={}), batch["image"], problem.graph_arrays)
    np.testing.assert_array_equal(logits, averaged)
    assert not np.array_equal(logits, latest)


def test_a_frozen_encoder_stays_as_it_is_with_its_statistics():
    problem = tiny.make("kgv", model__norm="batch", transfer__freeze="encoder/.*")
    batch, before = tiny.batch(problem.mask, 12), problem.init()
    step = jax.jit(problem.step(frozen=("encoder/.*",)))
    after, metrics = step(before, batch, problem.graph_arrays)
    _assert_trees_close(after.params["classifier"]["encoder"], before.params["classifier"]["encoder"], rtol=0)
    _assert_trees_close(after.batch_stats, before.batch_stats, rtol=0)
    for part in ("projection", "decoder"):
        moved = after.params["classifier"][part]["kernel"] - before.params["classifier"][part]["kernel"]
        assert np.abs(moved).max() > 1e-4
    assert np.abs(after.params["knowledge"]["mu"] - before.params["knowledge"]["mu"]).max() > 1e-4
    # What is frozen has no part in the norm that gradients are clipped by.
    _, free = jax.jit(problem.step(fixed_statistics=True))(before, batch, problem.graph_arrays)
    assert metrics["loss"] == pytest.approx(float(free["loss"]), rel=1e-6)
    assert metrics["gradient_norm"] < 0.99 * free["gradient_norm"]


def test_fixed_statistics_stay_while_the_encoder_learns():
    problem = tiny.make("ce", model__norm="batch", model__statistics="fixed")
    before = problem.init()
    after, _ = jax.jit(problem.step(fixed_statistics=True))(before, tiny.batch(problem.mask, 12), problem.graph_arrays)
    _assert_trees_close(after.batch_stats, before.batch_stats, rtol=0)
    kernels = [state.params["classifier"]["encoder"]["Conv_0"]["kernel"] for state in (before, after)]
    assert np.abs(kernels[1] - kernels[0]).max() > 1e-4


@pytest.mark.parametrize("method", ["ce", "kgv"])
def test_a_mixed_image_counts_for_both_of_its_targets(method):
    """The loss is linear in an image's targets: at share s it is s times one loss plus 1 - s times the other."""
    problem = tiny.make(method)
    batch = tiny.batch(problem.mask, 12)
    real = batch["labelled"] > 0
    source_images = np.flatnonzero(real & (batch["mask_ids"] >= 0).any(-1))
    batch = {key: value[source_images] for key, value in batch.items()}
    order = np.roll(np.arange(len(source_images)), 1)
    swapped = batch | {"label": batch["label"][order], "mask_ids": batch["mask_ids"][order]}
    assert (swapped["label"] != batch["label"]).any()
    step, state = jax.jit(problem.step()), problem.init()

    def loss(share, of=batch):
        shares = np.full(len(source_images), share, np.float32)
        partner = {"partner_label": swapped["label"], "partner_mask_ids": swapped["mask_ids"], "own_share": shares}
        return float(step(state, of | partner, problem.graph_arrays)[1]["loss"])

    own, other = (float(step(state, one, problem.graph_arrays)[1]["loss"]) for one in (batch, swapped))
    assert abs(own - other) > 1e-3
    np.testing.assert_allclose([loss(1.0), loss(0.0)], [own, other], rtol=1e-5)
    np.testing.assert_allclose(loss(0.3), 0.3 * own + 0.7 * other, rtol=1e-5)


@pytest.mark.parametrize("method", ["kgv", "attribute_bce", "ale", "hxe"])
def test_every_product_of_scores_and_losses_is_exact_and_the_encoders_are_not(method):
    problem = tiny.make(method)
    state, batch = problem.init(), tiny.batch(problem.mask, 8)
    step = jax.make_jaxpr(problem.step())(state, batch, problem.graph_arrays)
    evaluate = step_lib.make_eval_step(problem.classifier, problem.objective)
    precisions = {
        name: [equation.params["precision"] for equation in _equations(traced.jaxpr) if "precision" in equation.params]
        for name, traced in {
            "step": step,
            "evaluation": jax.make_jaxpr(evaluate)(state, batch["image"], problem.graph_arrays),
            "classifier": jax.make_jaxpr(lambda images: problem.classifier.apply(
                {"params": state.params["classifier"], "batch_stats": state.batch_stats}, images, train=False
            ))(batch["image"]),
        }.items()
    }  # fmt: skip
    highest = {jax.lax.Precision.HIGHEST}
    exact = {name: [p for p in found if p and set(p) == highest] for name, found in precisions.items()}
    assert precisions["classifier"] and not exact["classifier"]
    # What the classifier does not have is the objective's.
    assert len(precisions["evaluation"]) - len(exact["evaluation"]) == len(precisions["classifier"])
    assert bool(exact["evaluation"]) == (problem.objective.head is not None)
    assert exact["step"]


def _equations(jaxpr):
    for equation in jaxpr.eqns:
        yield equation
        for value in jax.tree.leaves(equation.params, is_leaf=lambda x: hasattr(x, "eqns") or hasattr(x, "jaxpr")):
            inner = getattr(value, "jaxpr", value)
            if hasattr(inner, "eqns"):
                yield from _equations(inner)
