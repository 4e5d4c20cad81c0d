"""mCE of ImageNet-C, worked out by hand."""

import numpy as np
import pytest

from kgv_jax.report.corruption import ALEXNET_ERRORS, corruption_errors, relative_corruption_errors

ERRORS = {"snow": [0.2, 0.3, 0.4, 0.5, 0.6], "fog": [0.1, 0.1, 0.1, 0.1, 0.1]}
BASELINE = {"snow": 0.8, "fog": 0.5}


def test_by_hand():
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
