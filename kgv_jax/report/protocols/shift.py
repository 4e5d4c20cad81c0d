"""The shift table: accuracy by domain, and paired tests against a control."""

from __future__ import annotations

from kgv_jax.report import gains, stats
from kgv_jax.report.protocols.base import Options, Result
from kgv_jax.report.rows import Record, label
from kgv_jax.report.runs import Setting, Study
from kgv_jax.report.table import TARGETS, summary_tables


def report(study: Study, options: Options) -> Result:
    """Returns accuracies with intervals, their mean over targets too, and paired tests where there is a control."""
    records = []
    for setting, head, name, domains in _places(study):
        interval = stats.mean_interval_over_domains(study.correct(setting, head, domains), study.groups(domains))
        about = {"seeds": len(study.runs[setting]), "chosen": head == study.chosen[setting]}
        records.append(label(setting, head=head, domain=name) | about | interval._asdict())
    tables = summary_tables([record | {"versus": {}} for record in records], source=study.source)
    if options.control:
        tests = gains.corrected(_paired_tests(study, options.control))
        records += tests
        tables.append(gains.table(f"Gain over {options.control}", tests))
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
    """Differences to the control of the same fraction and shots, over the seeds that both have; by domain."""
    controls = {(of.fraction, of.shots): of for of in study.settings_of(control)}
    records = []
    for setting, head, name, domains in _places(study):
        other = controls.get((setting.fraction, setting.shots))
        if setting.method == control or other is None:
            continue
        shared = study.shared_seeds(setting, other)
        mine, theirs = (
            study.with_seeds(shared).correct(of, of_head, domains)
            for of, of_head in ((setting, head), (other, study.chosen[other]))
        )
        found = stats.paired_difference_over_domains(mine, theirs, study.groups(domains))
        about = {"versus": control, "versus_head": study.chosen[other], "seeds": len(shared)}
        records.append(label(setting, head=head, domain=name) | about | found._asdict())
    return records
