"""ImageNet-C: mean corruption error, absolute and relative (Hendrycks and Dietterich 2019, arXiv 1903.12261)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

SEVERITIES = 5

# AlexNet's error on each corruption, the mean over its five severities, as published evaluations divide by it:
# ALEXNET_ERR in github.com/google-research/augmix, imagenet.py, taken there from github.com/hendrycks/robustness;
# get_ce_alexnet() in github.com/NVlabs/FAN, utils/mce_utils.py, has the same figures.
ALEXNET_ERRORS: Mapping[str, float] = {
    "gaussian_noise": 0.886428,
    "shot_noise": 0.894468,
    "impulse_noise": 0.922640,
    "defocus_blur": 0.819880,
    "glass_blur": 0.826268,
    "motion_blur": 0.785948,
    "zoom_blur": 0.798360,
    "snow": 0.866816,
    "frost": 0.826572,
    "fog": 0.819324,
    "brightness": 0.564592,
    "contrast": 0.853204,
    "elastic_transform": 0.646056,
    "pixelate": 0.717840,
    "jpeg_compression": 0.606500,
}


def corruption_errors(
    errors: Mapping[str, npt.ArrayLike], baseline: Mapping[str, float] = ALEXNET_ERRORS
) -> dict[str, float]:
    """Returns `CE_c = sum_s E_sc / sum_s E^base_sc` of every corruption; their mean is mCE.

    Args:
      errors: corruption -> `[5]` error rates `E_sc` of the model, severities 1 to 5.
      baseline: corruption -> the mean of the baseline's five error rates.
    """
    return {name: float(_mean(errors[name]) / baseline[name]) for name in errors}


def relative_corruption_errors(
    errors: Mapping[str, npt.ArrayLike], clean: float, baseline: Mapping[str, float], baseline_clean: float
) -> dict[str, float]:
    """Returns `sum_s (E_sc - E_clean) / sum_s (E^base_sc - E^base_clean)` of every corruption.

    Args:
      errors: corruption -> `[5]` error rates of the model.
      clean: its error rate on clean images.
      baseline: corruption -> the mean of the baseline's five error rates.
      baseline_clean: the baseline's error rate on clean images.
    """
    return {name: float((_mean(errors[name]) - clean) / (baseline[name] - baseline_clean)) for name in errors}


def _mean(errors: npt.ArrayLike) -> float:
    rates = np.asarray(errors, np.float64)
    if rates.shape != (SEVERITIES,):
        raise ValueError(f"expected the error rates of {SEVERITIES} severities, found shape {rates.shape}")
    return float(rates.mean())
