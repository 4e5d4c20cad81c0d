"""The shift table: accuracy by domain, and paired tests against a control."""

from __future__ import annotations

from kgv_jax.report import stats
from kgv_jax.report.paired import corrected, gain_table, paired_gain
from kgv_jax.report.protocols.base import Options, Result
from kgv_jax.report.study import Setting, Study
from kgv_jax.report.summary import summary_tables
from kgv_jax.report.table import Record


def report(study: Study, options: Options) -> Result:
    """Returns accuracies with intervals, their mean over targets too, and paired tests where there is a control."""
    records = []
    for setting, head, name, domains in _averaged(study):
        interval = stats.mean_interval_over_domains(study.correct(setting, head, domains), study.groups(domains))
        about = {"seeds": len(study.runs[setting]), "chosen": head == study.chosen[setting]}
        records.append(setting.label(head=head, domain=name) | about | interval._asdict())
    tables = summary_tables([record | {"versus": {}} for record in records], source=study.source)
    if options.control:
        tests = corrected(_paired_tests(study, options.control))
        records += tests
        tables.append(gain_table(f"Gain over {options.control}", tests))
    return Result(records, tables)


def _averaged(study: Study) -> list[tuple[Setting, str, str, tuple[str, ...]]]:
    """Returns setting, head, name and the domains that are averaged under that name, for all that is reported."""
    return [
        (setting, head, name, domains)
        for setting, heads in study.heads.items()
        for head in heads
        for name, domains in study.averaged.items()
    ]


def _paired_tests(study: Study, control: str) -> list[Record]:
    """Returns the differences to the control of the same fraction and shots, over the seeds that both have."""
    records = []
    for setting, head, name, domains in _averaged(study):
        if other := study.control_of(setting, control):
            gain = paired_gain(study, setting, head, other, domains)
            about = {"versus": control, "versus_head": gain.control_head, "seeds": len(gain.seeds)}
            records.append(setting.label(head=head, domain=name) | about | gain.difference._asdict())
    return records
