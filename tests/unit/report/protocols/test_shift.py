"""The shift table and its paired tests."""

import numpy as np
import pytest

from kgv_jax.report import stats
from kgv_jax.report.paired import holm
from kgv_jax.report.protocols import shift
from kgv_jax.report.protocols.base import Options
from kgv_jax.report.runs import make_study, read_run
from kgv_jax.util.errors import UserError
from tests.report_runs import predictions, write_run

IMAGES = 24


def chosen(rng, share):
    """Classes that are right for about this share of the source images."""
    right = np.arange(IMAGES) % 4
    return np.where(rng.random(IMAGES) < share, right, (right + 1) % 4)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    root, rng, runs = tmp_path_factory.mktemp("runs"), np.random.default_rng(0), []
    for method, share, seeds in (("ce", 0.3, range(4)), ("kgv", 0.9, (1, 2, 3)), ("ebv", 0.3, (2, 0))):
        for seed in seeds:
            found = {domain: predictions(domain, chosen(rng, share)) for domain in ("de", "us", "cn")}
            runs.append(read_run(f"{method}={write_run(root / f'{method}{seed}', found, method='ce', seed=seed)}"))
    return make_study(runs)


def test_accuracies_are_those_of_the_files(study):
    records, (table,) = shift.report(study, Options())
    by = {(r["method"], r["domain"]): r for r in records}
    assert len(records) == 3 * 4
    setting = study.settings_of("kgv")[0]
    correct = study.correct(setting, "decoder", ("us", "cn"))
    assert by["kgv", "us"]["mean"] == pytest.approx(correct["us"].mean())
    assert by["kgv", "targets"]["mean"] == pytest.approx((correct["us"].mean() + correct["cn"].mean()) / 2)
    expected = stats.mean_interval_over_domains(correct, study.groups(("us", "cn")))
    assert by["kgv", "targets"]["low"] == expected.low
    assert table.header == ("method", "head", "seeds", "de", "us", "cn", "mean over targets")


def test_tests_pair_the_seeds_that_both_have(study):
    records, (_, table) = shift.report(study, Options(control="ce"))
    tests = [record for record in records if "p" in record]
    assert [(r["method"], r["domain"], r["seeds"]) for r in tests] == [
        (method, domain, n) for method, n in (("kgv", 3), ("ebv", 2)) for domain in ("de", "us", "cn", "targets")
    ]
    ebv, ce = (study.correct(study.settings_of(name)[0], "decoder", ("us",)) for name in ("ebv", "ce"))
    # Seeds in order: of ce 0 to 3, of ebv 0, 2.
    expected = stats.paired_difference_over_domains(ebv, {"us": ce["us"][[0, 2]]}, study.groups(("us",)))
    assert (tests[5]["mean"], tests[5]["p"]) == (expected.mean, expected.p)
    np.testing.assert_allclose([r["p_holm"] for r in tests], holm([r["p"] for r in tests]))
    assert tests[1]["p"] < tests[1]["p_holm"] < 0.05 < tests[5]["p_holm"]
    assert "Holm over the 8 tests" in table.title


def test_no_seed_in_common(tmp_path):
    found = {"de": predictions("de", [0, 1, 2, 3])}
    runs = [write_run(tmp_path / method, found, method=method, seed=seed) for method, seed in (("ce", 0), ("kgv", 1))]
    study = make_study([read_run(str(run)) for run in runs])
    with pytest.raises(UserError, match=r"kgv and the control ce have no seed in common \(1 and 0\)"):
        shift.report(study, Options(control="ce"))
