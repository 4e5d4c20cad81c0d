"""The loop as a program sees it: what it compiles, what it writes over, and that it never waits for the device."""

import contextlib
import logging
import re
import shutil
from collections import Counter

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kgv_jax import train
from kgv_jax.evaluate import evaluate_run
from kgv_jax.parallel import mesh as mesh_lib
from kgv_jax.run.build import Run, make_state
from kgv_jax.run.checkpoint import Checkpointer
from kgv_jax.run.state import State
from kgv_jax.run.workdir import Workdir
from kgv_jax.train_step import copied_bytes, jit_train_step, make_train_step
from tests import tiny

_STAGES = {
    "transfer__probe_steps": 4,
    "transfer__wise_ft": "0,1",
    "optim__ema_decay": 0.5,
    "train__steps": 10,
    "train__log_every_steps": 3,
    "train__checkpoint_every_steps": 5,
    "train__batch_size": 16,
    "evaluate__batch_size": 16,
}


def _run(folder, *, devices: int = 1, **settings) -> Run:
    """Returns the run of the tiny problem: domains of 8, 8 and 13 images, none of which is a whole batch."""
    return tiny.make_run(folder, devices=jax.devices()[:devices], model__norm="batch", **settings)


def _fit(run: Run, folder, *, keep: int = 1) -> State:
    """Trains in a folder to the end, or goes on there."""
    workdir = Workdir(folder)
    with contextlib.closing(Checkpointer(workdir.checkpoints, keep=keep)) as checkpointer:
        return train.fit(run, train.restore_or_init(run, checkpointer), workdir, checkpointer)


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
    """The names of what is compiled, in order; JAX begins with empty caches."""
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
    run = _run(tmp_path, **_STAGES)
    state = _fit(run, tmp_path)
    monkeypatch.setattr(mesh_lib, "put_batch", put)
    assert int(state.step) == len(before_step) == 10
    assert len(set(before_step[1:5])) == 1, compiled[before_step[1] : before_step[4]]
    assert len({*before_step[5:], len(compiled)}) == 1, compiled[before_step[5] :]
    assert Counter(compiled)["step"] == 2, compiled
    evaluate_run(run, state, Workdir(tmp_path))
    assert Counter(compiled)["evaluate"] == 1, compiled
    assert {"step", "evaluate", "begun", "average"} <= set(compiled)


def test_a_stage_begins_once_and_a_resumed_one_not_again(tmp_path, monkeypatch):
    """What an objective changes between stages reaches parameters and moving average, and is in checkpoints."""
    run = _run(
        tmp_path,
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
    whole = _fit(run, tmp_path, keep=2)
    assert begun == ["b", "b"]  # traced for the parameters and for their average
    for params in (whole.params, whole.ema):
        assert (params["classifier"]["decoder"]["bias"] > 90).all()
    checkpoints = Workdir(tmp_path).checkpoints
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
def test_the_step_writes_over_every_array_of_the_old_state(devices, frozen, tmp_path):
    """What is frozen, the anchor and the moving average included."""
    run = _run(tmp_path, devices=devices, **_STAGES)
    state = make_state(run)
    batch = mesh_lib.put_batch(run.experiment.pipeline[0], run.mesh)
    step = make_train_step(run.classifier, run.objective, run.optimizer, ema_decay=0.5, frozen=frozen)
    compiled = jit_train_step(step, run.mesh, run.shardings).lower(state, batch, run.graph_arrays).compile()
    leaves = jax.tree.leaves(state)
    aliases = re.findall(r"\{(\d+)\}: \((\d+), \{\}, (?:may|must)-alias\)", compiled.as_text().splitlines()[0])
    assert sorted(int(given) for _, given in aliases) == list(range(len(leaves)))
    assert copied_bytes(compiled, state) == 0
    after, _ = compiled(state, batch, run.graph_arrays)
    assert all(leaf.is_deleted() for leaf in leaves)
    assert not any(leaf.is_deleted() for leaf in jax.tree.leaves((after, batch, run.graph_arrays)))


def test_a_state_that_is_copied_is_counted(tmp_path):
    run = _run(tmp_path, train__batch_size=16)
    state = make_state(run)
    kept = jax.jit(lambda state: jax.tree.map(lambda leaf: leaf + 1, state)).lower(state).compile()
    assert copied_bytes(kept, state) == sum(leaf.nbytes for leaf in jax.tree.leaves(state))


class _Reported:
    """A metric of a step that records how many steps had been sent to the device when it was read."""

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
    steps = {"train__steps": 7, "train__log_every_steps": 2, "train__checkpoint_every_steps": 5}
    _fit(_run(tmp_path, train__batch_size=16, **steps), tmp_path)
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
        _fit(_run(tmp_path, devices=devices, train__batch_size=16), tmp_path)
