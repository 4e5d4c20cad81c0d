"""The sentence at the end of a demonstration, on outcomes worked out by hand."""

import numpy as np
import pytest

from kgv_jax.report.runs import make_study, open_run
from kgv_jax.report.verdict import demo_table, demo_verdict, verdict
from kgv_jax.util.errors import UserError
from tests.report_runs import predictions, write_run

METHODS = ("ce", "kgv_compose", "shuffled_kg_compose")
IMAGES = 40


def _runs(root, right, *, methods=METHODS, domains=("de", "us", "cn"), **settings):
    """Returns method -> folder of runs that are right for the first so many of forty source images in each target."""
    label, folders = np.arange(IMAGES) % 4, {}
    for method in methods:
        chosen = np.where(np.arange(IMAGES) < right[method], label, (label + 1) % 4)
        found = {domain: predictions(domain, label if domain == "de" else chosen) for domain in domains}
        folders[method] = write_run(root / method, found, method=method, **settings)
    return folders


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ((0.042, 0.011, 0.073), "4.2 points above ce (95 % interval +1.1 to +7.3)"),
        ((-0.05, -0.08, -0.02), "5.0 points below ce (95 % interval -8.0 to -2.0)"),
        ((0.01, -0.02, 0.04), "not significantly different from ce (+1.0 points, 95 % interval -2.0 to +4.0): "
                              "too few images or seeds to say"),
        ((0.01, 0.0, 0.04), "not significantly different from ce (+1.0 points, 95 % interval +0.0 to +4.0): "
                            "too few images or seeds to say"),
    ],
)  # fmt: skip
def test_an_interval_in_words(numbers, words):
    assert verdict(*numbers, against="ce") == words


def test_the_unit_has_a_name():
    assert verdict(0.2, 0.1, 0.3, against="ce", metric_unit="points of AUSUC").startswith("20.0 points of AUSUC above")


def test_both_controls_are_named_with_their_gains(tmp_path):
    # Right for 30 of 40 against 20 and 10, the better containing the worse: gains of 25 and 50 points in each target.
    sentence = demo_verdict(_runs(tmp_path, {"kgv_compose": 30, "ce": 20, "shuffled_kg_compose": 10}))
    assert sentence.startswith(
        "On the mean over 2 target domains (80 source images, 1 seed), the accuracy of kgv_compose is 25.0 points "
        "above ce (labels alone) (95 % interval +"
    )
    assert "; and it is 50.0 points above shuffled_kg_compose (wrong facts) (95 % interval +" in sentence
    assert sentence.endswith(").") and "\n" not in sentence


def test_a_loss_is_said_as_plainly_as_a_gain(tmp_path):
    sentence = demo_verdict(_runs(tmp_path, {"kgv_compose": 20, "ce": 35, "shuffled_kg_compose": 5}))
    assert "is 37.5 points below ce (labels alone)" in sentence
    assert "is 37.5 points above shuffled_kg_compose" in sentence


def test_a_gain_that_chance_explains_is_no_gain(tmp_path):
    # One image of forty: the interval contains 0.
    sentence = demo_verdict(_runs(tmp_path, {"kgv_compose": 21, "ce": 20, "shuffled_kg_compose": 5}))
    assert "is not significantly different from ce (labels alone) (+2.5 points" in sentence
    assert "too few images or seeds to say; and it is 40.0 points above" in sentence


def test_the_table_has_a_row_per_method_and_a_column_per_domain(tmp_path):
    folders = _runs(tmp_path, {"kgv_compose": 30, "ce": 20, "shuffled_kg_compose": 10})
    table = demo_table(folders)
    assert table.header == ("method", "head", "seeds", "de", "us", "cn", "mean over targets")
    assert [row[0] for row in table.rows] == [*METHODS]
    assert [row[4].partition(" [")[0] for row in table.rows] == ["50.0", "75.0", "25.0"]
    assert all("[" in cell and cell.endswith("]") for row in table.rows for cell in row[3:])
    # The same of a study as of the folders.
    study = make_study([open_run(folder) for folder in folders.values()])
    assert demo_table(study) == table and demo_verdict(study) == demo_verdict(folders)


def test_what_is_missing(tmp_path):
    right = {"kgv_compose": 30, "ce": 20, "shuffled_kg_compose": 10}
    with pytest.raises(UserError, match=r"There is no run of 'shuffled_kg_compose'"):
        demo_verdict(_runs(tmp_path / "two", right, methods=METHODS[:2]))
    with pytest.raises(UserError, match=r"tested on 'de' alone, where they were trained; set config\.data\.targets"):
        demo_verdict(_runs(tmp_path / "source", right, domains=("de",)))
