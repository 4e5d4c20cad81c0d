"""Parameters under another graph: found by name, and new ones as a run begins."""

import dataclasses

import numpy as np
import pytest

from kgv_jax.experiment.class_roles import Trained
from kgv_jax.methods.objective import CLASSES, FACTS, NODES, RELATIONS
from kgv_jax.run.trained import read_trained, write_trained
from kgv_jax.run.workdir import Workdir
from kgv_jax.util.errors import UserError
from kgv_jax.zero_shot.extended_graph import adapt, added, config_for, folder_for
from tests import tiny

OLD = Trained(("stop", "yield"), ("seen", "seen"), ("a", "b", "c"), (), ("instanceOf", "r"), (("r", "a"), ("r", "b")))
NEW = Trained(
    ("bus", "stop", "yield"), ("unseen", "seen", "seen"), ("c", "d", "a", "b"), (), ("instanceOf", "r"), (("r", "b"),)
)


def test_rows_are_found_by_name():
    old = {
        "knowledge": {"mu": np.arange(6.0).reshape(3, 2), "r": np.ones((2, 2)), "log_t": np.float32(3)},
        "classifier": {"decoder": {"kernel": np.array([[1.0, 2.0]]), "bias": np.array([3.0, 4.0])}},
        "head": {"kernel": np.array([[5.0, 6.0]])},
    }
    fresh = {
        "knowledge": {"mu": -np.ones((4, 2)), "r": np.zeros((2, 2)), "log_t": np.float32(0)},
        "classifier": {"decoder": {"kernel": np.array([[-7.0, -8, -9]]), "bias": np.zeros(3)}},
        "head": {"kernel": np.array([[0.0]])},
    }
    axes = {
        "knowledge/mu": (NODES, None),
        "knowledge/r": (RELATIONS, None),
        "classifier/decoder/kernel": (None, CLASSES),
        "classifier/decoder/bias": (CLASSES,),
        "head/kernel": (None, FACTS),
    }
    found = adapt(old, fresh, axes, OLD, NEW)
    np.testing.assert_array_equal(found["knowledge"]["mu"], [[4, 5], [-1, -1], [0, 1], [2, 3]])
    np.testing.assert_array_equal(found["knowledge"]["r"], old["knowledge"]["r"])
    assert found["knowledge"]["log_t"] == 3
    np.testing.assert_array_equal(found["classifier"]["decoder"]["kernel"], [[-7, 1, 2]])
    np.testing.assert_array_equal(found["classifier"]["decoder"]["bias"], [0, 3, 4])
    np.testing.assert_array_equal(found["head"]["kernel"], [[6]])
    same = adapt(old, old, axes, OLD, OLD)
    np.testing.assert_array_equal(same["knowledge"]["mu"], old["knowledge"]["mu"])


@pytest.mark.parametrize("method", ["kgv", "ale", "attribute_bce", "dgp"])
def test_axes_are_those_of_the_parameters(method):
    problem = tiny.make(method)
    sizes = {NODES: problem.graph_arrays.candidate.shape[1], RELATIONS: len(problem.mask.relations),
             FACTS: len(problem.graph_arrays.facts), CLASSES: len(tiny.CLASSES)}  # fmt: skip
    params = problem.init().params["knowledge"]
    for name, kinds in problem.objective.axes().items():
        assert [size for size, kind in zip(params[name].shape, kinds, strict=True) if kind] == [
            sizes[kind] for kind in kinds if kind
        ]
    counted = {name for name, value in params.items() if value.ndim and {*value.shape} & {*sizes.values()}}
    assert counted <= {*problem.objective.axes()} | ({"mu"} if method == "dgp" else set())


def test_what_was_trained_is_noted_and_read(tmp_path):
    workdir = Workdir(tmp_path)
    with pytest.raises(UserError, match=r"has no trained\.json: .*--mode=eval --workdir="):
        read_trained(workdir)
    write_trained(workdir, OLD)
    assert read_trained(workdir) == OLD
    assert added(OLD, NEW) == "The graph adds 1 nodes and 1 classes: bus"
    assert "images of none that is new" in added(OLD, OLD)


def test_the_config_and_the_folder_of_another_graph(tmp_path):
    config = tiny.config("kgv")
    other = config_for(config, "new.ttl")
    assert other.kg.path == "new.ttl" and other.kgv.density_head == "lift" and not other.synthetic.elements
    facts = dataclasses.replace(config, kgv=dataclasses.replace(config.kgv, density_head="facts"))
    assert config_for(facts, "new.ttl").kgv.density_head == "facts"
    with pytest.raises(UserError, match=r"'shuffled_kg' was trained on facts that mean nothing"):
        config_for(tiny.config("shuffled_kg"), "new.ttl")
    file = tmp_path / "new.ttl"
    file.write_text("one")
    first = folder_for(Workdir(tmp_path / "run"), str(file)).path
    file.write_text("two")
    assert first.parent == tmp_path / "run" / "graphs" and first.name.startswith("new-")
    assert folder_for(Workdir(tmp_path / "run"), str(file)).path != first
