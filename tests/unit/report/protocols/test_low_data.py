"""Curves over shots and over fractions."""

import numpy as np
import pytest

from kgv_jax.report import stats
from kgv_jax.report.protocols import low_data
from kgv_jax.report.protocols.base import Options
from kgv_jax.report.protocols.low_data import accuracy_curve, area_under_curve
from kgv_jax.report.runs import make_study, read_run
from tests.report_runs import predictions, write_run

RIGHT = {0: [1, 0, 0, 0], 1: [0, 0, 0, 0], 2: [0, 1, 0, 0], 3: [0, 1, 2, 0], 4: [0, 1, 2, 3]}


def study(root, points, **common):
    """Runs that are right for so many of four source images: `points` has (method, setting, value, right)."""
    runs = []
    for method, setting, value, right in points:
        found = {domain: predictions(domain, RIGHT[right]) for domain in ("de", "us")}
        folder = root / f"{method}{value}"
        runs.append(read_run(str(write_run(folder, found, method=method, **{setting: value}, **common))))
    return make_study(runs)


def test_shots_by_hand(tmp_path):
    points = [("ce", "shots", 8, 4), ("ce", "shots", 1, 1), ("ce", "shots", 2, 2), ("kgv", "shots", 1, 3)]
    found = study(tmp_path, points)
    assert low_data.lacks(found, Options()) == ""
    records, (curve, area) = low_data.report(found, Options())
    assert [(r["method"], r["amount"], r["mean"]) for r in records] == [
        ("ce", 1, 0.25), ("ce", 2, 0.5), ("ce", 8, 1.0), ("kgv", 1, 0.75),
    ]  # fmt: skip
    # log2: trapezia 1 * 0.375 and 2 * 0.75 over 3; one point has no area.
    assert [r["area"] for r in records] == [pytest.approx(0.625)] * 3 + [None]
    assert curve.header == ("method", "head", "1", "2", "8")
    assert [row[2][:4] for row in curve.rows] == ["25.0", "75.0"]
    assert area.rows == (("ce", "chosen", "62.5"), ("kgv", "chosen", "-"))


def test_fractions_are_a_curve_too(tmp_path):
    records, (curve, _) = low_data.report(
        study(tmp_path, [("ce", "fraction", 1.0, 4), ("ce", "fraction", 0.1, 2)]), Options()
    )
    assert curve.header == ("method", "head", "0.1", "1")
    assert records[0]["area"] == pytest.approx(0.75)


def test_a_comparison_of_both_has_a_curve_of_each_that_has_two(tmp_path):
    points = [("ce", "fraction", 1.0, 4), ("ce", "fraction", 0.1, 2), ("ce", "shots", 4, 1)]
    records, tables = low_data.report(study(tmp_path / "a", points), Options())
    assert [(r["unit"], r["amount"], r["mean"]) for r in records] == [("fraction", 0.1, 0.5), ("fraction", 1.0, 1.0)]
    assert len(tables) == 2
    records, tables = low_data.report(study(tmp_path / "b", [*points, ("ce", "shots", 2, 0)]), Options())
    assert [(r["unit"], r["amount"]) for r in records] == [
        ("shots", 2), ("shots", 4), ("fraction", 0.1), ("fraction", 1.0),
    ]  # fmt: skip
    assert [table.title[:17] for table in tables] == [
        "Accuracy by shots", "Area under the cu", "Accuracy by share", "Area under the cu",
    ]  # fmt: skip


def test_one_amount_is_no_curve(tmp_path):
    assert "one amount of data" in low_data.lacks(study(tmp_path, [("ce", "shots", 4, 2)]), Options())


def test_area_by_hand():
    # log2: 0, 1, 3; trapezia 1 * 0.3 and 2 * 0.6 over 3.
    assert area_under_curve([1, 2, 8], [0.2, 0.4, 0.8]) == pytest.approx((0.3 + 1.2) / 3)
    assert area_under_curve([0.1, 0.25, 1.0], [0.7, 0.7, 0.7]) == pytest.approx(0.7)


@pytest.mark.parametrize("amount", [[4], [4, 4], [8, 4]])
def test_no_curve(amount):
    with pytest.raises(ValueError, match="two amounts of data or more, rising"):
        area_under_curve(amount, np.full(len(amount), 0.5))


def test_points_are_means_over_domains_with_their_intervals():
    rng = np.random.default_rng(0)
    groups = {"a": np.arange(40) // 2, "b": np.arange(20) // 2}
    correct = {
        shots: {domain: rng.random((2, len(group))) < share for domain, group in groups.items()}
        for shots, share in ((4, 0.8), (1, 0.4))
    }
    found = accuracy_curve(correct, groups, resamples=200)
    assert list(found) == [1, 4]
    assert found[4].mean == pytest.approx((correct[4]["a"].mean() + correct[4]["b"].mean()) / 2)
    assert found[1] == stats.mean_interval_over_domains(correct[1], groups, resamples=200)
