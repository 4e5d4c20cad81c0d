"""A run is built from shapes alone, on the devices that are given; what it begins with can be given too."""

import jax
import numpy as np
import pytest

from kgv_jax.run.build import make_state
from kgv_jax.run.restore import restore_run
from kgv_jax.run.state import InitialValues
from kgv_jax.run.workdir import Workdir
from kgv_jax.util.errors import UserError
from tests import tiny


def test_the_layout_of_a_state_is_known_before_it_is_computed(tmp_path):
    run = tiny.make_run(tmp_path, optim__ema_decay=0.5, train__batch_size=16, mesh__model=2)
    assert {type(leaf) for leaf in jax.tree.leaves(run.abstract_state)} == {jax.ShapeDtypeStruct}
    assert dict(run.mesh.shape) == {"data": 4, "model": 2}
    state = make_state(run)

    def agrees(leaf, expected):
        assert (leaf.shape, leaf.dtype) == (expected.shape, expected.dtype)
        assert leaf.sharding.is_equivalent_to(expected.sharding, leaf.ndim)

    jax.tree.map(agrees, state, run.restorable())
    assert run.shardings.params["knowledge"]["mu"].spec[0] == "model"


def test_initial_values_take_the_place_of_random_ones(tmp_path):
    run = tiny.make_run(tmp_path, devices=jax.devices()[:1], optim__ema_decay=0.5)
    random = make_state(run)
    mu = np.arange(random.params["knowledge"]["mu"].size, dtype=np.float32).reshape(18, -1)
    begun = make_state(run, InitialValues({}, {}, {"mu": mu, "unknown": mu}))
    for params in (begun.params, begun.ema):
        np.testing.assert_array_equal(params["knowledge"]["mu"], mu)
        assert "unknown" not in params["knowledge"]
    jax.tree.map(np.testing.assert_array_equal, begun.params["classifier"], random.params["classifier"])


def test_a_folder_without_a_checkpoint_is_refused(tmp_path):
    run = tiny.make_run(tmp_path, train__batch_size=16)
    with pytest.raises(UserError, match=r"holds no checkpoint\. Train first: .* --workdir="):
        restore_run(run.config, Workdir(tmp_path / "run"))
