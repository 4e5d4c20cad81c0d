"""Effective robustness of runs against baseline runs."""

import numpy as np
import pytest
from scipy.special import expit

from kgv_jax.report.protocols import effective_robustness
from kgv_jax.report.protocols.base import Options
from kgv_jax.report.protocols.effective_robustness import fit_line
from kgv_jax.report.runs import make_study, read_run
from tests.report_runs import predictions, write_run


def run(root, name, source, target, **settings):
    """A run that is right for so many of twenty source images on de, and on us."""
    label = np.arange(20) % 4
    found = {
        domain: predictions(domain, np.where(np.arange(20) < right, label, (label + 1) % 4))
        for domain, right in (("de", source), ("us", target))
    }
    return read_run(f"{name}={write_run(root / f'{name}{source}', found, method='ce', **settings)}")


def test_residuals_by_hand(tmp_path):
    runs = [run(tmp_path, "ce", 10, 5), run(tmp_path, "ce", 15, 10, fraction=0.5), run(tmp_path, "kgv", 18, 17)]
    study, options = make_study(runs), Options(baselines=("ce",))
    assert effective_robustness.lacks(study, options) == ""
    records, (table,) = effective_robustness.report(study, options)
    # Odds 1 -> 1/3 and 3 -> 1, so 9 -> 3: 0.75 where the run has 0.85.
    assert records[2]["effective_robustness"] == pytest.approx(0.10)
    assert records[2]["line"] == pytest.approx(0.75)
    assert [abs(record["effective_robustness"]) < 1e-12 for record in records] == [True, True, False]
    assert "against 2 runs of ce, 50.0 to 75.0 on de" in table.title


def test_what_is_missing(tmp_path):
    runs = [run(tmp_path, "ce", 10, 5), run(tmp_path, "kgv", 20, 17)]
    study = make_study(runs)
    assert "--baselines=ce" in effective_robustness.lacks(study, Options())
    lack = effective_robustness.lacks(study, Options(baselines=("ce",)))
    assert lack.startswith("a line needs baseline models of two or more accuracies on the source ('us'); give more")
    assert "0 and 1 have no logit" in effective_robustness.lacks(study, Options(baselines=("ce", "kgv")))


def test_two_baselines_by_hand():
    # Odds 1 -> 1/3 and 3 -> 1: with logits in units of log 3, (0, -1) and (1, 0), so slope 1, intercept -log 3.
    line = fit_line([0.5, 0.75], [0.25, 0.5])
    assert line.slope == pytest.approx(1)
    assert line.intercept == pytest.approx(-np.log(3))
    # Odds 9 -> 3: the line says 0.75 at 0.9.
    np.testing.assert_allclose(effective_robustness.effective_robustness(line, [0.9, 0.5], [0.85, 0.2]), [0.10, -0.05])


def test_it_is_the_least_squares_line_of_logits():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=30), rng.normal(size=30)
    np.testing.assert_allclose(fit_line(expit(x), expit(y)), np.polyfit(x, y, 1), rtol=1e-9)


@pytest.mark.parametrize(
    ("source", "target", "words"),
    [
        ([0.5, 1.0], [0.2, 0.3], "no logit"),
        ([0.5, 0.6], [0.0, 0.3], "no logit"),
        ([0.5, 0.5], [0.2, 0.3], "two or more accuracies on the source"),
        ([0.5], [0.2], "two or more accuracies on the source"),
    ],
)
def test_no_line(source, target, words):
    with pytest.raises(ValueError, match=words):
        fit_line(source, target)
