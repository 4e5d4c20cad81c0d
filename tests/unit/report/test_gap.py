"""The gap to the oracle: closed by how much, and worth how many photographs."""

import numpy as np
import pytest

from kgv_jax.report.costs import cost_table
from kgv_jax.report.gap import ALL, gap_records, gap_tables, oracles, worth
from kgv_jax.report.runs import RunKey, make_comparison
from kgv_jax.run.workdir import Workdir
from tests.report_runs import predictions

IMAGES = 40


def _study(tmp_path, right: dict[str, list[int]]):
    """A comparison in which each seed of a method is right on so many of the first images of the target."""
    keys = []
    for method, counts in right.items():
        for seed, count in enumerate(counts):
            key = RunKey(method, 1.0, seed)
            for domain, correct in (("de", IMAGES), ("cn", count), ("validation", IMAGES)):
                label = np.arange(IMAGES) % 4
                chosen = np.where(np.arange(IMAGES) < correct, label, (label + 1) % 4)
                workdir = Workdir(key.folder(tmp_path))
                predictions(domain, chosen).save(workdir.predictions / f"{domain}.npz")
            keys.append(key)
    return make_comparison(keys, tmp_path, ["de", "cn"], source="de")


def test_gap_closed_and_worth(tmp_path):
    study = _study(
        tmp_path, {"ce": [10, 10], "oracle_4": [20, 20], "oracle_all": [30, 30], "kgv": [20, 20], "infuse": [35, 35]}
    )
    records = {(r["method"], r["domain"]): r for r in gap_records(study)}
    of = {method: records[method, "cn"] for method in ("ce", "oracle_all", "kgv", "infuse")}
    assert [of[method]["gap"] for method in of] == [pytest.approx(x) for x in (0, 1, 0.5, 1.25)]
    assert [of[method]["worth"] for method in of] == ["none", "all there are", "about 4", "more than all there are"]
    assert of["kgv"]["low"] < 0.5 < of["kgv"]["high"]
    assert (of["ce"]["low"], of["oracle_all"]["high"]) == (pytest.approx(0), pytest.approx(1)), "resampled together"
    table = next(table for table in gap_tables([*records.values()]) if table.title.startswith("cn"))
    row = next(row for row in table.rows if row[0] == "kgv")
    assert row[2] == "50.0" and row[3].startswith("50.0 [") and row[4] == "about 4"


def test_without_an_oracle_there_is_no_gap(tmp_path):
    assert gap_records(_study(tmp_path, {"ce": [10], "kgv": [20]})) == []
    assert gap_records(_study(tmp_path / "b", {"ce": [10], "oracle_4": [20]})) == [], "the ceiling is all there are"


def test_an_oracle_that_is_no_better_closes_nothing(tmp_path):
    records = gap_records(_study(tmp_path, {"ce": [20], "oracle_all": [20], "kgv": [25]}))
    assert {record["gap"] for record in records} == {None}
    assert all(row[3] == "-" for table in gap_tables(records) for row in table.rows)


def test_oracles_are_the_control_with_photographs(tmp_path):
    study = _study(tmp_path, {"ce": [10], "oracle_1": [11], "oracle_all": [30], "oracle_all_compose": [31], "kgv": [9]})
    assert {count: setting.method for count, setting in oracles(study).items()} == {
        0: "ce", 1: "oracle_1", ALL: "oracle_all",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("accuracy", "words"),
    [
        (0.30, "none"), (0.40, "about 1"), (0.50, "about 2"), (0.58, "about 2.2"), (0.75, "about 4"),
        (0.80, "more than 4"), (0.90, "all there are"), (0.91, "more than all there are"),
    ],
)  # fmt: skip
def test_worth_in_words(accuracy, words):
    # Of log(1 + k): 0.5 lies between 1 and 4 photographs at log 3, of log 2 and log 5.
    middle = 0.4 + 0.35 * np.log(3 / 2) / np.log(5 / 2)
    accuracy = middle if words == "about 2" else accuracy
    assert worth([0, 1, 4, ALL], [0.35, 0.4, 0.75, 0.9], accuracy) == words


def test_a_curve_that_falls_by_chance_is_pooled(tmp_path):
    study = _study(tmp_path, {"ce": [10], "oracle_1": [24], "oracle_2": [16], "oracle_all": [30], "kgv": [19]})
    found = {r["method"]: r["worth"] for r in gap_records(study) if r["domain"] == "cn"}
    assert found["kgv"].startswith("about 0.") and found["oracle_all"] == "all there are"


def test_the_control_is_worth_nothing_whatever_chance_makes_of_an_oracle(tmp_path):
    study = _study(tmp_path, {"ce": [12], "oracle_1": [11], "oracle_2": [14], "oracle_all": [30]})
    found = {r["method"]: r["worth"] for r in gap_records(study) if r["domain"] == "cn"}
    assert found["ce"] == found["oracle_1"] == "none" and found["oracle_2"] == "about 2"


def test_costs_are_medians_over_seeds(tmp_path):
    study = _study(tmp_path, {"ce": [10, 10, 10], "kgv": [10]})
    assert cost_table(study) is None
    for seed, speed in enumerate((100.0, 120.0, 400.0)):
        folder = RunKey("ce", 1.0, seed).folder(tmp_path)
        Workdir(folder).write_records("cost.json", [{"images_per_second": speed, "peak_memory_mb": 900.0}])
    table = cost_table(study)
    assert table.header == ("method", "images", "images per second", "peak memory, MB")
    assert table.rows == (("ce", "100 %", "120", "900"), ("kgv", "100 %", "-", "-"))
