"""Compiles the real training steps for TPU slices, on a CPU: what they hold, do and send. One JSON line per figure.

    python -m benchmarks.aot                    # every case, 1 to 5 minutes each; goes on where it was cut off
    python -m benchmarks.aot --only='resnet50 .* v5e' --effort=low

Nothing is allocated and no TPU is needed: libtpu compiles for a described slice (`benchmarks/aot/requirements.txt`).
A case whose program has not changed is taken from `--records`. The tables go into `--report`.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import os
import pathlib
import re
import sys
from collections.abc import Iterator
from typing import Any

import jax
from jax.experimental import topologies

from benchmarks import harness
from benchmarks.aot.cases import NO_ENCODER, Case, lower
from benchmarks.aot.chips import CHIPS, bound
from benchmarks.aot.record import EFFORTS, Record, compile_case, digest, read_records, write_records
from benchmarks.aot.report import additions, with_tables
from kgv_jax.util.errors import UserError


def _cases() -> Iterator[tuple[Case, str]]:
    """Yields every case and the compiler's effort for it: full on v5e, whose memory is smallest, low on the others."""
    # 16 chips are one side of 16 x 16 and two sides of 4 x 4 x 4; an axis of the mesh has to be whole sides.
    split = {"model": 16, "images": "data model"}
    small, middle, large = {"nodes": 1860}, {"nodes": 82_000, **split}, {"nodes": 1_000_000, "heads": 22_000, **split}
    for chip in CHIPS:
        effort = "full" if chip == "v5e" else "low"
        for encoder in (NO_ENCODER, "resnet50", "vit_b16"):
            yield Case(encoder, "ce", chip), effort
            for graph in (small, middle):
                yield Case(encoder, "kgv", chip, **graph), effort
        yield Case(NO_ENCODER, "ce", chip, nodes=1_000_000, heads=22_000), effort
        yield Case(NO_ENCODER, "kgv", chip, **large), effort
    # The same graph on a mesh that does not split it, and with images split over `data` alone.
    for model in (1, 16):
        yield Case(NO_ENCODER, "kgv", "v5e", nodes=82_000, model=model), "full"


def find_devices(chip: str) -> Any:
    """Returns the devices of a slice, described and not present."""
    return topologies.get_topology_desc(platform="tpu", topology_name=CHIPS[chip].topology).devices


def run(case: Case, effort: str, known: dict[tuple[Case, str], Record]) -> Record:
    """Returns the record of a case: the known one if its program is the same, else a new one."""
    lowered = lower(case, find_devices(case.chip))
    program = digest(lowered, importlib.metadata.version("libtpu"))
    if (case, effort) in known and known[case, effort].program == program:
        return known[case, effort]
    return compile_case(case, lowered, effort=effort, program=program)


def _by_case(path: pathlib.Path) -> dict[tuple[Case, str], Record]:
    return {(record.case, record.effort): record for record in read_records(path)}


def print_figures(records: list[Record]) -> None:
    """Prints the bound of every step, and the regulariser's share of it."""
    for record in filter(lambda record: record.cost, records):
        least = bound(record.cost, record.chip)
        case = f"{record.case}, {record.effort} effort"
        parts = {name: float(f"{value:.4g}") for name, value in least._asdict().items()}
        memory = {"peak_gb": round(record.peak_bytes / 1e9, 3), "fits": record.fits}
        harness.print_figure("aot.step_bound", least.step, "s", against="public peaks", case=case, **parts, **memory)
    for addition in additions(records):
        shares = {name: float(f"{share:.4g}") for name, share in addition.shares.items() if share is not None}
        plain, graph = addition.plain.case, addition.case.case
        harness.print_figure(
            "step.regulariser_overhead",
            shares.pop("bound"),
            "more time, by the bound of the compiled programs",
            against="cross-entropy alone",
            case=f"{plain.encoder}, {graph}" + ("" if addition.whole else ", sum of parts"),
            **shares,
        )


def _prepare() -> None:
    if importlib.util.find_spec("libtpu") is None:
        raise UserError("This Python has no libtpu, the TPU compiler. Run `make aot`, which installs it beside .venv.")
    os.environ.setdefault("TPU_SKIP_MDS_QUERY", "1")  # no TPU machine, so no metadata server to ask
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("ALLOW_MULTIPLE_LIBTPU_LOAD", "1")  # two compilations share no chip
    jax.config.update("jax_platforms", "cpu")
    # Its key holds no slice that is only described; records are what is kept.
    jax.config.update("jax_enable_compilation_cache", False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="regular expression that a case's name must hold")
    parser.add_argument("--effort", choices=tuple(EFFORTS), help="of the compiler; each case's own if left out")
    parser.add_argument("--records", type=pathlib.Path, default=pathlib.Path("benchmarks/aot/results.jsonl"))
    parser.add_argument("--report", type=pathlib.Path, default=pathlib.Path("docs/aot.md"))
    args = parser.parse_args()
    try:
        _prepare()
    except UserError as error:
        parser.exit(2, f"error: {error}\n")
    for case, effort in _cases():
        if not re.search(args.only, str(case)):
            continue
        record = run(case, args.effort or effort, _by_case(args.records))
        # Read again: another process may have added some while this one compiled.
        known = _by_case(args.records) | {(case, record.effort): record}
        write_records(args.records, known.values())
        args.report.write_text(with_tables(args.report.read_text(encoding="utf-8"), list(known.values())), "utf-8")
        print(f"{case}: {record.seconds:.0f} s, {record.effort} effort", file=sys.stderr, flush=True)
    print_figures(read_records(args.records))


if __name__ == "__main__":
    main()
