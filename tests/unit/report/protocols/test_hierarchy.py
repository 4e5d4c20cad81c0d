"""Severity and branches of runs over the road-sign graph that comes with the package."""

import numpy as np
import pytest

from kgv_jax.report.protocols import hierarchy
from kgv_jax.report.protocols.base import Options
from kgv_jax.report.runs import make_study, read_run
from kgv_jax.util.errors import UserError
from tests.report_runs import predictions, write_run


@pytest.fixture
def study(tmp_path):
    # crossroads-ahead is right, side-road-left taken for it, straight-only for stop, stop for crossroads-ahead.
    found = {"de": predictions("de", [0, 0, 3, 0]), "us": predictions("us", [0, 1, 2, 3])}
    return make_study([read_run(str(write_run(tmp_path / "a", found, method="ce", kg__permute_classes=True)))])


def test_severity_by_hand(study):
    (de, _, us, _), _ = hierarchy.report_severity(study, Options())
    # Above these four classes: the two warnings meet at junction-warning (1); regulatory is 3 up, over mandatory and
    # direction-obligation; the root is 4 up.
    assert (de["mistakes"], us["mistakes"]) == (0.75, 0)
    assert de["severity"] == pytest.approx((1 + 3 + 4) / 3)
    assert de["distance_1"] == pytest.approx((0 + 1 + 3 + 4) / 4)
    assert us["severity"] is None
    assert "distance_5" not in us


def test_least_risk_stands_beside_the_most_probable(tmp_path):
    # Heights: the two warnings 1, stop and straight-only 3, else 4. A margin of log 2 gives p = 0.4 and thrice 0.2.
    # With stop at 0.4, its risk is 0.2 (4 + 4 + 3) = 2.2, a warning's 0.2 (1 + 4) + 0.4 4 = 2.6; straight-only at 0.4
    # alike; a warning at 0.4 has 0.2 (1 + 4 + 4) = 1.8. So no answer moves.
    clear = {"de": predictions("de", [3, 3, 2, 0], margin=float(np.log(2)))}
    # The margin 0.1: stop at p = 0.269, others at 0.2436. Stop: 2.680; a warning: 0.2436 (1 + 4) + 0.269 4 = 2.294.
    close = {"de": predictions("de", [3, 3, 2, 0], margin=0.1)}
    for found, moved in ((clear, False), (close, True)):
        folder = write_run(tmp_path / str(moved), found, method="ce")
        study = make_study([read_run(str(folder))])
        (probable, least), (table,) = hierarchy.report_severity(study, Options())
        assert (probable["decision"], least["decision"]) == hierarchy.DECISIONS
        assert probable["distance_1"] == pytest.approx((4 + 4 + 0 + 4) / 4)
        # At the small margin every answer is a warning, the first where both are alike.
        assert least["distance_1"] == pytest.approx((0 + 1 + 4 + 4) / 4 if moved else (4 + 4 + 0 + 4) / 4)
        assert least["mistakes"] == 0.75
        assert table.header[:4] == ("method", "head", "decision", "domain")


def test_branches_by_hand(study):
    records, (table,) = hierarchy.report_branches(study, Options())
    found = {(r["branch"], r["domain"]): (r["mean"], r["classes"], r["n"]) for r in records}
    assert found == {
        ("danger warning sign", "de"): (0.5, 2, 4),
        ("danger warning sign", "us"): (1, 2, 4),
        ("regulatory sign", "de"): (0, 2, 4),
        ("regulatory sign", "us"): (1, 2, 4),
    }
    assert table.header == ("method", "head", "branch", "classes", "de", "us")


def test_runs_of_two_graphs(tmp_path):
    found = {"de": predictions("de", [0, 1, 2, 3])}
    runs = [
        write_run(tmp_path / path, found, method=method, kg__path=path)
        for method, path in (("ce", "roadsigns"), ("kgv", "artwork"))
    ]
    study = make_study([read_run(str(run)) for run in runs])
    with pytest.raises(UserError, match=r"The runs differ in their graph \(artwork, roadsigns\)"):
        hierarchy.report_severity(study, Options())
