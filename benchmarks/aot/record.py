"""What is kept of a compiled program: one JSON line, found again as long as the program is the same."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import pathlib
import time
from collections.abc import Iterable
from typing import Any

import jax
from jax.errors import JaxRuntimeError

from benchmarks.aot import hlo
from benchmarks.aot.cases import Case
from benchmarks.aot.chips import CHIPS, Chip

EFFORTS = {"full": 0.0, "low": -1.0}


@dataclasses.dataclass(frozen=True)
class Record:
    """A compiled case.

    Attributes:
      case: the program.
      effort: "full", or "low": the compiler searches less, so that FLOPs and collectives are those of "full", and
        bytes and temporaries no less.
      program: digest of the program before compilation, and of the compiler's version.
      seconds: the compilation took.
      memory: bytes on each chip: `arguments`, `outputs` (those that reuse arguments left out), `temporaries`, `code`.
      cost: what one chip does in a step.
      refusal: why the compiler refused, if it did: the program does not fit.
    """

    case: Case
    effort: str
    program: str
    seconds: float
    memory: dict[str, int]
    cost: hlo.Cost | None
    refusal: str = ""

    @property
    def chip(self) -> Chip:
        return CHIPS[self.case.chip]

    @property
    def peak_bytes(self) -> int:
        return sum(self.memory.values())

    @property
    def fits(self) -> bool:
        return not self.refusal and self.peak_bytes <= self.chip.hbm_bytes


def digest(lowered: jax.stages.Lowered, version: str) -> str:
    """Returns what changes when the program or the compiler does."""
    return hashlib.sha256(f"{version}\n{lowered.as_text()}".encode()).hexdigest()[:16]


def compile_case(case: Case, lowered: jax.stages.Lowered, *, effort: str, program: str) -> Record:
    """Compiles a program for its chips and reads the result."""
    start = time.perf_counter()
    jax.config.update("jax_exec_time_optimization_effort", EFFORTS[effort])
    jax.config.update("jax_memory_fitting_effort", EFFORTS[effort])
    try:
        compiled = lowered.compile()
    except JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        return Record(case, effort, program, time.perf_counter() - start, {}, None, str(error).partition("\n")[0])
    seconds = time.perf_counter() - start
    stats = compiled.memory_analysis()
    memory = {
        "arguments": stats.argument_size_in_bytes,
        "outputs": stats.output_size_in_bytes - stats.alias_size_in_bytes,
        "temporaries": stats.temp_size_in_bytes,
        "code": stats.generated_code_size_in_bytes,
    }
    return Record(
        case, effort, program, seconds, memory, hlo.cost(hlo.read_module(compiled.as_text()), open_loops=open_loop)
    )


def open_loop(loop: hlo.Instruction) -> int:
    """Returns how often a loop of the streamed score is taken to run, of those whose end depends on data.

    Rows of scores are computed again where they may be wrong (`scoring/tile.py`): none, so long as variances are not
    tiny. That loop carries which rows are left, first. A row leaves out its exceptions sixteen at a time: once a tile.
    """
    return 0 if loop.shapes[0].dtype == "pred" else 1


def to_line(record: Record) -> str:
    """Returns the record as one line of JSON."""
    values = dataclasses.asdict(record)
    if record.cost:
        values["cost"] = record.cost._asdict() | {"collectives": [c._asdict() for c in record.cost.collectives]}
    return json.dumps(values)


def from_line(line: str) -> Record:
    """Reads what `to_line` wrote."""
    values: dict[str, Any] = json.loads(line)
    values["case"] = Case(**values["case"])
    if cost := values["cost"]:
        # Records from before the compiler's mark was known have it in their sum.
        if cost["cycles"] is not None and cost["cycles"] >= hlo.NO_ESTIMATE:
            cost["cycles"] = None
        cost["collectives"] = tuple(hlo.Collective(**collective) for collective in cost["collectives"])
        values["cost"] = hlo.Cost(**cost)
    return Record(**values)


def read_records(path: pathlib.Path) -> list[Record]:
    """Returns the records of a file, the newest of each case and effort; none if there is no file."""
    if not path.exists():
        return []
    found = map(from_line, path.read_text(encoding="utf-8").splitlines())
    return list({(record.case, record.effort): record for record in found}.values())


def write_records(path: pathlib.Path, records: Iterable[Record]) -> None:
    """Writes records, one a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{to_line(record)}\n" for record in records), encoding="utf-8")
