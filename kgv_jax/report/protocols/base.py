"""What a protocol is: from runs and options to records and tables."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

from kgv_jax.report.rows import Record
from kgv_jax.report.runs import Study
from kgv_jax.report.table import Table


@dataclasses.dataclass(frozen=True)
class Options:
    """What protocols need besides runs.

    Attributes:
      control: method that others are tested against; empty: no tests.
      baselines: methods whose runs give the line of effective robustness.
      unknown_domains: domains whose photographs show classes that the runs do not know.
      unknown_classes: classes that the runs do not know, among those of their files.
      unseen_classes: classes that the runs did not learn and yet may choose (generalised zero-shot).
      validation_classes: learnt classes on which calibrated stacking chooses its `gamma`.
      baseline_clean_error: AlexNet's error on clean images, for the relative mCE.
    """

    control: str = ""
    baselines: tuple[str, ...] = ()
    unknown_domains: tuple[str, ...] = ()
    unknown_classes: tuple[str, ...] = ()
    unseen_classes: tuple[str, ...] = ()
    validation_classes: tuple[str, ...] = ()
    baseline_clean_error: float | None = None


class Result(NamedTuple):
    """Numbers, and the same as tables."""

    records: list[Record]
    tables: list[Table]


class Protocol(NamedTuple):
    """A protocol.

    Attributes:
      report: makes the result.
      lacks: says what the runs or the options lack for it, and what to do; "" if nothing.
    """

    report: Callable[[Study, Options], Result]
    lacks: Callable[[Study, Options], str] = lambda study, options: ""
