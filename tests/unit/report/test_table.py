import io

import rich.console

from kgv_jax.report import table


def record(method, domain, accuracy, *, head="decoder", seed=0, fraction=1.0):
    return {
        "method": method,
        "seed": seed,
        "fraction": fraction,
        "domain": domain,
        "head": head,
        "accuracy": accuracy,
        "low": accuracy - 0.05,
        "high": accuracy + 0.05,
        "n": 100,
        "config_digest": "0123",
    }


RECORDS = [
    record("kgv", "CN", 0.4),
    record("kgv", "DE", 0.9),
    record("kgv", "RU", 0.5),
    record("kgv", "CN", 0.6, head="density"),
    record("kgv", "DE", 0.8, head="density"),
]


MARKDOWN = """\
| method | head    |                DE |                CN |                RU | mean over targets |
| ------ | ------- | ----------------: | ----------------: | ----------------: | ----------------: |
| kgv    | decoder | 90.0 [85.0, 95.0] | 40.0 [35.0, 45.0] | 50.0 [45.0, 55.0] |              45.0 |
| kgv    | density | 80.0 [75.0, 85.0] | 60.0 [55.0, 65.0] |                 - |                 - |"""


def test_records_become_markdown():
    assert table.markdown(table.records_table(RECORDS, source="DE")) == MARKDOWN


def test_a_record_of_the_targets_brings_its_interval():
    made = table.records_table([*RECORDS, record("kgv", "targets", 0.45)], source="DE")
    assert made.header[2:] == ("DE", "CN", "RU", "mean over targets")
    assert [row[-1] for row in made.rows] == ["45.0 [40.0, 50.0]", "-"]


def test_a_source_without_targets_has_no_mean_over_them():
    assert table.records_table([record("ce", "DE", 0.5)], source="DE").header == ("method", "head", "DE")


def test_a_bar_in_a_name_does_not_end_the_cell():
    text = table.markdown(table.records_table([record("ce", "a|b", 0.5)], source="a|b"))
    assert "a\\|b" in text and len({line.replace("\\|", "").count("|") for line in text.splitlines()}) == 1


def test_columns_that_report_rows_apart_are_shown():
    several = [record("ce", "DE", 0.5, seed=seed, fraction=f) for seed in (0, 1) for f in (1.0, 0.1)]
    found = table.records_table(several, source="DE")
    assert found.header == ("method", "fraction", "seed", "head", "DE")
    assert [row[:3] for row in found.rows] == [
        ("ce", "1.0", "0"),
        ("ce", "0.1", "0"),
        ("ce", "1.0", "1"),
        ("ce", "0.1", "1"),
    ]


def test_a_curve_over_alpha_shows_what_is_held_out_and_leaves_it_out_of_the_mean():
    accuracies = {"validation": 0.9, "DE": 0.8, "CN": 0.2, "RU": 0.4}
    curve = [record("ce", domain, accuracy) | {"alpha": alpha} for alpha in (0.0, 1.0)
             for domain, accuracy in accuracies.items()]  # fmt: skip
    found = table.records_table(curve, source="DE", held_out=("validation",))
    assert found.header == ("method", "head", "alpha", "DE", "validation", "CN", "RU", "mean over targets")
    assert [row[2] for row in found.rows] == ["0.0", "1.0"]
    assert {row[-1] for row in found.rows} == {"30.0"}


def test_a_pipe_gets_markdown_and_a_terminal_a_rendered_table():
    made = table.records_table(RECORDS, source="DE")
    pipe, terminal = io.StringIO(), io.StringIO()
    table.print_tables([made], console=rich.console.Console(file=pipe))
    table.print_tables([made], console=rich.console.Console(file=terminal, force_terminal=True, width=200))
    assert pipe.getvalue() == table.markdown(made) + "\n\n"
    assert "90.0 [85.0, 95.0]" in terminal.getvalue() and "| ---" not in terminal.getvalue()


def test_a_class_name_in_brackets_is_no_markup():
    out = io.StringIO()
    made = table.Table(("a", "[red]"), (("x", "[bold]1"),), labels=1)
    table.print_tables([made], console=rich.console.Console(file=out, force_terminal=True, width=80))
    assert "[red]" in out.getvalue() and "[bold]1" in out.getvalue()


VALUES = [
    {"method": "ce", "fraction": 1.0, "domain": "de", "ece": 0.123, "seeds": 2},
    {"method": "ce", "fraction": 1.0, "domain": "us", "ece": None, "seeds": 2},
]


def test_every_record_has_a_row():
    made = table.tabulate("T", VALUES, ("domain",), {"ece": table.percent("ECE"), "seeds": table.count("seeds")})
    assert made.header == ("method", "domain", "ECE", "seeds")
    assert made.rows == (("ce", "de", "12.3", "2"), ("ce", "us", "-", "2"))
    assert (made.labels, made.title) == (2, "T")


def test_fractions_are_shown_where_they_differ():
    low = [*VALUES, VALUES[0] | {"fraction": 0.1}]
    made = table.tabulate("T", low, ("domain",), {"ece": table.decimals("ECE", 2)})
    assert made.header == ("method", "fraction", "domain", "ECE")
    assert made.rows[2] == ("ce", "0.1", "de", "0.12")


def test_every_domain_has_a_column():
    made = table.pivot("T", [*VALUES, VALUES[0] | {"method": "kgv"}], (), "domain", lambda r: str(r["ece"]))
    assert made.header == ("method", "de", "us")
    assert made.rows == (("ce", "0.123", "None"), ("kgv", "0.123", "-"))


def test_an_interval():
    assert table.interval_text({"mean": 0.5, "low": 0.25, "high": 1}) == "50.0 [25.0, 100.0]"


def test_shots_have_a_column_beside_fractions():
    records = [record("ce", "DE", 0.5), record("ce", "DE", 0.4) | {"shots": 4}]
    assert table.records_table([r | {"shots": r.get("shots", 0)} for r in records], source="DE").header[:3] == (
        "method", "shots", "head",
    )  # fmt: skip
