"""What a protocol is: a function from a study of runs and options to records and tables."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import NamedTuple

from kgv_jax.report.study import Study
from kgv_jax.report.table import Record, Table
from kgv_jax.util.errors import UserError, nearest


@dataclasses.dataclass(frozen=True)
class Options:
    """What protocols need besides runs.

    Attributes:
      control: method that others are tested against; empty: no tests.
      baselines: methods whose runs give the line of effective robustness.
      unknown_domains: domains whose images show classes that the runs do not know.
      unknown_classes: classes that the runs do not know, among those of their files.
      unseen_classes: classes that the runs did not learn and yet may choose (generalised zero-shot).
      validation_classes: classes that were learnt, on which calibrated stacking chooses its `gamma`.
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
    """Records, and the same as tables."""

    records: list[Record]
    tables: list[Table]


class Protocol(NamedTuple):
    """A protocol.

    Attributes:
      report: makes the result.
      lacks: returns what the runs or the options lack for it, and what to do; "" if nothing.
    """

    report: Callable[[Study, Options], Result]
    lacks: Callable[[Study, Options], str] = lambda study, options: ""


def check_names(option: str, names: Sequence[str], known: Sequence[str]) -> None:
    """Checks that an option names nothing but classes or domains that the runs have.

    Raises:
      UserError: a name is not among the known ones.
    """
    for name in names:
        if name not in known:
            some = ", ".join(known[:10]) + (", ..." if len(known) > 10 else "")
            raise UserError(f"{option} names {name!r}{nearest(name, known)}; the runs have {some or 'none'}.")
