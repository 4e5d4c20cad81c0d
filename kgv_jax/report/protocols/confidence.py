"""Calibration of a head's probabilities, and its accuracy where it may decline to answer."""

from __future__ import annotations

import numpy as np
from scipy.special import log_softmax

from kgv_jax.report import calibration, selective
from kgv_jax.report.detection import max_softmax
from kgv_jax.report.protocols.base import Options, Result
from kgv_jax.report.study import Study
from kgv_jax.report.table import decimals, percent, tabulate
from kgv_jax.run.predictions import Predictions

_COVERAGES = (0.5, 0.8)


def report_calibration(study: Study, options: Options) -> Result:
    """Returns ECE, Brier score and log-likelihood, averaged over seeds."""
    columns = {
        "accuracy": percent("accuracy"),
        "confidence": percent("confidence"),
        "ece": percent("ECE"),
        "ece_equal_mass": percent("ECE, equal mass"),
        "brier": decimals("Brier"),
        "nll": decimals("NLL"),
    }
    records = []
    for setting, head, domain, predictions in study.each_head():
        values = np.mean([_calibration_of(of_seed, head) for of_seed in predictions], axis=0).tolist()
        records.append(setting.label(head=head, domain=domain) | dict(zip(columns, values, strict=True)))
    title = f"Calibration, {calibration.BINS} bins"
    return Result(records, [tabulate(title, records, ("head", "domain"), columns)])


def _calibration_of(predictions: Predictions, head: str) -> tuple[float, ...]:
    log_p = _log_probabilities(predictions, head)
    confidence, correct = np.exp(log_p.max(-1)), predictions.correct(head)
    return (
        correct.mean(),
        confidence.mean(),
        calibration.expected_calibration_error(confidence, correct),
        calibration.expected_calibration_error(confidence, correct, equal_mass=True),
        calibration.brier_score(log_p, predictions.label),
        calibration.negative_log_likelihood(log_p, predictions.label),
    )


def _log_probabilities(predictions: Predictions, head: str) -> np.ndarray:
    """Returns `[n, C]`, normalised: the mean of two heads in log space does not sum to one."""
    return log_softmax(predictions.log_probabilities(head).astype(np.float64), -1)


def report_selective(study: Study, options: Options) -> Result:
    """Returns accuracies at coverages and the area under the risk-coverage curve, averaged over seeds."""
    columns = {"accuracy": percent("accuracy")}
    columns |= {f"at_{share:g}": percent(f"at {100 * share:.0f} % coverage") for share in _COVERAGES}
    columns |= {"aurc": percent("AURC"), "excess": percent("excess AURC")}
    records = []
    for setting, head, domain, predictions in study.each_head():
        values = np.mean([_selective_of(of_seed, head) for of_seed in predictions], axis=0).tolist()
        records.append(setting.label(head=head, domain=domain) | dict(zip(columns, values, strict=True)))
    return Result(records, [tabulate("Selective accuracy", records, ("head", "domain"), columns)])


def _selective_of(predictions: Predictions, head: str) -> tuple[float, ...]:
    correct, confidence = predictions.correct(head), max_softmax(predictions.log_probabilities(head))
    return (
        correct.mean(),
        *(selective.accuracy_at(share, confidence, correct) for share in _COVERAGES),
        selective.area_under_risk_coverage(confidence, correct),
        selective.excess_area(confidence, correct),
    )
