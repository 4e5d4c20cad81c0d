"""The tables of `docs/aot.md`, made of records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from benchmarks.aot import hlo
from benchmarks.aot.cases import NO_ENCODER
from benchmarks.aot.chips import CHIPS, Bound, bound, estimate, minus, plus
from benchmarks.aot.record import Record

BEGIN = "<!-- tables: written by `make aot` -->"
END = "<!-- end of tables -->"
_NOT_ESTIMATED = "not estimated"
_ENCODERS = {"resnet50": "ResNet-50", "vit_b16": "ViT-B/16", NO_ENCODER: "(none)"}


def with_tables(page: str, records: Sequence[Record]) -> str:
    """Returns the page with its tables, between two marks, replaced by those of the records."""
    records = sorted(records, key=_order)
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


def _order(record: Record) -> tuple:
    case = record.case
    place = list(CHIPS).index(case.chip), list(_ENCODERS).index(case.encoder)
    return *place, case.method, case.nodes, case.heads, case.model, case.images


class Addition(NamedTuple):
    """What KGV adds to a step of cross-entropy, `plain`. `case` names the graph, `more` is what one chip does more."""

    plain: Record
    case: Record
    more: hlo.Cost
    whole: bool

    @property
    def shares(self) -> dict[str, float | None]:
        """Returns what is added as shares of the plain step; None where one of the two is not estimated."""
        chip, plain = self.plain.chip, self.plain.cost
        after = plus(plain, self.more)
        guess, plain_guess = estimate(after, chip), estimate(plain, chip)
        return {
            "flops": self.more.flops / plain.flops,
            "flops x passes": self.more.pass_flops / plain.pass_flops,
            "HBM bytes": self.more.bytes / plain.bytes,
            "bound": bound(after, chip).step / bound(plain, chip).step - 1,
            "compiler's estimate": None if guess is None or plain_guess is None else guess / plain_guess - 1,
        }


def additions(records: Sequence[Record]) -> Iterator[Addition]:
    """Yields what every compiled KGV step adds to each encoder's step of cross-entropy on the same slice.

    Of a step with an encoder it is the difference of the two whole programs. What it is without an encoder, next to
    cross-entropy without one, is added to the steps of both encoders (`whole` is false): sums of parts.
    """
    plain = {_plain_key(record): record for record in records if record.case.method == "ce" and record.cost}
    encoders = [record for record in plain.values() if record.case.encoder != NO_ENCODER]
    for record in records:
        if record.case.method == "ce" or not record.cost or _plain_key(record) not in plain:
            continue
        own = plain[_plain_key(record)]
        more = minus(record.cost, own.cost)
        if record.case.encoder != NO_ENCODER:
            yield Addition(own, record, more, whole=True)
            continue
        for base in encoders:
            if (base.case.chip, base.effort) == (record.case.chip, record.effort):
                yield Addition(base, record, more, whole=False)


def _plain_key(record: Record) -> tuple:
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
    if case.model > 1 and case.images == "data":
        mesh += ", images over `data` alone"
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
        guess = estimate(record.cost, record.chip)
        reported = _NOT_ESTIMATED if guess is None else f"{1e3 * guess:.2f}"
        rows.append([*_name(record), *_milliseconds(least), least.limit, reported])
    return rows


def _milliseconds(least: Bound) -> list[str]:
    return [f"{1e3 * value:.3f}" for value in (least.compute, least.memory, least.exchange, least.step)]


def _shares(records: Sequence[Record]) -> list[list[str]]:
    head = ["encoder", "graph", "slice", "mesh", "GFLOP", "HBM MB", "sent MB"]
    rows = []
    for addition in additions(records):
        more, (_, graph, classes, slice_, mesh, _) = addition.more, _name(addition.case)
        shares = addition.shares
        sent = sum(collective.wire_bytes for collective in more.collectives)
        rows.append(
            [
                _ENCODERS[addition.plain.case.encoder] + ("" if addition.whole else " (sum of parts)"),
                f"{graph.removeprefix('KGV, ')}, C = {classes}",
                slice_,
                mesh,
                *(_short(value) for value in (more.flops / 1e9, more.bytes / 1e6, sent / 1e6)),
                *(_NOT_ESTIMATED if share is None else f"{100 * share:.1f} %" for share in shares.values()),
            ]
        )
        head[7:] = shares
    return [head, *rows]


def _collectives(records: Sequence[Record]) -> list[list[str]]:
    rows = [[*_NAMES, "kind", "chips together", "count", "MB"]]
    for record in filter(lambda record: record.cost, records):
        for kind, group, count, size in record.cost.collectives:
            rows.append([*_name(record), kind, str(group), str(count), _short(size / 1e6)])
    return rows


def _giga(value: float) -> str:
    return _short(value / 1e9)


def _short(value: float) -> str:
    """Returns three digits, or all of those before the point."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
