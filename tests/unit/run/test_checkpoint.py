"""Checkpoints: round trip, damage, a full disk, and how many are kept."""

import errno
import gc
import os
import pathlib
import types

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp
import pytest

from kgv_jax.run.checkpoint import Checkpointer
from kgv_jax.util.errors import UserError

# Orbax leaves the coroutines of its other reads and writes behind when one fails.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def _state(seed=0):
    rng = np.random.default_rng(seed)
    return {"mu": jnp.asarray(rng.normal(size=(300, 40)), jnp.float32), "step": jnp.asarray(seed, jnp.int32), "ema": {}}


def _like(state):
    here = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    return jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=here), state)


@pytest.fixture
def checkpointer(tmp_path):
    made = Checkpointer(tmp_path / "checkpoints", keep=2)
    yield made
    made.close()
    gc.collect()


def test_what_is_saved_is_restored_bit_for_bit(checkpointer):
    assert checkpointer.latest_step() is None
    checkpointer.save(7, _state(3))
    restored = checkpointer.restore(checkpointer.latest_step(), _like(_state()))
    jax.tree.map(np.testing.assert_array_equal, restored, _state(3))
    assert restored["mu"].dtype == jnp.float32 and restored["step"] == 3


def test_the_newest_are_kept_and_a_step_is_saved_once(checkpointer, tmp_path):
    for step in (1, 2, 3):
        checkpointer.save(step, _state(step))
    checkpointer.save(3, _state(99))
    assert sorted(int(p.name) for p in (tmp_path / "checkpoints").iterdir() if p.name.isdigit()) == [2, 3]
    assert checkpointer.restore(3, _like(_state()))["step"] == 3


def _largest_file(folder: pathlib.Path) -> pathlib.Path:
    return max((path for path in folder.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)


@pytest.mark.parametrize("where", [0.3, 0.6, 0.9])
def test_flipped_bits_are_noticed(checkpointer, tmp_path, where):
    checkpointer.save(1, _state(1))
    file = _largest_file(tmp_path / "checkpoints" / "1" / "state")
    data = bytearray(file.read_bytes())
    assert len(data) > 20_000, "the array must be in this file"
    data[int(where * len(data))] ^= 0x10
    file.write_bytes(data)
    with pytest.raises(UserError, match=r"Checkpoint .*/1 (is damaged|cannot be read).*Delete that folder"):
        checkpointer.restore(1, _like(_state()))


@pytest.mark.parametrize(
    ("change", "reported"),
    [
        ({"count": jnp.zeros((2, 3))}, r"1 differ, first count, absent there and float32 \[2, 3\] here"),
        ({"mu": None}, r"1 differ, first mu, float32 \[300, 40\] there and absent here"),
        ({"mu": jnp.zeros((301, 40))}, r"1 differ, first mu, float32 \[300, 40\] there and float32 \[301, 40\] here"),
        ({"mu": jnp.zeros((300, 40), jnp.bfloat16)}, r"1 differ, first mu, float32 .* there and bfloat16 .* here"),
        ({"ema": {"mu": jnp.zeros(3)}, "step": None}, r"2 differ, first ema/mu, absent there"),
    ],
)
def test_a_state_of_another_version_is_not_called_damaged(checkpointer, tmp_path, change, reported):
    checkpointer.save(1, _state(1))
    like = _like({name: value for name, value in (_state() | change).items() if value is not None})
    with pytest.raises(UserError, match=rf"/1 holds other arrays.*{reported}.*another version of the code") as raised:
        checkpointer.restore(1, like)
    assert str(raised.value).endswith(f"Resume with that version, or remove the run's folder {tmp_path} to begin anew.")


def test_a_description_that_is_damaged_is_noticed(checkpointer, tmp_path):
    checkpointer.save(1, _state(1))
    file = tmp_path / "checkpoints" / "1" / "state" / "_METADATA"
    os.truncate(file, file.stat().st_size // 2)
    with pytest.raises(UserError, match=r"Checkpoint .*/1 cannot be read.*Delete that folder"):
        checkpointer.restore(1, _like(_state()))


def test_the_shapes_that_were_saved_may_be_asked_for(checkpointer):
    checkpointer.save(1, _state(1))
    found = checkpointer.saved_shapes(1, _like(_state() | {"mu": jnp.zeros((7, 40))}))
    assert found["mu"].shape == (300, 40) and found["step"].shape == ()
    other = _like(_state() | {"mu": jnp.zeros((7, 40)), "nu": jnp.zeros(3)})
    with pytest.raises(UserError, match=r"1 differ, first nu, absent there and float32 \[3\] here"):
        checkpointer.saved_shapes(1, other)


@pytest.mark.parametrize("kept", [0.0, 0.5])
def test_a_truncated_file_is_noticed(checkpointer, tmp_path, kept):
    checkpointer.save(1, _state(1))
    file = _largest_file(tmp_path / "checkpoints" / "1" / "state")
    os.truncate(file, int(kept * file.stat().st_size))
    with pytest.raises(UserError, match=r"Checkpoint .*/1 (is damaged|cannot be read).*Delete that folder"):
        checkpointer.restore(1, _like(_state()))


def test_a_full_disk_keeps_what_was_saved_before(checkpointer, monkeypatch):
    checkpointer.save(1, _state(1))

    def refuse(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(ocp.StandardCheckpointHandler, "save", refuse)
        patch.setattr(ocp.StandardCheckpointHandler, "async_save", refuse)
        with pytest.raises(UserError, match=r"checkpoint 2: no space left.*newest: 1.*same command again"):
            checkpointer.save(2, _state(2))
    assert checkpointer.latest_step() == 1
    assert checkpointer.restore(1, _like(_state()))["step"] == 1


def test_a_disk_too_small_is_refused_before_anything_is_written(checkpointer, monkeypatch):
    checkpointer.save(1, _state(1))
    monkeypatch.setattr("kgv_jax.run.checkpoint.shutil.disk_usage", lambda _: types.SimpleNamespace(free=2**19))
    with pytest.raises(UserError, match=r"checkpoint 2: no space left .* are needed, 0\.5 MiB are free.*newest: 1"):
        checkpointer.save(2, _state(2))
    assert checkpointer.latest_step() == 1


def test_other_failures_are_not_called_a_full_disk(checkpointer, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(ocp.StandardCheckpointHandler, "save", refuse)
    monkeypatch.setattr(ocp.StandardCheckpointHandler, "async_save", refuse)
    with pytest.raises(PermissionError):
        checkpointer.save(1, _state())
