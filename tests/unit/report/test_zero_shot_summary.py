"""The zero-shot tables of a comparison: whom gains are over, and comparisons that cannot have them."""

import dataclasses

import numpy as np
import pytest

from kgv_jax.report.comparison import Comparison, RunKey
from kgv_jax.report.zero_shot_summary import summarise_zero_shot
from kgv_jax.run.workdir import Workdir
from kgv_jax.util.errors import UserError
from tests.report_runs import predictions

ROLES = np.array(["seen", "seen", "validation", "unseen"])
TESTED = [0, 1, 3, 0, 1, 3]


def _comparison(root, methods=("kgv", "shuffled_kg"), domains=("de", "us"), *, role=ROLES, validation=True):
    keys = [RunKey(method, 1.0, 0) for method in methods]
    for key in keys:
        found = {name: predictions(name, TESTED, margin=3, label=TESTED) for name in domains}
        if validation:
            found["validation"] = predictions("validation", [0, 1, 0], margin=[4, 4, 1], label=[0, 1, 2])
        for name, of_domain in found.items():
            outcomes = dataclasses.replace(of_domain, role=role).outcomes()
            outcomes.save(Workdir(key.folder(root)).outcomes / f"{name}.npz")
    return Comparison(keys, root, domains)


@pytest.mark.parametrize(
    ("methods", "control"),
    [
        (("kgv", "shuffled_kg_compose", "shuffled_kg"), "shuffled_kg"),
        (("kgv", "shuffled_kg_compose"), "shuffled_kg_compose"),
        (("kgv", "ce"), None),
        (("shuffled_kg",), None),
    ],
)
def test_gains_are_over_permuted_facts_where_they_were_run(tmp_path, methods, control):
    found = summarise_zero_shot(_comparison(tmp_path, methods), source="de")
    assert {record["versus"] for record in found.records if "versus" in record} == ({control} if control else set())
    assert [table.title.partition(",")[0] for table in found.chosen[1:]] == (
        [f"Gain in AUSUC over {control}"] if control else []
    )
    assert found.chosen[0].title == "Generalised zero-shot: 1 unseen of 3 classes" and "gamma" in found.records[0]


def test_a_source_that_is_not_tested(tmp_path):
    found = summarise_zero_shot(_comparison(tmp_path, domains=("us",)), source="de")
    assert {record["domain"] for record in found.records} == {"us", "targets"}


def test_validation_classes_without_images_choose_nothing(tmp_path):
    found = summarise_zero_shot(_comparison(tmp_path, validation=False), source="de")
    assert "gamma" not in found.records[0]


def test_where_nothing_was_held_out_after_all_there_are_no_tables(tmp_path):
    assert summarise_zero_shot(_comparison(tmp_path, role=np.full(4, "seen")), source="de") is None


def test_outcomes_of_an_earlier_version_are_reported(tmp_path):
    comparison = _comparison(tmp_path)
    for file in tmp_path.rglob("de.npz"):
        with np.load(file) as arrays:
            np.savez(file, **{name: arrays[name] for name in ("group", "decoder")})
    keys = [key for of_setting in comparison.runs.values() for key in of_setting.values()]
    with pytest.raises(UserError, match=r"de\.npz, of an earlier version, lacks seen against unseen classes"):
        summarise_zero_shot(Comparison(keys, tmp_path, ("de", "us")), source="de")
