"""Selective classification: what accuracy is, where a model may decline to answer."""

from __future__ import annotations

import math

import numpy as np


def risk_coverage(confidence: np.ndarray, correct: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns coverage `[n]`, `k / n`, and risk `[n]`, the error rate of the `k` most confident images.

    Images of equal confidence each count with their mean error. That is the risk expected when ties are broken at
    random, so the order of a file does not matter.

    Args:
      confidence: `[n]`, larger is more confident.
      correct: `[n]` bool.
    """
    _, group = np.unique(-np.asarray(confidence, np.float64), return_inverse=True)
    errors = np.bincount(group, ~np.asarray(correct, bool)) / np.bincount(group)
    number = np.arange(1, len(group) + 1)
    return number / len(group), np.cumsum(errors[np.sort(group)]) / number


def area_under_risk_coverage(confidence: np.ndarray, correct: np.ndarray) -> float:
    """Returns AURC, the mean risk over coverages `1/n ... 1` (Geifman, Uziel and El-Yaniv 2019, arXiv 1805.08206)."""
    return float(risk_coverage(confidence, correct)[1].mean())


def excess_area(confidence: np.ndarray, correct: np.ndarray) -> float:
    """Returns E-AURC: AURC less that of an oracle that is confident exactly where it is right (the same paper)."""
    best = area_under_risk_coverage(np.asarray(correct, np.float64), correct)
    return area_under_risk_coverage(confidence, correct) - best


def accuracy_at(coverage: float, confidence: np.ndarray, correct: np.ndarray) -> float:
    """Returns the accuracy of the `ceil(coverage n)` most confident images, `0 < coverage <= 1`."""
    _, risk = risk_coverage(confidence, correct)
    # 0.07 * 100 is a little above 7 in floating point, and would answer for one image more.
    return float(1 - risk[max(1, math.ceil(coverage * len(risk) - 1e-9)) - 1])
