"""Unknown-class detection: by node densities, maximum softmax and energy."""

from __future__ import annotations

import numpy as np

from kgv_jax.report import detection
from kgv_jax.report.protocols.base import Options, Result, check_names
from kgv_jax.report.study import Setting, Study
from kgv_jax.report.table import count, percent, tabulate
from kgv_jax.run.predictions import Predictions
from kgv_jax.util.errors import UserError


def report(study: Study, options: Options) -> Result:
    """Returns AUROC and FPR95 of every score that a method has, averaged over seeds."""
    columns = {"auroc": percent("AUROC"), "fpr95": percent("FPR95")}
    columns |= {"known": count("known"), "unknown": count("unknown")}
    known = _known_classes(study, options)
    records = []
    for setting in study.runs:
        for name, (field, score) in detection.SCORES.items():
            if not getattr(study.predictions(setting, study.source)[0], field).shape[-1]:
                continue
            for where, pairs in _known_and_unknown(study, setting, options, known).items():
                scored = [[score(getattr(p, field)[which][:, known]) for p, which in pair] for pair in pairs]
                values = {
                    "auroc": float(np.mean([detection.auroc(*pair) for pair in scored])),
                    "fpr95": float(np.mean([detection.false_positive_rate(*pair) for pair in scored])),
                    "known": len(scored[0][0]),
                    "unknown": len(scored[0][1]),
                }
                records.append(setting.label(score=name, domain=where) | values)
    if not records:
        raise UserError(
            f"No domain has images both of {', '.join(options.unknown_classes)} and of other classes; name a "
            "domain with --unknown-domains."
        )
    return Result(records, [tabulate("Unknown classes", records, ("score", "domain"), columns)])


_Some = tuple[Predictions, np.ndarray]  # predictions, and `[n]` bool: which of their images


def _known_and_unknown(
    study: Study, setting: Setting, options: Options, known: np.ndarray
) -> dict[str, list[tuple[_Some, _Some]]]:
    """Returns name -> for every seed the known images and the unknown ones."""
    found = {}
    for domain in options.unknown_domains:
        pairs = zip(study.predictions(setting, study.source), study.predictions(setting, domain), strict=True)
        found[domain] = [((a, np.isin(a.label, known)), (b, np.ones(len(b.label), bool))) for a, b in pairs]
    for domain in study.domains if options.unknown_classes else ():
        if domain not in options.unknown_domains:
            of_domain = study.predictions(setting, domain)
            is_known = np.isin(of_domain[0].label, known)
            if 0 < is_known.sum() < len(is_known):
                found[domain] = [((p, is_known), (p, ~is_known)) for p in of_domain]
    return found


def _known_classes(study: Study, options: Options) -> np.ndarray:
    """Returns the labels of the classes that the runs know."""
    classes = study.first.predictions(study.source).classes.tolist()
    check_names("--unknown-classes", options.unknown_classes, classes)
    check_names("--unknown-domains", options.unknown_domains, study.targets)
    return np.flatnonzero(~np.isin(classes, options.unknown_classes))


def lacks(study: Study, options: Options) -> str:
    """Says whether nothing unknown is named."""
    if options.unknown_domains or options.unknown_classes:
        return ""
    return "no unknown images are named; --unknown-domains=NAMES or --unknown-classes=NAMES do"
