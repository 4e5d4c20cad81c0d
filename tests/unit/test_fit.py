"""The loop as a program sees it: what it compiles, what it writes over, and that it never waits for the device."""

import dataclasses
import logging
import re
import shutil
import types
from collections import Counter

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kgv_jax import train
from kgv_jax import train_step as step_lib
from kgv_jax.data.pipeline import Stream, make_pipeline
from kgv_jax.data.types import SEEN, ImageArray
from kgv_jax.parallel import mesh as mesh_lib
from kgv_jax.run.checkpoint import Checkpointer
from kgv_jax.run.state import State
from kgv_jax.run.workdir import Workdir
from tests import tiny

_STAGES = {
    "transfer__probe_steps": 4,
    "transfer__wise_ft": "0,1",
    "optim__ema_decay": 0.5,
    "train__steps": 10,
    "train__log_every_steps": 3,
    "train__checkpoint_every_steps": 5,
    "train__batch_size": 16,
    "evaluate__batch_size": 8,
}


def _run(*, devices: int = 1, **settings) -> train.Run:
    """Returns the run of a tiny problem: batches of noise, two domains of which neither is a whole batch."""
    problem = tiny.make("kgv", model__norm="batch", **settings)
    mesh = mesh_lib.make_mesh(-1, 1, devices=jax.devices()[:devices])
    batch = tiny.batch(problem.mask, 40)
    names = np.arange(40).astype(str)
    images = ImageArray(batch["image"], batch["label"], names, np.array(["p"] * 40), np.zeros((40, 0), np.int32))
    experiment = types.SimpleNamespace(
        pipeline=make_pipeline([Stream("train", batch, 16)], seed=0),
        domains={"validation": images, "cn": images.take(np.arange(13))},
        dataset=types.SimpleNamespace(classes=tiny.CLASSES),
        graph=problem.mask.graph,
        mask=problem.mask,
        roles=(SEEN,) * len(tiny.CLASSES),
        image_shape=images.shape,
        image_dtype=images.dtype,
    )
    graph_arrays = jax.device_put(problem.graph_arrays, mesh_lib.replicated(mesh))
    run = train.Run(problem.config, experiment, mesh, problem.classifier, problem.objective, graph_arrays, None, None)
    abstract = jax.eval_shape(lambda: train._initial_state(run, run.seed))
    return dataclasses.replace(run, abstract_state=abstract, shardings=mesh_lib.state_shardings(mesh, abstract))


def _fit(run: train.Run, folder) -> State:
    checkpointer = Checkpointer(Workdir(folder).checkpoints, keep=1)
    try:
        return train.fit(run, Workdir(folder), checkpointer)
    finally:
        checkpointer.close()


class _Compiled(logging.Handler):
    """Keeps the name of every program that is compiled, or read from the cache of compiled programs."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if found := re.match(r"Finished XLA compilation of (?:jit\()?(.+?)\)? in ", record.getMessage()):
            self.names.append(found[1])


@pytest.fixture
def compiled():
    """The names of what is compiled, in order; caches of JAX are empty at first."""
    handler, logger = _Compiled(), logging.getLogger("jax._src.dispatch")
    jax.clear_caches()
    logger.addHandler(handler)
    with jax.log_compiles():
        yield handler.names
    logger.removeHandler(handler)


def test_nothing_is_compiled_after_the_first_step_of_a_stage(compiled, tmp_path, monkeypatch):
    """Over two stages, WiSE-FT's anchor, metrics, checkpoints, the evaluation of domains of unequal size."""
    before_step, put = [], mesh_lib.put_batch

    def counting(batch, mesh):
        before_step.append(len(compiled))
        return put(batch, mesh)

    monkeypatch.setattr(mesh_lib, "put_batch", counting)
    run = _run(**_STAGES)
    state = _fit(run, tmp_path)
    monkeypatch.setattr(mesh_lib, "put_batch", put)
    assert int(state.step) == len(before_step) == 10
    assert len(set(before_step[1:5])) == 1, compiled[before_step[1] : before_step[4]]
    assert len({*before_step[5:], len(compiled)}) == 1, compiled[before_step[5] :]
    assert Counter(compiled)["step"] == 2, compiled
    train.report(run, state, Workdir(tmp_path))
    assert Counter(compiled)["evaluate"] == 1, compiled
    assert {"step", "evaluate", "begun", "average"} <= set(compiled)


def test_a_stage_begins_once_and_a_resumed_one_not_again(tmp_path, monkeypatch):
    """What an objective changes between stages reaches parameters and moving average, and is in checkpoints."""
    run = _run(
        train__stages="a 0.4 freeze=encoder/.*; b 0.6 freeze=decoder/.*",
        train__steps=10,
        train__batch_size=16,
        train__checkpoint_every_steps=7,
        train__log_every_steps=3,
        optim__ema_decay=0.5,
    )
    begun = []

    def begin(stage, params, graph_arrays, key):
        begun.append(stage)
        decoder = params["classifier"]["decoder"]
        return {**params, "classifier": {**params["classifier"], "decoder": {**decoder, "bias": decoder["bias"] + 100}}}

    monkeypatch.setattr(run.objective, "begins", ("b",), raising=False)
    monkeypatch.setattr(run.objective, "begin", begin)
    checkpoints = Workdir(tmp_path).checkpoints
    checkpointer = Checkpointer(checkpoints, keep=2)
    try:
        whole = train.fit(run, Workdir(tmp_path), checkpointer)
    finally:
        checkpointer.close()
    assert begun == ["b", "b"]  # traced for the parameters and for their average
    for params in (whole.params, whole.ema):
        assert (params["classifier"]["decoder"]["bias"] > 90).all()
    (last,) = [folder for folder in checkpoints.iterdir() if folder.is_dir() and folder.name.endswith("10")]
    shutil.rmtree(last)
    resumed = _fit(run, tmp_path)
    assert begun == ["b", "b"]
    jax.tree.map(np.testing.assert_array_equal, resumed.params, whole.params)


def test_the_counter_sees_a_step_that_is_compiled_again(compiled):
    problem = tiny.make("ce")
    step, state = jax.jit(problem.step()), problem.init()
    for count in (4, 4, 5):
        step(state, tiny.batch(problem.mask, count), problem.graph_arrays)
    assert Counter(compiled)["step"] == 2


@pytest.mark.parametrize(("devices", "frozen"), [(1, ("encoder/.*",)), (8, ())])
def test_the_step_writes_over_every_array_of_the_old_state(devices, frozen):
    """What is frozen, the anchor and the moving average included."""
    run = _run(devices=devices, **_STAGES)
    state = train.make_state(run)
    batch = mesh_lib.put_batch(run.experiment.pipeline[0], run.mesh)
    step = step_lib.make_train_step(run.classifier, run.objective, run.optimizer, ema_decay=0.5, frozen=frozen)
    compiled = step_lib.jit_train_step(step, run.mesh, run.shardings).lower(state, batch, run.graph_arrays).compile()
    leaves = jax.tree.leaves(state)
    aliases = re.findall(r"\{(\d+)\}: \((\d+), \{\}, (?:may|must)-alias\)", compiled.as_text().splitlines()[0])
    assert sorted(int(given) for _, given in aliases) == list(range(len(leaves)))
    assert step_lib.copied_bytes(compiled, state) == 0
    after, _ = compiled(state, batch, run.graph_arrays)
    assert all(leaf.is_deleted() for leaf in leaves)
    assert not any(leaf.is_deleted() for leaf in jax.tree.leaves((after, batch, run.graph_arrays)))


def test_a_state_that_is_copied_is_counted():
    run = _run()
    state = train.make_state(run)
    kept = jax.jit(lambda state: jax.tree.map(lambda leaf: leaf + 1, state)).lower(state).compile()
    assert step_lib.copied_bytes(kept, state) == sum(leaf.nbytes for leaf in jax.tree.leaves(state))


class _Reported:
    """A number of a step that notes how many steps had been sent to the device when it was read."""

    def __init__(self, step: int, sent: list[int], read: list[tuple[int, int]]) -> None:
        self.step, self.sent, self.read = step, sent, read

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        self.read.append((self.step, self.sent[-1]))
        return np.float32(1.0)


def test_metrics_are_read_after_the_next_step_was_sent(tmp_path, monkeypatch):
    """On an accelerator a read waits; by then the device has work for the meantime. Saving waits by its nature."""
    sent, read = [], []

    def step(state, batch, graph_arrays):
        sent.append(len(sent) + 1)
        return state, {"loss": _Reported(sent[-1], sent, read)}

    monkeypatch.setattr(train, "compile_step", lambda *_: step)
    _fit(
        _run(train__steps=7, train__log_every_steps=2, train__checkpoint_every_steps=5, train__batch_size=16), tmp_path
    )
    assert set(read) == {(2, 3), (4, 5), (5, 5), (6, 7), (7, 7)}


def _step(state, batch, graph_arrays):
    return state, {"loss": sum(jnp.mean(value.astype(jnp.float32)) for value in batch.values())}


@pytest.mark.parametrize(
    ("devices", "transfer"),
    [
        (1, lambda batch: batch | {"image": np.asarray(batch["image"])}),
        (1, lambda batch: batch | {"labelled": batch["labelled"] * np.float32(1)}),
        (1, lambda batch: batch | {"image": jnp.zeros((16, 16, 16, 3), jnp.uint8)}),
        (8, lambda batch: batch | {"labelled": batch["labelled"] + jax.device_put(np.ones(16, np.float32))}),
    ],
    ids=["array of the host", "constant", "made on the host", "another device"],
)
def test_a_hidden_transfer_stops_the_loop(devices, transfer, tmp_path, monkeypatch):
    """What the guard sees on a CPU. It does not see a read there, whose arrays are the host's own memory."""
    put = mesh_lib.put_batch
    monkeypatch.setattr(mesh_lib, "put_batch", lambda batch, mesh: transfer(put(batch, mesh)))
    monkeypatch.setattr(train, "compile_step", lambda run, stage, state, arrays: jax.jit(_step))
    with pytest.raises(jax.errors.JaxRuntimeError, match=r"Disallowed (host|device)-to-device transfer"):
        _fit(_run(devices=devices, train__batch_size=16), tmp_path)
