"""From records of compiled programs to tables, and what one program adds to another."""

import dataclasses

import numpy as np
import pytest

from benchmarks.aot import report as aot_report
from benchmarks.aot.cases import Case, make_mask
from benchmarks.aot.hlo import Collective, Cost
from benchmarks.aot.record import Record, from_line, read_records, to_line, write_records

_MEMORY = {"arguments": 10**9, "outputs": 0, "temporaries": 2 * 10**9, "code": 10**8}


def _record(encoder, method, flops, *, collective=100, **case):
    cost = Cost(flops, flops, 10 * flops, 2 * flops, (Collective("all-reduce", 256, 1, collective),))
    return Record(Case(encoder, method, "v5e", **case), "full", "digest", 1.0, _MEMORY, cost)


RECORDS = [
    _record("resnet50", "ce", 1000.0),
    _record("none", "ce", 10.0),
    _record("none", "kgv", 60.0, collective=300, nodes=82_000),
    _record("resnet50", "kgv", 1100.0),
]


def test_what_kgv_adds_whole_and_as_a_sum_of_parts():
    parts, whole = aot_report.additions(RECORDS)
    assert (parts.whole, whole.whole) == (False, True)
    assert parts.plain is whole.plain is RECORDS[0]
    assert parts.shares["flops"] == 50 / 1000 and whole.shares["flops"] == 100 / 1000
    assert parts.more.collectives == (Collective("all-reduce", 256, 0, 200),)
    assert not list(aot_report.additions(RECORDS[1:2] + RECORDS[3:])), "nothing to compare with"


def test_a_step_fits_or_does_not():
    small = RECORDS[0]
    assert small.peak_bytes == 3.1e9 and small.fits
    large = Record(small.case, "full", "d", 1.0, _MEMORY | {"temporaries": 15 * 10**9}, small.cost)
    refused = Record(small.case, "low", "d", 1.0, {}, None, "RESOURCE_EXHAUSTED: 20 G of 16 G")
    assert not large.fits and not refused.fits
    assert "no: RESOURCE_EXHAUSTED" in aot_report.tables([refused])


def test_records_outlive_the_process(tmp_path):
    path = tmp_path / "results" / "aot.jsonl"
    assert read_records(path) == []
    write_records(path, [*RECORDS, RECORDS[0]])
    assert read_records(path) == RECORDS
    refused = Record(RECORDS[0].case, "low", "d", 1.0, {}, None, "RESOURCE_EXHAUSTED")
    assert from_line(to_line(refused)) == refused


def test_what_the_compiler_could_not_estimate():
    """Records written before its mark was known have it in their sum; no table shows that as a time."""
    sums = [record.cost._replace(cycles=3.0 * (2**63 - 1)) for record in RECORDS[::3]]
    written = [dataclasses.replace(record, cost=cost) for record, cost in zip(RECORDS[::3], sums, strict=True)]
    read = [from_line(to_line(record)) for record in written]
    assert [record.cost.cycles for record in read] == [None, None]
    assert [from_line(to_line(record)) for record in read] == read
    (addition,) = aot_report.additions(read)
    assert addition.shares["compiler's estimate"] is None and addition.shares["flops"] == 0.1
    assert aot_report.tables(read).count("| not estimated |") == 3, "two steps, and what one adds to the other"
    assert "not estimated" not in aot_report.tables(RECORDS)


def test_tables_go_between_the_marks():
    page = f"before\n{aot_report.BEGIN}\nold\n{aot_report.END}\nafter\n"
    filled = aot_report.with_tables(page, RECORDS)
    assert filled.startswith("before\n") and filled.endswith("after\n") and "old" not in filled
    assert "| ResNet-50 (sum of parts) | N = 82,000, C = 1,000 |" in filled
    assert aot_report.with_tables(filled, RECORDS) == filled
    with pytest.raises(ValueError, match="no place for tables"):
        aot_report.with_tables("nothing", RECORDS)


@pytest.mark.parametrize("relations", [2, 3])
def test_the_mask_of_a_case_is_one_that_a_graph_could_have(relations):
    case = Case("none", "kgv", "v5e", nodes=64, heads=8, relations=relations)
    mask = make_mask(case)
    cells = [(*cell,) for entries in (mask.positive, mask.ignored_negatives) for cell in _cells(entries)]
    assert len(set(cells)) == len(cells), "no cell is both, none is twice"
    for entries in (mask.positive, mask.ignored_negatives):
        assert list(_cells(entries)) == sorted(_cells(entries))
    table = mask.table
    assert table.shape == (8, relations, 64)
    np.testing.assert_array_equal((table == 1).sum(-1), [[1, 13] + [2] * (relations - 2)] * 8)
    np.testing.assert_array_equal((table[:, 0] == -1).sum(-1), 7)  # the other classes


def _cells(entries):
    rows = np.repeat(np.arange(len(entries.start) - 1), np.diff(entries.start))
    return zip(rows.tolist(), entries.relation.tolist(), entries.node.tolist(), strict=True)
