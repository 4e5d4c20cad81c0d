"""Trained nodes are written under their full names, and another run can begin with them."""

import types

import jax
import numpy as np
import pytest

from kgv_jax.embed.file import RUN_FILE, read_embeddings
from kgv_jax.init.nodes import init_nodes
from kgv_jax.parallel.mesh import make_mesh
from kgv_jax.run.trained import write_trained_nodes
from kgv_jax.run.workdir import Workdir
from tests import tiny


def _write(method, folder, **settings):
    problem = tiny.make(method, **settings)
    experiment = types.SimpleNamespace(graph=problem.mask.graph, mask=problem.mask)
    params = problem.init().params
    folder.mkdir()
    mesh = make_mesh(-1, 1)
    write_trained_nodes(problem.config, Workdir(folder), experiment, problem.objective, params, mesh)
    return problem, experiment, params["knowledge"]


def test_a_run_begins_with_the_nodes_of_another(tmp_path):
    problem, experiment, params = _write("kgv", tmp_path / "first", kgv__var_init=0.5)
    nodes, relations, arrays = read_embeddings(tmp_path / "first" / RUN_FILE)
    assert nodes == problem.mask.graph.nodes and relations == problem.mask.relations
    np.testing.assert_array_equal(arrays["nodes.mu"], params["mu"])
    np.testing.assert_array_equal(arrays["relations.mu"], params["r"])
    np.testing.assert_allclose(arrays["nodes.var"], 0.5, rtol=1e-5)
    start = init_nodes(tiny.config("kgv", kg__vectors=str(tmp_path / "first")), experiment)
    mu = np.asarray(params["mu"])
    spread = (mu - mu.mean(0)).std()
    np.testing.assert_allclose(start["mu"], (mu - mu.mean(0)) / spread, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(start["r"][1:], np.asarray(params["r"])[1:] / spread, rtol=1e-5)


def test_vector_nodes_have_the_variance_they_were_given(tmp_path):
    _write("kgv_vector", tmp_path / "run")
    assert (read_embeddings(tmp_path / "run" / RUN_FILE).arrays["nodes.var"] == 1).all()


@pytest.mark.parametrize("method", ["ce", "attribute_bce", "dgp"])
def test_methods_without_nodes_of_their_own_leave_nothing(tmp_path, method):
    _write(method, tmp_path / "run")
    assert not any((tmp_path / "run").iterdir())


def test_a_table_that_is_split_over_devices_is_written_whole(tmp_path):
    problem = tiny.make("kgv")
    mesh = make_mesh(-1, 2)
    experiment = types.SimpleNamespace(graph=problem.mask.graph, mask=problem.mask)
    mu = jax.device_put(
        problem.init().params["knowledge"]["mu"], jax.NamedSharding(mesh, jax.sharding.PartitionSpec("model"))
    )
    params = {"knowledge": problem.init().params["knowledge"] | {"mu": mu}}
    write_trained_nodes(problem.config, Workdir(tmp_path), experiment, problem.objective, params, mesh)
    np.testing.assert_array_equal(read_embeddings(tmp_path / RUN_FILE).arrays["nodes.mu"], mu)
