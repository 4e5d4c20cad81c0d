"""One page of a comparison: chosen heads, every amount of data, gains with p-values corrected over the whole page."""

from kgv_jax.report.overview import overview_table


def _row(method, domain, mean, *, fraction=1.0, p=None, head="decoder", chosen=True):
    versus = {} if p is None else {"ce": {"mean": mean - 0.3, "low": -0.01, "high": 0.2, "p": p}}
    return {
        "method": method, "domain": domain, "fraction": fraction, "head": head, "chosen": chosen, "seeds": 3,
        "mean": mean, "low": mean - 0.05, "high": mean + 0.05, "versus": versus,
    }  # fmt: skip


def test_a_row_a_method_with_holms_p():
    summary = [
        _row("ce", "de", 0.9), _row("ce", "targets", 0.3),
        _row("ce", "de", 0.5, fraction=0.1), _row("ce", "targets", 0.2, fraction=0.1),
        _row("kgv", "de", 0.8, p=0.9), _row("kgv", "targets", 0.4, p=0.01),
        _row("kgv", "targets", 0.99, p=1e-9, head="combined", chosen=False),
        _row("kgv", "de", 0.6, fraction=0.1), _row("kgv", "targets", 0.35, fraction=0.1, p=0.02, head="density"),
        _row("ale", "targets", 0.25, p=0.4),
    ]  # fmt: skip
    table = overview_table(summary, source="de")
    assert table.header == ("method", "head", "100 %: de", "mean over targets", "over ce",
                            "10 %: de", "mean over targets", "over ce")  # fmt: skip
    assert table.title.endswith("corrected for 3 tests")
    ce, kgv, ale = table.rows
    assert ce == ("ce", "decoder", "90.0 [85.0, 95.0]", "30.0 [25.0, 35.0]", "-",
                  "50.0 [45.0, 55.0]", "20.0 [15.0, 25.0]", "-")  # fmt: skip
    # Of 0.01, 0.02 and 0.4: three times the first, twice the second, the third as it is.
    assert kgv[1] == "decoder, density"
    assert kgv[4] == "+10.0 [-1.0, +20.0], p = 0.030" and kgv[7] == "+5.0 [-1.0, +20.0], p = 0.040"
    assert ale[2:] == ("-", "25.0 [20.0, 30.0]", "-5.0 [-1.0, +20.0], p = 0.400", "-", "-", "-")


def test_another_control():
    rows = [_row("kgv", "targets", 0.4, p=0.01), _row("shuffled_kg", "targets", 0.3)]
    rows[0]["versus"]["shuffled_kg"] = rows[0]["versus"].pop("ce")
    table = overview_table(rows, source="de", control="shuffled_kg")
    assert table.header[-1] == "over shuffled_kg" and table.rows[0][-1].endswith("p = 0.010")
