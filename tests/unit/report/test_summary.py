"""The summary of a comparison: overview with corrected p-values, tables per amount of data, zero-shot tables."""

import dataclasses

import numpy as np
import pytest

from kgv_jax.report.runs import RunKey, make_comparison
from kgv_jax.report.summary import chosen_only, overview_table, summarise_zero_shot, summary_tables, summary_text
from kgv_jax.run.workdir import Workdir
from kgv_jax.util.errors import UserError
from tests.report_runs import predictions


def _row(method, domain, mean, *, fraction=1.0, p=None, head="decoder", chosen=True):
    versus = {} if p is None else {"ce": {"mean": mean - 0.3, "low": -0.01, "high": 0.2, "p": p}}
    return {
        "method": method, "domain": domain, "fraction": fraction, "head": head, "chosen": chosen, "seeds": 3,
        "mean": mean, "low": mean - 0.05, "high": mean + 0.05, "versus": versus,
    }  # fmt: skip


def test_a_row_per_method_with_holms_p():
    summary = [
        _row("ce", "de", 0.9), _row("ce", "targets", 0.3),
        _row("ce", "de", 0.5, fraction=0.1), _row("ce", "targets", 0.2, fraction=0.1),
        _row("kgv", "de", 0.8, p=0.9), _row("kgv", "targets", 0.4, p=0.01),
        _row("kgv", "targets", 0.99, p=1e-9, head="combined", chosen=False),
        _row("kgv", "de", 0.6, fraction=0.1), _row("kgv", "targets", 0.35, fraction=0.1, p=0.02, head="density"),
        _row("ale", "targets", 0.25, p=0.4),
    ]  # fmt: skip
    table = overview_table(summary, source="de")
    assert table.header == ("method", "head", "100 %: de", "mean over targets", "over ce",
                            "10 %: de", "mean over targets", "over ce")  # fmt: skip
    assert table.title.endswith("corrected for 3 tests")
    ce, kgv, ale = table.rows
    assert ce == ("ce", "decoder", "90.0 [85.0, 95.0]", "30.0 [25.0, 35.0]", "-",
                  "50.0 [45.0, 55.0]", "20.0 [15.0, 25.0]", "-")  # fmt: skip
    # Of 0.01, 0.02 and 0.4: three times the first, twice the second, the third as it is.
    assert kgv[1] == "decoder, density"
    assert kgv[4] == "+10.0 [-1.0, +20.0], p = 0.030" and kgv[7] == "+5.0 [-1.0, +20.0], p = 0.040"
    assert ale[2:] == ("-", "25.0 [20.0, 30.0]", "-5.0 [-1.0, +20.0], p = 0.400", "-", "-", "-")


def test_another_control():
    rows = [_row("kgv", "targets", 0.4, p=0.01), _row("shuffled_kg", "targets", 0.3)]
    rows[0]["versus"]["shuffled_kg"] = rows[0]["versus"].pop("ce")
    table = overview_table(rows, source="de", control="shuffled_kg")
    assert table.header[-1] == "over shuffled_kg" and table.rows[0][-1].endswith("p = 0.010")


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
    return keys, make_comparison(keys, root, domains, source="de")


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
    found = summarise_zero_shot(_comparison(tmp_path, methods)[1])
    assert {record["versus"] for record in found.records if "versus" in record} == ({control} if control else set())
    assert [table.title.partition(",")[0] for table in found.chosen[1:]] == (
        [f"Gain in AUSUC over {control}"] if control else []
    )
    assert found.chosen[0].title == "Generalised zero-shot: 1 unseen of 3 classes" and "gamma" in found.records[0]


def test_a_source_that_is_not_tested(tmp_path):
    found = summarise_zero_shot(_comparison(tmp_path, domains=("us",))[1])
    assert {record["domain"] for record in found.records} == {"us", "targets"}


def test_validation_classes_without_images_choose_nothing(tmp_path):
    found = summarise_zero_shot(_comparison(tmp_path, validation=False)[1])
    assert "gamma" not in found.records[0]


def test_where_nothing_was_held_out_after_all_there_are_no_tables(tmp_path):
    assert summarise_zero_shot(_comparison(tmp_path, role=np.full(4, "seen"))[1]) is None


def test_outcomes_of_an_earlier_version_are_reported(tmp_path):
    keys, _ = _comparison(tmp_path)
    for file in tmp_path.rglob("de.npz"):
        with np.load(file) as arrays:
            np.savez(file, **{name: arrays[name] for name in ("group", "decoder")})
    with pytest.raises(UserError, match=r"de\.npz, of an earlier version, lacks seen against unseen classes"):
        summarise_zero_shot(make_comparison(keys, tmp_path, ("de", "us"), source="de"))


def summary_row(method, domain, mean, *, fraction=1.0, versus=None):
    return {
        "method": method,
        "fraction": fraction,
        "domain": domain,
        "head": "combined",
        "seeds": 3,
        "mean": mean,
        "low": mean - 0.02,
        "high": mean + 0.02,
        "versus": versus or {},
    }


def test_a_fraction_has_a_table_of_accuracies_and_one_of_gains_over_controls():
    gain = {"mean": 0.046, "low": 0.021, "high": 0.07, "p": 0.0002}
    loss = {"mean": -0.01, "low": -0.03, "high": 0.01, "p": 0.4}
    rows = [
        summary_row("ce", "targets", 0.4),
        summary_row("ce", "DE", 0.9),
        summary_row("kgv", "DE", 0.9),
        summary_row("kgv", "targets", 0.446, versus={"attribute_bce": loss, "ce": gain}),
        summary_row("attribute_bce", "targets", 0.45, versus={"ce": gain}),
        summary_row("kgv", "DE", 0.7, fraction=0.1),
    ]
    full, gains, tenth = summary_tables(rows, source="DE")
    assert full.title == "100 % of the training images: accuracy"
    assert tenth.title == "10 % of the training images: accuracy"
    assert full.header == ("method", "head", "seeds", "DE", "mean over targets")
    assert full.rows[0] == ("ce", "combined", "3", "90.0 [88.0, 92.0]", "40.0 [38.0, 42.0]")
    assert gains.header == ("method", "head", "over ce", "over attribute_bce")
    assert gains.rows[0] == ("ce", "combined", "-", "-")  # in the order of the methods
    assert gains.rows[1] == ("kgv", "combined", "+4.6 [+2.1, +7.0], p < 0.001", "-1.0 [-3.0, +1.0], p = 0.400")
    assert summary_text(rows, source="DE").count("**") == 6


def test_the_chosen_head_is_starred_and_can_stand_alone():
    rows = [
        summary_row("kgv", "CN", 0.4) | {"chosen": True},
        summary_row("kgv", "CN", 0.3) | {"head": "decoder", "chosen": False},
    ]
    (made,) = summary_tables(rows, source="DE")
    assert [row[1] for row in made.rows] == ["combined *", "decoder"]
    assert [row["head"] for row in chosen_only(rows)] == ["combined"]


def test_shots_have_tables_of_their_own_beside_fractions():
    gain = {"mean": 0.01, "low": 0.0, "high": 0.02, "p": 0.05}
    rows = [
        summary_row("ce", "targets", 0.4),  # a record from a version without shots
        summary_row("ce", "targets", 0.2) | {"shots": 4},
        summary_row("kgv", "targets", 0.3, versus={"ce": gain}) | {"shots": 4},
        summary_row("ce", "targets", 0.1) | {"shots": 1},
    ]
    assert [made.title for made in summary_tables(rows, source="DE")] == [
        "100 % of the training images: accuracy",
        "4 training images of every class: accuracy",
        "4 training images of every class: gain on the mean over targets",
        "1 training image of every class: accuracy",
    ]
