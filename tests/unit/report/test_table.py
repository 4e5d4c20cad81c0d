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


def summary_row(method, domain, mean, *, fraction=1.0, versus=None):
    return {
        "method": method,
        "fraction": fraction,
        "domain": domain,
        "head": "combined",
        "seeds": 3,
        "mean": mean,
        "low": mean - 0.02,
        "high": mean + 0.02,
        "versus": versus or {},
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
    assert table.format_table(RECORDS, source="DE") == MARKDOWN


def test_a_record_of_the_targets_brings_its_interval():
    made = table.records_table([*RECORDS, record("kgv", "targets", 0.45)], source="DE")
    assert made.header[2:] == ("DE", "CN", "RU", "mean over targets")
    assert [row[-1] for row in made.rows] == ["45.0 [40.0, 50.0]", "-"]


def test_a_source_without_targets_has_no_mean_over_them():
    assert table.records_table([record("ce", "DE", 0.5)], source="DE").header == ("method", "head", "DE")


def test_a_bar_in_a_name_does_not_end_the_cell():
    text = table.format_table([record("ce", "a|b", 0.5)], source="a|b")
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


def test_a_fraction_has_a_table_of_accuracies_and_one_of_gains_over_controls():
    gain = {"mean": 0.046, "low": 0.021, "high": 0.07, "p": 0.0002}
    loss = {"mean": -0.01, "low": -0.03, "high": 0.01, "p": 0.4}
    rows = [
        summary_row("ce", "targets", 0.4),
        summary_row("ce", "DE", 0.9),
        summary_row("kgv", "DE", 0.9),
        summary_row("kgv", "targets", 0.446, versus={"attribute_bce": loss, "ce": gain}),
        summary_row("attribute_bce", "targets", 0.45, versus={"ce": gain}),
        summary_row("kgv", "DE", 0.7, fraction=0.1),
    ]
    full, gains, tenth = table.summary_tables(rows, source="DE")
    assert full.title == "100 % of the training images: accuracy"
    assert tenth.title == "10 % of the training images: accuracy"
    assert full.header == ("method", "head", "seeds", "DE", "mean over targets")
    assert full.rows[0] == ("ce", "combined", "3", "90.0 [88.0, 92.0]", "40.0 [38.0, 42.0]")
    assert gains.header == ("method", "head", "over ce", "over attribute_bce")
    assert gains.rows[0] == ("ce", "combined", "-", "-")  # in the order of the methods
    assert gains.rows[1] == ("kgv", "combined", "+4.6 [+2.1, +7.0], p < 0.001", "-1.0 [-3.0, +1.0], p = 0.400")
    assert table.summary_text(rows, source="DE").count("**") == 6


def test_shots_have_tables_of_their_own_beside_fractions():
    gain = {"mean": 0.01, "low": 0.0, "high": 0.02, "p": 0.05}
    rows = [
        summary_row("ce", "targets", 0.4),  # of before there were shots
        summary_row("ce", "targets", 0.2) | {"shots": 4},
        summary_row("kgv", "targets", 0.3, versus={"ce": gain}) | {"shots": 4},
        summary_row("ce", "targets", 0.1) | {"shots": 1},
    ]
    assert [made.title for made in table.summary_tables(rows, source="DE")] == [
        "100 % of the training images: accuracy",
        "4 training images of every class: accuracy",
        "4 training images of every class: gain on the mean over targets",
        "1 training image of every class: accuracy",
    ]
    records = [record("ce", "DE", 0.5), record("ce", "DE", 0.4) | {"shots": 4}]
    assert table.records_table([r | {"shots": r.get("shots", 0)} for r in records], source="DE").header[:3] == (
        "method", "shots", "head",
    )  # fmt: skip


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


def test_the_chosen_head_is_starred_and_can_stand_alone():
    rows = [
        summary_row("kgv", "CN", 0.4) | {"chosen": True},
        summary_row("kgv", "CN", 0.3) | {"head": "decoder", "chosen": False},
    ]
    (made,) = table.summary_tables(rows, source="DE")
    assert [row[1] for row in made.rows] == ["combined *", "decoder"]
    assert [row["head"] for row in table.chosen_only(rows)] == ["combined"]
