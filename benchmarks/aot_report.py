"""The tables of `docs/aot.md`, made of records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.aot_cases import NO_ENCODER
from benchmarks.aot_chips import CHIPS, Bound, bound, minus
from benchmarks.aot_record import Record

BEGIN = "<!-- tables: written by `make aot` -->"
END = "<!-- end of tables -->"
_ENCODERS = {"resnet50": "ResNet-50", "vit_b16": "ViT-B/16", NO_ENCODER: "(none)"}


def with_tables(page: str, records: Sequence[Record]) -> str:
    """Returns the page with its tables, between two marks, replaced by those of the records."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"The page has no place for tables: {BEGIN} and {END}.")
    return f"{before}{BEGIN}\n\n{tables(records)}\n{END}{after}"


def tables(records: Sequence[Record]) -> str:
    """Returns all tables as Markdown."""
    parts = [("Peaks", _chips()), ("Memory and work of one chip in one step", _steps(records))]
    parts += [("Time of a step", _times(records)), ("What the regulariser adds", _shares(records))]
    parts.append(("Collectives of a step", _collectives(records)))
    return "\n".join(f"### {title}\n\n{_markdown(rows)}" for title, rows in parts)


def pairs(records: Sequence[Record]) -> Iterator[tuple[Record, Record]]:
    """Yields every KGV record with the record of cross-entropy for the same encoder, chips, classes and effort."""
    plain = {_pair_key(record): record for record in records if record.case.method == "ce" and record.cost}
    for record in records:
        if record.case.method == "kgv" and record.cost and _pair_key(record) in plain:
            yield plain[_pair_key(record)], record


def _pair_key(record: Record) -> tuple:
    case = record.case
    return case.encoder, case.chip, case.heads, case.batch, record.effort


def _markdown(rows: Sequence[Sequence[str]]) -> str:
    head, *body = rows
    lines = [head, ["---"] * len(head), *body]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _chips() -> list[list[str]]:
    rows = [["slice", "chips", "bf16 TFLOP/s", "HBM GB", "HBM GB/s", "sent GB/s"]]
    for chip in CHIPS.values():
        rows.append(
            [chip.name, str(chip.count)]
            + [f"{value:.0f}" for value in (chip.peak_flops / 1e12, chip.hbm_bytes / 1e9)]
            + [f"{value:.0f}" for value in (chip.hbm_rate / 1e9, chip.ici_rate / 1e9)]
        )
    return rows


def _name(record: Record) -> list[str]:
    case = record.case
    graph = f"KGV, N = {case.nodes:,}" if case.method == "kgv" else "CE"
    mesh = f"{record.chip.count // case.model} x {case.model}"
    return [_ENCODERS[case.encoder], graph, f"{case.heads:,}", record.chip.name, mesh, record.effort]


_NAMES = ["encoder", "objective", "classes", "slice", "mesh", "effort"]


def _steps(records: Sequence[Record]) -> list[list[str]]:
    rows = [[*_NAMES, "arguments GB", "temporaries GB", "peak GB", "fits", "GFLOP", "GFLOP x passes", "HBM GB"]]
    for record in records:
        if record.cost is None:
            rows.append([*_name(record), "", "", "", f"no: {record.refusal}", "", "", ""])
            continue
        memory = [record.memory["arguments"], record.memory["temporaries"], record.peak_bytes]
        fits = f"{'yes' if record.fits else 'no'}, of {record.chip.hbm_bytes / 1e9:.0f}"
        work = [record.cost.flops, record.cost.pass_flops, record.cost.bytes]
        rows.append(_name(record) + [_giga(value) for value in memory] + [fits] + [_giga(value) for value in work])
    return rows


def _times(records: Sequence[Record]) -> list[list[str]]:
    rows = [[*_NAMES, "compute ms", "memory ms", "exchange ms", "bound ms", "limit", "compiler's estimate ms"]]
    for record in filter(lambda record: record.cost, records):
        least = bound(record.cost, record.chip)
        estimate = record.cost.cycles / record.chip.clock + least.exchange
        rows.append([*_name(record), *_milliseconds(least), least.limit, f"{1e3 * estimate:.2f}"])
    return rows


def _milliseconds(least: Bound) -> list[str]:
    return [f"{1e3 * value:.3f}" for value in (least.compute, least.memory, least.exchange, least.step)]


def _shares(records: Sequence[Record]) -> list[list[str]]:
    rows = [[*_NAMES, "FLOPs", "FLOPs x passes", "HBM bytes", "bound", "compiler's estimate", "sent MB"]]
    for plain, record in pairs(records):
        whole, base = bound(record.cost, record.chip).step, bound(plain.cost, plain.chip).step
        more = minus(record.cost, plain.cost)
        ratios = [
            more.flops / plain.cost.flops,
            more.pass_flops / plain.cost.pass_flops,
            more.bytes / plain.cost.bytes,
            whole / base - 1,
            more.cycles / plain.cost.cycles if plain.cost.cycles else float("nan"),
        ]
        sent = sum(collective.wire_bytes for collective in more.collectives) / 1e6
        rows.append(_name(record) + [f"{100 * ratio:+.2f} %" for ratio in ratios] + [f"{sent:+.2f}"])
    return rows


def _collectives(records: Sequence[Record]) -> list[list[str]]:
    rows = [[*_NAMES, "kind", "chips together", "count", "MB"]]
    for record in filter(lambda record: record.cost, records):
        for kind, group, count, size in record.cost.collectives:
            rows.append([*_name(record), kind, str(group), str(count), f"{size / 1e6:.3g}"])
    return rows


def _giga(value: float) -> str:
    return f"{value / 1e9:.3g}"
