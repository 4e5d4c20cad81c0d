"""Generalised zero-shot recognition: classes that the runs did not learn compete with those that they did."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from kgv_jax.predictions import SEEN, UNSEEN, VALIDATION, Predictions
from kgv_jax.report import gains, rows, stats, zero_shot, zero_shot_resampled
from kgv_jax.report.protocols.base import Options, Result
from kgv_jax.report.rows import Record, label
from kgv_jax.report.runs import Setting, Study
from kgv_jax.report.table import TARGETS
from kgv_jax.report.zero_shot_resampled import METRICS
from kgv_jax.util.errors import UserError, nearest

_HEADERS = {
    "seen": "seen",
    "unseen": "unseen",
    "harmonic": "harmonic mean",
    "ausuc": "AUSUC",
    "calibrated": "harmonic, calibrated",
}
_GRID = np.linspace(0, 1, 101)


class _Roles(NamedTuple):
    """`[C]` bool each: the classes that are tested as unseen, and those that choose `gamma`."""

    unseen: np.ndarray
    validation: np.ndarray


def report(study: Study, options: Options) -> Result:
    """Returns seen and unseen accuracy a class, their harmonic mean and the area under their curve, over seeds.

    Which classes were not learnt is in the predictions, or named by the options. Where some choose `gamma`, also the
    harmonic mean after calibrated stacking, each seed with its own `gamma`. Validation classes compete in no test, and
    tested ones in no choice.
    """
    roles = _roles(study, options)

    @functools.cache
    def measure(setting: Setting, head: str, seeds: tuple[int, ...]) -> dict[str, _Measured]:
        return _measure(study.with_seeds(seeds), setting, head, roles)

    records = [
        label(setting, head=head, domain=domain) | found.record
        for setting, heads in study.heads.items()
        for head in heads
        for domain, found in measure(setting, head, study.seeds(setting)).items()
    ]
    if not records:
        raise UserError("No domain has photographs both of the unseen classes and of others; name other classes.")
    tables = [_table(records, roles)]
    if options.control:
        tests = gains.corrected(_against(study, options.control, measure))
        records += tests
        tables.append(gains.table(f"Gain in AUSUC over {options.control}", tests))
    return Result(records, tables)


class _Measured(NamedTuple):
    """A setting, head and domain: what is reported, the metrics of each resample, and drawings of the smaller side."""

    record: Record
    resampled: dict[str, np.ndarray]
    drawings: int


def _measure(study: Study, setting: Setting, head: str, roles: _Roles) -> dict[str, _Measured]:
    """Returns what is reported of each domain that has seen and unseen classes, and of the mean over targets."""
    runs = study.runs[setting]
    gamma = [_gamma(run.predictions, study.source, head, roles) for run in runs]
    found = {}
    for domain in study.domains:
        predictions = study.predictions(setting, domain)
        if 0 < roles.unseen[predictions[0].label].sum() < len(predictions[0].label):
            found[domain] = _of_domain(domain, predictions, head, gamma, roles)
    if targets := [found[domain] for domain in found if domain != study.source]:
        means = {key: float(np.mean([of.record[key] for of in targets])) for key in METRICS}
        resampled = zero_shot_resampled.mean_over([of.resampled for of in targets])
        found[TARGETS] = _Measured(means, resampled, min(of.drawings for of in targets))
    chooses = roles.validation.any()
    for domain, (values, resampled, drawings) in found.items():
        record = {"seeds": len(runs)} | values
        for key in METRICS:
            _, low, high = stats.interval_of(values[key], resampled[key], drawings)
            record |= {f"{key}_low": low, f"{key}_high": high}
        record["gamma"] = float(np.mean(gamma))
        if not chooses:
            record = {key: value for key, value in record.items() if not key.startswith(("calibrated", "gamma"))}
        found[domain] = _Measured(record, resampled, drawings)
    return found


def _roles(study: Study, options: Options) -> _Roles:
    role = study.first.predictions[study.source].role
    unseen = _among(study, "--unseen-classes", options.unseen_classes) if options.unseen_classes else role == UNSEEN
    validation = role == VALIDATION
    if options.validation_classes:
        validation = _among(study, "--validation-classes", options.validation_classes)
    if both := sorted(set(options.unseen_classes) & set(options.validation_classes)):
        raise UserError(f"--validation-classes and --unseen-classes both name {both[0]!r}; gamma is chosen on others.")
    return _Roles(unseen, validation)


def _gamma(of_run: dict[str, Predictions], source: str, head: str, roles: _Roles) -> float:
    """Returns what divides the validation classes, as unseen ones, best from the seen ones; 0 without any.

    On the held-out pictures, where the run has held out the validation classes; else on the source's test photographs.
    """
    if not roles.validation.any():
        return 0.0
    held_out = of_run[source].role == VALIDATION
    predictions = of_run[VALIDATION if (held_out & roles.validation).any() else source]
    kept = ~roles.unseen[predictions.label]
    scores = np.where(roles.unseen, -np.inf, predictions.log_probabilities(head)[kept])
    return zero_shot.choose_gamma(scores, predictions.label[kept], roles.validation)


def _of_domain(
    domain: str, predictions: list[Predictions], head: str, gamma: list[float], roles: _Roles
) -> _Measured:
    """Returns the means over seeds, with the curve on a grid, and their resamples."""
    first = predictions[0]
    tested = roles.unseen | (first.role == SEEN)
    scores = [np.where(tested, of_seed.log_probabilities(head), -np.inf) for of_seed in predictions]
    curves = [zero_shot.seen_unseen_curve(of_seed, first.label, roles.unseen) for of_seed in scores]
    at = [
        [zero_shot.seen_unseen(of_seed, first.label, roles.unseen, gamma=shift) for shift in (0.0, own)]
        for of_seed, own in zip(scores, gamma, strict=True)
    ]
    values = {name: float(np.mean([plain._asdict()[name] for plain, _ in at])) for name in at[0][0]._fields}
    values["ausuc"] = float(np.mean([zero_shot.area_under_curve(curve) for curve in curves]))
    values["calibrated"] = float(np.mean([calibrated.harmonic for _, calibrated in at]))
    values["curve"] = np.mean([zero_shot.seen_at(curve, _GRID) for curve in curves], 0).tolist()
    drawn = zero_shot_resampled.resample(scores, first.label, first.picture, roles.unseen, gamma, domain=domain)
    of_unseen = roles.unseen[first.label]
    return _Measured(values, drawn, min(len(np.unique(first.picture[side])) for side in (of_unseen, ~of_unseen)))


def _table(records: list[Record], roles: _Roles) -> rows.Table:
    metrics = [key for key in METRICS if key in records[0]]
    shown = [record | {f"{key}_cell": _cell(record, key) for key in metrics} for record in records]
    columns = {"seeds": rows.count("seeds")}
    columns |= {f"{key}_cell": rows.Column(_HEADERS[key], str) for key in metrics}
    columns |= {"gamma": rows.decimals("gamma", 2)} if "gamma" in records[0] else {}
    title = (
        f"Generalised zero-shot: {roles.unseen.sum()} unseen of {len(roles.unseen) - roles.validation.sum()} classes"
    )
    return rows.tabulate(title, shown, ("head", "domain"), columns)


def _cell(record: Record, key: str) -> str:
    return "{:.1f} [{:.1f}, {:.1f}]".format(*(100 * record[f"{key}{end}"] for end in ("", "_low", "_high")))


def _against(
    study: Study, control: str, measure: Callable[[Setting, str, tuple[int, ...]], Mapping[str, _Measured]]
) -> list[Record]:
    """Returns differences in AUSUC to the control's chosen head, over the seeds that both have; draws are pairs."""
    controls = {(of.fraction, of.shots): of for of in study.settings_of(control)}
    tests = []
    for setting, heads in study.heads.items():
        other = controls.get((setting.fraction, setting.shots))
        if setting.method == control or other is None:
            continue
        seeds = study.shared_seeds(setting, other)
        theirs = measure(other, study.chosen[other], seeds)
        about = {"versus": control, "versus_head": study.chosen[other], "seeds": len(seeds)}
        for head in heads:
            for domain, mine in measure(setting, head, seeds).items():
                mean = mine.record["ausuc"] - theirs[domain].record["ausuc"]
                resampled = mine.resampled["ausuc"] - theirs[domain].resampled["ausuc"]
                found = stats.difference_of(mean, resampled, mine.drawings)
                tests.append(label(setting, head=head, domain=domain) | about | found._asdict())
    return tests


def _among(study: Study, flag: str, names: tuple[str, ...]) -> np.ndarray:
    classes = study.first.predictions[study.source].classes.tolist()
    for name in names:
        if name not in classes:
            some = ", ".join(classes[:10]) + (", ..." if len(classes) > 10 else "")
            raise UserError(f"{flag} names {name!r}{nearest(name, classes)}; the runs have {some}.")
    return np.isin(classes, names)


def lacks(study: Study, options: Options) -> str:
    """Says whether no unseen class is named, and the runs have held none out."""
    if options.unseen_classes or (study.first.predictions[study.source].role == UNSEEN).any():
        return ""
    return "no class is named that was not learnt; --unseen-classes does, or config.zero_shot.unseen of the runs"
