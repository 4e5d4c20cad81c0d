"""`kgv report RUN ...`: protocols from the predictions files of finished runs.

    kgv report runs/table/{ce,kgv}/fraction1/seed* --control=ce
    kgv report runs/a linear=runs/b --protocol=calibration,severity --json=report.json

A run is the folder that --workdir named, or NAME=FOLDER to report it under another name than its method's. Seeds of one
method are averaged. Without --protocol every protocol is printed that the runs and the options allow.
"""

from __future__ import annotations

import json
import pathlib
from collections.abc import Iterable

from kgv_jax.config.flags import Options as Flags
from kgv_jax.report.protocols.base import Options
from kgv_jax.report.protocols.registry import PROTOCOLS
from kgv_jax.report.runs import Study, make_study, read_run
from kgv_jax.report.table import print_tables
from kgv_jax.util.errors import UserError, nearest


def run(given: Flags) -> None:
    """Prints the protocols, and writes their numbers as JSON if a file is named."""
    wanted = _unique(given.protocol)
    for name in wanted:
        if name not in PROTOCOLS:
            raise UserError(f"--protocol names {name!r}{nearest(name, PROTOCOLS)}; there are {', '.join(PROTOCOLS)}.")
    options = Options(
        control=given.control,
        baselines=_unique(given.baselines) or _unique([given.control]),
        unknown_domains=_unique(given.unknown_domains),
        unknown_classes=_unique(given.unknown_classes),
        unseen_classes=_unique(given.unseen_classes),
        validation_classes=_unique(given.validation_classes),
        baseline_clean_error=given.baseline_clean_error,
    )
    study = make_study([read_run(text) for text in given.operands], head=given.head)
    for method in filter(None, (options.control, *options.baselines)):
        study.settings_of(method)
    records = {
        name: result for name in wanted or PROTOCOLS if (result := _print_protocol(name, study, options, bool(wanted)))
    }
    if given.json:
        try:
            pathlib.Path(given.json).write_text(json.dumps(records, indent=1, allow_nan=False) + "\n")
        except OSError as error:
            raise UserError(f"--json={given.json} cannot be written ({error.strerror}); name another file.") from error


def _print_protocol(name: str, study: Study, options: Options, is_named: bool) -> list[dict] | None:
    """Prints a protocol and returns its records; one that cannot be is an error if it was asked for by name."""
    protocol = PROTOCOLS[name]
    if lack := protocol.lacks(study, options):
        if is_named:
            raise UserError(f"--protocol={name}: {lack}.")
        print(f"{name}: left out, {lack}.\n")
        return None
    result = protocol.report(study, options)
    print_tables(result.tables)
    return result.records


def _unique(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in map(str.strip, names) if name))
