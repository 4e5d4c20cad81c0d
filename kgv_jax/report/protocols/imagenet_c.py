"""Mean corruption error on the domains c/<corruption>/<severity>."""

from __future__ import annotations

import numpy as np

from kgv_jax.report import corruption, rows
from kgv_jax.report.protocols.base import Options, Result
from kgv_jax.report.rows import count, label, percent
from kgv_jax.report.runs import Study
from kgv_jax.util.errors import UserError


def report(study: Study, options: Options) -> Result:
    """Returns mCE, and relative mCE where the baseline's clean error is given."""
    domains = _corruption_domains(study)
    columns = {"mce": percent("mCE"), "relative": percent("relative mCE"), "corruptions": count("corruptions")}
    records = []
    for setting, heads in study.heads.items():
        for head in heads:
            errors = {
                name: [1 - study.correct(setting, head, (domain,))[domain].mean() for domain in of]
                for name, of in domains.items()
            }
            clean = 1 - study.correct(setting, head, (study.source,))[study.source].mean()
            absolute, relative = corruption.corruption_errors(errors), None
            if options.baseline_clean_error is not None:
                of_each = corruption.relative_corruption_errors(
                    errors, clean, corruption.ALEXNET_ERRORS, options.baseline_clean_error
                )
                relative = float(np.mean([*of_each.values()]))
            record = label(setting, head=head) | {"mce": float(np.mean([*absolute.values()])), "relative": relative}
            records.append(record | {"corruptions": len(errors), "corruption_errors": absolute})
    title = "Mean corruption error, AlexNet = 100"
    return Result(records, [rows.tabulate(title, records, ("head",), columns)])


def _corruption_domains(study: Study) -> dict[str, list[str]]:
    """Returns corruption -> its five domains, `c/<corruption>/<severity>`; extra ones do not count for mCE."""
    found: dict[str, list[str]] = {}
    for domain in sorted(study.targets):
        kind, name, *_ = [*domain.split("/"), ""]
        if kind == "c" and name in corruption.ALEXNET_ERRORS:
            found.setdefault(name, []).append(domain)
    for name, domains in found.items():
        if len(domains) != corruption.SEVERITIES:
            raise UserError(
                f"Of {name!r} the runs have {', '.join(domains)}; mCE needs the severities 1 to "
                f"{corruption.SEVERITIES}. Evaluate with config.data.targets=c."
            )
    return found


def lacks(study: Study, options: Options) -> str:
    """Says whether there is no corruption."""
    if _corruption_domains(study):
        return ""
    return "the runs have no domain c/<corruption>/<severity> of ImageNet-C; evaluate with config.data.targets=c"
