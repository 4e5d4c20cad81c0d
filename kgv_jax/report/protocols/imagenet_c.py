"""ImageNet-C: mean corruption error on the domains c/<corruption>/<severity>, absolute and relative.

Hendrycks and Dietterich 2019, arXiv 1903.12261.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from kgv_jax.report.protocols.base import Options, Result
from kgv_jax.report.study import Study
from kgv_jax.report.table import count, percent, tabulate
from kgv_jax.util.errors import UserError

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


def report(study: Study, options: Options) -> Result:
    """Returns mCE, and relative mCE where the baseline's clean error is given."""
    domains = _corruption_domains(study)
    columns = {"mce": percent("mCE"), "relative": percent("relative mCE"), "corruptions": count("corruptions")}
    records = []
    for setting, heads in study.heads.items():
        for head in heads:
            errors = {
                name: [1 - study.correct(setting, head, (domain,))[domain].mean() for domain in of]
                for name, of in domains.items()
            }
            clean = 1 - study.correct(setting, head, (study.source,))[study.source].mean()
            absolute, relative = corruption_errors(errors), None
            if options.baseline_clean_error is not None:
                of_each = relative_corruption_errors(errors, clean, ALEXNET_ERRORS, options.baseline_clean_error)
                relative = float(np.mean([*of_each.values()]))
            record = setting.label(head=head) | {"mce": float(np.mean([*absolute.values()])), "relative": relative}
            records.append(record | {"corruptions": len(errors), "corruption_errors": absolute})
    title = "Mean corruption error, AlexNet = 100"
    return Result(records, [tabulate(title, records, ("head",), columns)])


def _corruption_domains(study: Study) -> dict[str, list[str]]:
    """Returns corruption -> its five domains, `c/<corruption>/<severity>`; extra ones do not count for mCE."""
    found: dict[str, list[str]] = {}
    for domain in sorted(study.targets):
        kind, name, *_ = [*domain.split("/"), ""]
        if kind == "c" and name in ALEXNET_ERRORS:
            found.setdefault(name, []).append(domain)
    for name, domains in found.items():
        if len(domains) != SEVERITIES:
            raise UserError(
                f"Of {name!r} the runs have {', '.join(domains)}; mCE needs the severities 1 to "
                f"{SEVERITIES}. Evaluate with config.data.targets=c."
            )
    return found


def lacks(study: Study, options: Options) -> str:
    """Says whether there is no"""
    if _corruption_domains(study):
        return ""
    return "the runs have no domain c/<corruption>/<severity> of ImageNet-C; evaluate with config.data.targets=c"
