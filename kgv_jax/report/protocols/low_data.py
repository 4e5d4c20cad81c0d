"""Low-data curves: accuracy by shots, or by share of the training photographs."""

from __future__ import annotations

from kgv_jax.report import curves, rows
from kgv_jax.report.protocols.base import Options, Result
from kgv_jax.report.rows import percent
from kgv_jax.report.runs import Setting, Study


def report(study: Study, options: Options) -> Result:
    """Returns accuracy, averaged over targets, by shots, shares or both, and the area under each curve."""
    results = [_curve(study, by_shots=by_shots) for by_shots in _units(study)]
    return Result(
        [record for result in results for record in result.records],
        [table for result in results for table in result.tables],
    )


def _curve(study: Study, *, by_shots: bool) -> Result:
    amounts: dict[tuple[str, str], dict[float, Setting]] = {}
    for setting, heads in study.heads.items():
        if bool(setting.shots) == by_shots:
            for head in heads if len(heads) > 1 else ("chosen",):
                amount = setting.shots if by_shots else setting.fraction
                amounts.setdefault((setting.method, head), {})[amount] = setting
    domains = study.targets or study.domains
    records = []
    for (method, head), of in amounts.items():
        correct = {
            amount: study.correct(setting, study.heads[setting][0] if head == "chosen" else head, domains)
            for amount, setting in of.items()
        }
        curve = curves.accuracy_curve(correct, study.groups(domains))
        area = None
        if len(curve) > 1:
            area = curves.area_under_curve([*curve], [interval.mean for interval in curve.values()])
        for amount, interval in curve.items():
            about = {"method": method, "head": head, "unit": "shots" if by_shots else "fraction", "amount": amount}
            records.append(about | {"area": area} | interval._asdict())
    unit = "shots" if by_shots else "shares of the training photographs"
    cells = [record | {"across": f"{record['amount']:g}"} for record in records]
    title = f"Accuracy by {unit}, mean over {', '.join(domains)}"
    table = rows.pivot(title, cells, ("head",), "across", rows.interval_cell)
    areas = list({(r["method"], r["head"]): r for r in records}.values())
    area_table = rows.tabulate("Area under the curve", areas, ("head",), {"area": percent("area")})
    return Result(records, [table, area_table])


def _units(study: Study) -> list[bool]:
    """Returns which curves there are, by shots (True) or by fractions (False): two amounts make one."""
    amounts: dict[bool, set[float]] = {True: set(), False: set()}
    for setting in study.runs:
        amounts[bool(setting.shots)].add(setting.shots or setting.fraction)
    return [by_shots for by_shots, of in amounts.items() if len(of) > 1]


def lacks(study: Study, options: Options) -> str:
    """Says whether there are fewer than two amounts of data."""
    if _units(study):
        return ""
    return "the runs have one amount of data; a curve needs runs of several config.shots or config.fraction"
