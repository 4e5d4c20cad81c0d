"""`python -m kgv_jax.report RUN [RUN ...]`: protocols from the predictions files of finished runs; starts no training.

    python -m kgv_jax.report runs/table/{ce,kgv}/fraction1/seed* --control=ce
    python -m kgv_jax.report runs/a linear=runs/b --protocol=calibration,severity --json=report.json

A run is the folder that --workdir named, or NAME=FOLDER to report it under another name than its method's. Seeds of one
method are averaged. Without --protocol every protocol is printed that the runs and the options allow.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import sys
from collections.abc import Sequence

from kgv_jax.report.protocols.base import Options
from kgv_jax.report.protocols.registry import PROTOCOLS
from kgv_jax.report.runs import Study, make_study, read_run
from kgv_jax.report.table import print_tables
from kgv_jax.run.predictions import HEADS
from kgv_jax.util.errors import UserError, nearest
from kgv_jax.util.lists import split_names


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code."""
    given = _parser().parse_args(argv)
    try:
        _report(given)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m kgv_jax.report", description="Protocols of finished runs.")
    parser.add_argument("runs", nargs="+", metavar="RUN", help="folder of a run, or NAME=FOLDER")
    parser.add_argument(
        "--protocol", default="", metavar="NAME,...", help=f"of {', '.join(PROTOCOLS)} (default: all that can be)"
    )
    parser.add_argument(
        "--head",
        default="chosen",
        choices=("chosen", "all", *HEADS),
        help="chosen: the one that the source's held-out drawings prefer (default: %(default)s)",
    )
    parser.add_argument("--control", default="", metavar="METHOD", help="method that others are tested against")
    parser.add_argument(
        "--baselines", default="", metavar="METHOD,...", help="methods whose runs give robustness its line (--control)"
    )
    parser.add_argument("--unknown-domains", default="", metavar="NAME,...", help="domains of unknown classes")
    parser.add_argument("--unknown-classes", default="", metavar="NAME,...", help="classes that were held out")
    parser.add_argument("--unseen-classes", default="", metavar="NAME,...", help="classes not learnt (zero_shot)")
    parser.add_argument("--validation-classes", default="", metavar="NAME,...", help="learnt ones that choose gamma")
    parser.add_argument(
        "--baseline-clean-error", type=float, metavar="SHARE", help="AlexNet's error without corruption: relative mCE"
    )
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write the numbers there")
    return parser


def _report(given: argparse.Namespace) -> None:
    wanted = _split(given.protocol)
    for name in wanted:
        if name not in PROTOCOLS:
            raise UserError(f"--protocol names {name!r}{nearest(name, PROTOCOLS)}; there are {', '.join(PROTOCOLS)}.")
    options = Options(
        control=given.control,
        baselines=_split(given.baselines) or _split(given.control),
        unknown_domains=_split(given.unknown_domains),
        unknown_classes=_split(given.unknown_classes),
        unseen_classes=_split(given.unseen_classes),
        validation_classes=_split(given.validation_classes),
        baseline_clean_error=given.baseline_clean_error,
    )
    study = make_study([read_run(text) for text in given.runs], head=given.head)
    for method in filter(None, (options.control, *options.baselines)):
        study.settings_of(method)
    records = {name: result for name in wanted or PROTOCOLS if (result := _run(name, study, options, bool(wanted)))}
    if given.json:
        try:
            given.json.write_text(json.dumps(records, indent=1, allow_nan=False) + "\n")
        except OSError as error:
            raise UserError(f"--json={given.json} cannot be written ({error.strerror}); name another file.") from error


def _run(name: str, study: Study, options: Options, is_named: bool) -> list[dict] | None:
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


def _split(names: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(split_names(names)))


if __name__ == "__main__":
    sys.exit(main())
