"""The mesh, and where arrays live on it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec

from kgv_jax.parallel import mesh as mesh_lib
from kgv_jax.util.errors import UserError


def test_minus_one_takes_what_model_leaves():
    assert dict(mesh_lib.make_mesh(-1, 2).shape) == {"data": 4, "model": 2}
    assert dict(mesh_lib.make_mesh(8, 1).shape) == {"data": 8, "model": 1}
    assert dict(mesh_lib.make_mesh(-1, 1, devices=jax.devices()[:3]).shape) == {"data": 3, "model": 1}


@pytest.mark.parametrize(("data", "model"), [(-1, 3), (4, 1), (16, 1)])
def test_a_mesh_that_does_not_fit_names_both_numbers(data, model):
    with pytest.raises(UserError, match=rf"data = {data} x model = {model} devices; this run has 8"):
        mesh_lib.make_mesh(data, model)


def test_nodes_are_split_over_model_and_the_rest_is_whole():
    mesh = mesh_lib.make_mesh(-1, 2)
    params = {
        "knowledge": {"mu": np.zeros((6, 4)), "v": np.zeros((7, 4)), "r": np.zeros((6, 4)), "log_t": np.zeros(())},
        "classifier": {"projection": {"kernel": np.zeros((6, 4))}},
    }
    found = jax.tree.map(lambda sharding: sharding.spec, mesh_lib.state_shardings(mesh, {"params": params}))["params"]
    assert found["knowledge"]["mu"] == PartitionSpec("model", None)
    assert found["knowledge"]["v"] == PartitionSpec(), "seven rows do not divide by two"
    assert found["knowledge"]["r"] == found["knowledge"]["log_t"] == PartitionSpec()
    assert found["classifier"]["projection"]["kernel"] == PartitionSpec()


def test_a_batch_that_does_not_divide_names_the_numbers_that_would():
    mesh = mesh_lib.make_mesh(-1, 1)
    mesh_lib.check_divisible("config.train.batch_size", 16, mesh)
    with pytest.raises(UserError, match=r"config.train.batch_size is 12, not divisible by the 8 devices.*Use 8 or 16"):
        mesh_lib.check_divisible("config.train.batch_size", 12, mesh)
    with pytest.raises(UserError, match="Use 8"):
        mesh_lib.check_divisible("config.train.batch_size", 3, mesh)


def test_a_batch_is_cut_over_all_devices_in_order():
    mesh = mesh_lib.make_mesh(-1, 2)
    rows = np.arange(8 * 3).reshape(8, 3)
    array = mesh_lib.put_batch({"x": rows}, mesh)["x"]
    assert {shard.data.shape for shard in array.addressable_shards} == {(1, 3)}
    np.testing.assert_array_equal(jnp.asarray(array), rows)
