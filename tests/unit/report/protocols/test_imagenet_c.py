"""mCE of runs whose domains are those of ImageNet-C."""

import numpy as np
import pytest

from kgv_jax.report.protocols import imagenet_c
from kgv_jax.report.protocols.base import Options
from kgv_jax.report.protocols.imagenet_c import ALEXNET_ERRORS, corruption_errors, relative_corruption_errors
from kgv_jax.report.runs import make_study, read_run
from kgv_jax.util.errors import UserError
from tests.report_runs import predictions, write_run

WRONG = {0: [0, 1, 2, 3], 1: [0, 1, 2, 0], 2: [0, 1, 0, 0], 4: [1, 2, 3, 0]}  # so many of four


def study(root, errors, clean=1):
    found = {"de": predictions("de", WRONG[clean])}
    for name, of in errors.items():
        found |= {f"c/{name}/{k}": predictions(f"c/{name}/{k}", WRONG[wrong]) for k, wrong in enumerate(of, 1)}
    return make_study([read_run(str(write_run(root / "a", found, method="ce")))])


def test_by_hand(tmp_path):
    # The extra corruption does not count.
    found = study(tmp_path, {"snow": [1, 1, 2, 2, 4], "fog": [1] * 5, "spatter": [0] * 2})
    assert imagenet_c.lacks(found, Options()) == ""
    ((record,), (table,)) = imagenet_c.report(found, Options(baseline_clean_error=0.4))
    snow, fog = ALEXNET_ERRORS["snow"], ALEXNET_ERRORS["fog"]
    assert record["corruption_errors"] == pytest.approx({"snow": 0.5 / snow, "fog": 0.25 / fog})
    assert record["mce"] == pytest.approx((0.5 / snow + 0.25 / fog) / 2)
    assert record["relative"] == pytest.approx((0.25 / (snow - 0.4) + 0) / 2)
    assert table.header == ("method", "head", "mCE", "relative mCE", "corruptions")


def test_without_the_baselines_clean_error_there_is_no_relative_one(tmp_path):
    ((record,), (table,)) = imagenet_c.report(study(tmp_path, {"fog": [1] * 5}), Options())
    assert record["relative"] is None
    assert table.rows[0][3:] == ("-", "1")


def test_what_is_missing(tmp_path):
    assert "config.data.targets=c" in imagenet_c.lacks(study(tmp_path / "none", {}), Options())
    assert imagenet_c.lacks(study(tmp_path / "extra", {"spatter": [1] * 5}), Options())
    with pytest.raises(UserError, match=r"Of 'snow' the runs have c/snow/1, c/snow/2; mCE needs the severities 1 to 5"):
        imagenet_c.report(study(tmp_path / "few", {"snow": [1, 1]}), Options())


ERRORS = {"snow": [0.2, 0.3, 0.4, 0.5, 0.6], "fog": [0.1, 0.1, 0.1, 0.1, 0.1]}
BASELINE = {"snow": 0.8, "fog": 0.5}


def test_corruption_errors_by_hand():
    # 2.0 / 4.0 and 0.5 / 2.5.
    assert corruption_errors(ERRORS, BASELINE) == pytest.approx({"snow": 0.5, "fog": 0.2})


def test_relative_by_hand():
    # Clean 0.05, AlexNet's 0.4: (2.0 - 0.25) / (4.0 - 2.0) and (0.5 - 0.25) / (2.5 - 2.0).
    found = relative_corruption_errors(ERRORS, 0.05, BASELINE, 0.4)
    assert found == pytest.approx({"snow": 0.875, "fog": 0.5})


def test_the_baseline_has_an_error_of_one():
    errors = {name: np.full(5, error) for name, error in ALEXNET_ERRORS.items()}
    assert len(errors) == 15
    assert corruption_errors(errors) == pytest.approx(dict.fromkeys(errors, 1.0))


def test_a_severity_is_missing():
    with pytest.raises(ValueError, match=r"5 severities, found shape \(4,\)"):
        corruption_errors({"snow": [0.1, 0.2, 0.3, 0.4]})
