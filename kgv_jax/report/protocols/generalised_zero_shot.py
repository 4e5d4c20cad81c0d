"""Generalised zero-shot recognition: classes that the runs did not learn compete with those that they did."""

from __future__ import annotations

import numpy as np

from kgv_jax.predictions import Predictions
from kgv_jax.report import rows, zero_shot
from kgv_jax.report.protocols.base import Options, Result
from kgv_jax.report.rows import decimals, each_head, label, percent
from kgv_jax.report.runs import Study
from kgv_jax.util.errors import UserError, nearest


def report(study: Study, options: Options) -> Result:
    """Returns seen and unseen accuracy a class, their harmonic mean and the area under their curve, over seeds.

    With validation classes also the mean after calibrated stacking: `gamma` is what divides these, as unseen ones, best
    from the other seen classes on the source, each seed for itself.
    """
    unseen = _among(study, "--unseen-classes", options.unseen_classes)
    held_out = _among(study, "--validation-classes", options.validation_classes)
    if both := sorted(set(options.unseen_classes) & set(options.validation_classes)):
        raise UserError(f"--validation-classes and --unseen-classes both name {both[0]!r}; gamma is chosen on others.")
    columns = {"seen": percent("seen"), "unseen": percent("unseen"), "harmonic": percent("harmonic mean")}
    columns |= {"ausuc": percent("AUSUC")}
    if options.validation_classes:
        columns |= {"calibrated": percent("harmonic, calibrated"), "gamma": decimals("gamma", 2)}
    records = []
    for setting, head, domain, predictions in each_head(study):
        if not 0 < unseen[predictions[0].label].sum() < len(predictions[0].label):
            continue
        at_home = study.predictions(setting, study.source)
        found = [_of_seed(*seed, head, unseen, held_out) for seed in zip(predictions, at_home, strict=True)]
        means = {name: float(np.mean([values[name] for values in found])) for name in found[0]}
        records.append(label(setting, head=head, domain=domain) | means)
    if not records:
        raise UserError("No domain has photographs both of the unseen classes and of others; name other classes.")
    return Result(records, [rows.tabulate("Generalised zero-shot", records, ("head", "domain"), columns)])


def _of_seed(
    predictions: Predictions, source: Predictions, head: str, unseen: np.ndarray, held_out: np.ndarray
) -> dict[str, float]:
    scores = predictions.log_probabilities(head)
    curve = zero_shot.seen_unseen_curve(scores, predictions.label, unseen)
    values = zero_shot.seen_unseen(scores, predictions.label, unseen)._asdict()
    values["ausuc"] = zero_shot.area_under_curve(curve)
    if held_out.any():
        kept = ~unseen[source.label]
        own = source.log_probabilities(head)[kept]
        own = np.where(unseen, -np.inf, own)
        values["gamma"] = zero_shot.choose_gamma(own, source.label[kept], held_out)
        at = zero_shot.seen_unseen(scores, predictions.label, unseen, gamma=values["gamma"])
        values["calibrated"] = at.harmonic
    return values


def _among(study: Study, flag: str, names: tuple[str, ...]) -> np.ndarray:
    classes = study.first.predictions[study.source].classes.tolist()
    for name in names:
        if name not in classes:
            some = ", ".join(classes[:10]) + (", ..." if len(classes) > 10 else "")
            raise UserError(f"{flag} names {name!r}{nearest(name, classes)}; the runs have {some}.")
    return np.isin(classes, names)


def lacks(study: Study, options: Options) -> str:
    """Says whether no unseen class is named."""
    return "" if options.unseen_classes else "no class is named that was not learnt; --unseen-classes=NAMES does"
