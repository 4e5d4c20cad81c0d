"""Prints what scikit-learn, torchmetrics and statsmodels give for figures that reports print.

    .venv-peers/bin/python -m benchmarks.peers.report_values

Logits are `3 sin(1), 3 sin(2), ...`, `[60, 4]`, float64, with labels `(i + floor(i^2 / 3)) mod 4`; the first forty
images are of known classes, the last twenty of unknown ones. `tests/unit/report/test_peers.py` holds ours against the
numbers.
"""

from __future__ import annotations

import importlib.metadata
import json

import numpy as np
import torch
from sklearn import metrics
from statsmodels.stats.multitest import multipletests
from torchmetrics.functional.classification import multiclass_calibration_error

PACKAGES = ("scikit-learn", "torchmetrics", "statsmodels")


def main() -> None:
    logits = 3 * np.sin(np.arange(1, 241, dtype=np.float64)).reshape(60, 4)
    index = np.arange(60)
    label = (index + index**2 // 3) % 4
    p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    best, confidence, known = p.argmax(-1), p.max(-1), index < 40
    false, true, _ = metrics.roc_curve(known, confidence, drop_intermediate=False)
    order = np.argsort(-confidence, kind="stable")
    coverage = np.arange(1, 61) / 60
    found = {
        "nll": metrics.log_loss(label, p, labels=range(4)),
        "brier": metrics.brier_score_loss(label, p, labels=range(4), scale_by_half=False),
        "auroc": metrics.roc_auc_score(known, confidence),
        "fpr95": float(false[np.argmax(true >= 0.95)]),
        "per_class_accuracy": metrics.balanced_accuracy_score(label, best),
        "ece": multiclass_calibration_error(torch.tensor(p), torch.tensor(label), 4, n_bins=15, norm="l1").item(),
        "area_of_accuracy": metrics.auc(np.log(coverage), np.cumsum(best[order] == label[order]) / np.arange(1, 61)),
        "holm": multipletests(confidence[:6] ** 20, method="holm")[1].tolist(),
    }
    print(*(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES), sep=", ")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
