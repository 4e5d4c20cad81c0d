"""Records as tables."""

from kgv_jax.report import rows

RECORDS = [
    {"method": "ce", "fraction": 1.0, "domain": "de", "ece": 0.123, "seeds": 2},
    {"method": "ce", "fraction": 1.0, "domain": "us", "ece": None, "seeds": 2},
]


def test_a_row_a_record():
    table = rows.tabulate("T", RECORDS, ("domain",), {"ece": rows.percent("ECE"), "seeds": rows.count("seeds")})
    assert table.header == ("method", "domain", "ECE", "seeds")
    assert table.rows == (("ce", "de", "12.3", "2"), ("ce", "us", "-", "2"))
    assert (table.labels, table.title) == (2, "T")


def test_fractions_are_shown_where_they_differ():
    low = [*RECORDS, RECORDS[0] | {"fraction": 0.1}]
    table = rows.tabulate("T", low, ("domain",), {"ece": rows.decimals("ECE", 2)})
    assert table.header == ("method", "fraction", "domain", "ECE")
    assert table.rows[2] == ("ce", "0.1", "de", "0.12")


def test_a_column_a_domain():
    table = rows.pivot("T", [*RECORDS, RECORDS[0] | {"method": "kgv"}], (), "domain", lambda r: str(r["ece"]))
    assert table.header == ("method", "de", "us")
    assert table.rows == (("ce", "0.123", "None"), ("kgv", "0.123", "-"))


def test_an_interval():
    assert rows.interval_cell({"mean": 0.5, "low": 0.25, "high": 1}) == "50.0 [25.0, 100.0]"
