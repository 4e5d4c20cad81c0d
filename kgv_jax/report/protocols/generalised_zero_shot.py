"""Generalised zero-shot recognition: classes that the runs did not learn compete with those that they did."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kgv_jax.data.types import SEEN, UNSEEN, VALIDATION
from kgv_jax.report.protocols.base import Options, Result, check_names
from kgv_jax.report.study import Run, Study
from kgv_jax.report.zero_shot_study import GzslRun, ZeroShotStudy
from kgv_jax.util.errors import UserError


class _Roles(NamedTuple):
    """`[C]` bool each: the classes that are tested as unseen, and those that choose `gamma`."""

    unseen: np.ndarray
    validation: np.ndarray


def report(study: Study, options: Options) -> Result:
    """Returns mean seen and unseen accuracy per class, their harmonic mean and the area under their curve, over seeds.

    The predictions say which classes were not learnt, unless the options name them. Where some classes choose `gamma`,
    there is also the harmonic mean after calibrated stacking, each seed with its own `gamma`. Validation classes that
    were held out compete in no test, and tested classes in no choice.
    """
    roles = _roles(study, options)
    role = study.first.predictions(study.source).role
    classes = int(roles.unseen.sum()), int((roles.unseen | (role == SEEN)).sum())
    found = ZeroShotStudy(study, lambda run, head: _gzsl_run(run, head, study, roles), classes=classes)
    return Result(*found.report(study.heads, options.control))


def _roles(study: Study, options: Options) -> _Roles:
    role = study.first.predictions(study.source).role
    unseen = _among(study, "--unseen-classes", options.unseen_classes) if options.unseen_classes else role == UNSEEN
    validation = role == VALIDATION
    if options.validation_classes:
        validation = _among(study, "--validation-classes", options.validation_classes)
    if both := sorted(set(options.unseen_classes) & set(options.validation_classes)):
        raise UserError(f"--validation-classes and --unseen-classes both name {both[0]!r}; gamma is chosen on others.")
    return _Roles(unseen, validation & ~unseen)


def _gzsl_run(run: Run, head: str, study: Study, roles: _Roles) -> GzslRun:
    """Returns a head's GZSL outcomes; `gamma` is chosen with the validation classes in the part of unseen ones.

    It is chosen on the held-out images, where the run has held out the validation classes; else on the source's test
    images.
    """
    role = run.predictions(study.source).role
    seen = (role == SEEN) & ~roles.unseen
    tests = {
        domain: run.predictions(domain).gzsl_outcome(head, unseen=roles.unseen, seen=seen) for domain in study.domains
    }
    if not roles.validation.any():
        return GzslRun(tests, None)
    held_out = ((role == VALIDATION) & roles.validation).any()
    predictions = run.predictions(VALIDATION if held_out else study.source)
    learnt = ~(roles.unseen | roles.validation)
    return GzslRun(tests, predictions.gzsl_outcome(head, unseen=roles.validation, seen=learnt))


def _among(study: Study, flag: str, names: tuple[str, ...]) -> np.ndarray:
    classes = study.first.predictions(study.source).classes.tolist()
    check_names(flag, names, classes)
    return np.isin(classes, names)


def lacks(study: Study, options: Options) -> str:
    """Says whether no unseen class is named, and the runs have held none out."""
    if options.unseen_classes or (study.first.predictions(study.source).role == UNSEEN).any():
        return ""
    return "no class is named that was not learnt; --unseen-classes does, or config.zero_shot of the runs"
