"""The protocols by name, in the order in which they are printed."""

from __future__ import annotations

from collections.abc import Mapping

from kgv_jax.report.protocols import (
    confidence,
    effective_robustness,
    generalised_zero_shot,
    hierarchy,
    imagenet_c,
    low_data,
    shift,
    unknown_classes,
)
from kgv_jax.report.protocols.base import Protocol

PROTOCOLS: Mapping[str, Protocol] = {
    "shift": Protocol(shift.report),
    "robustness": Protocol(effective_robustness.report, effective_robustness.lacks),
    "calibration": Protocol(confidence.report_calibration),
    "selective": Protocol(confidence.report_selective),
    "detection": Protocol(unknown_classes.report, unknown_classes.lacks),
    "zero_shot": Protocol(generalised_zero_shot.report, generalised_zero_shot.lacks),
    "severity": Protocol(hierarchy.report_severity),
    "branches": Protocol(hierarchy.report_branches),
    "curve": Protocol(low_data.report, low_data.lacks),
    "corruption": Protocol(imagenet_c.report, imagenet_c.lacks),
}
