"""The shift table: accuracy by domain, and paired tests against a control."""

from __future__ import annotations

from kgv_jax.report import rows, stats
from kgv_jax.report.holm import holm
from kgv_jax.report.protocols.base import Options, Result
from kgv_jax.report.rows import Record, count, decimals, label
from kgv_jax.report.runs import Setting, Study
from kgv_jax.report.table import TARGETS, Table, summary_tables
from kgv_jax.util.errors import UserError


def report(study: Study, options: Options) -> Result:
    """Returns accuracies with intervals, their mean over targets too, and paired tests where there is a control."""
    records = []
    for setting, head, name, domains in _places(study):
        interval = stats.mean_interval_over_domains(study.correct(setting, head, domains), study.groups(domains))
        about = {"seeds": len(study.runs[setting]), "chosen": head == study.chosen[setting]}
        records.append(label(setting, head=head, domain=name) | about | interval._asdict())
    tables = summary_tables([record | {"versus": {}} for record in records], source=study.source)
    if options.control:
        tests = _paired_tests(study, options.control)
        records += tests
        tables.append(_tests_table(tests, options.control))
    return Result(records, tables)


def _places(study: Study) -> list[tuple[Setting, str, str, tuple[str, ...]]]:
    places = {domain: (domain,) for domain in study.domains} | ({TARGETS: study.targets} if study.targets else {})
    return [
        (setting, head, name, domains)
        for setting, heads in study.heads.items()
        for head in heads
        for name, domains in places.items()
    ]


def _paired_tests(study: Study, control: str) -> list[Record]:
    """Differences to the control of the same fraction and shots, over the seeds that both have; one Holm family."""
    controls = {(of.fraction, of.shots): of for of in study.settings_of(control)}
    records = []
    for setting, head, name, domains in _places(study):
        other = controls.get((setting.fraction, setting.shots))
        if setting.method == control or other is None:
            continue
        seeds = [{run.config.seed for run in study.runs[of]} for of in (setting, other)]
        if not (shared := seeds[0] & seeds[1]):
            raise UserError(
                f"{setting.name} and the control {other.name} have no seed in common ({sorted(seeds[0])} and "
                f"{sorted(seeds[1])}); a paired test needs one. Train the control with the seeds of the method."
            )
        rows_of = [[run.config.seed in shared for run in study.runs[of]] for of in (setting, other)]
        mine, theirs = (
            {domain: correct[kept] for domain, correct in study.correct(of, of_head, domains).items()}
            for of, of_head, kept in ((setting, head, rows_of[0]), (other, study.chosen[other], rows_of[1]))
        )
        found = stats.paired_difference_over_domains(mine, theirs, study.groups(domains))
        about = {"versus": control, "versus_head": study.chosen[other], "seeds": len(shared)}
        records.append(label(setting, head=head, domain=name) | about | found._asdict())
    for record, adjusted in zip(records, holm([record["p"] for record in records]), strict=True):
        record["p_holm"] = float(adjusted)
    return records


def _tests_table(tests: list[Record], control: str) -> Table:
    def signed(header: str) -> rows.Column:
        return rows.Column(header, lambda share: f"{100 * share:+.1f}")

    columns = {"mean": signed("gain"), "low": signed("from"), "high": signed("to")}
    columns |= {"seeds": count("seeds"), "p": decimals("p", 4), "p_holm": decimals("p, Holm", 4)}
    title = f"Gain over {control}, paired; Holm over the {len(tests)} tests of this table"
    return rows.tabulate(title, tests, ("head", "domain"), columns)
