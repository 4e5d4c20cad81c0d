"""The numbers of an explanation as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kgv_jax.report.table import Table

_BETTER = {"deletion": "deletion (low)", "insertion": "insertion (high)"}


def trust_table(records: Sequence[Mapping[str, Any]]) -> Table:
    """Returns a row a map and a column a measure, in percent with 95 % intervals; of records of `measure.trust`."""
    maps, measures = (list(dict.fromkeys(record[key] for record in records)) for key in ("map", "measure"))
    found = {(record["map"], record["measure"]): record for record in records}
    rows = [(name, *(_interval(found[name, m]) if (name, m) in found else "-" for m in measures)) for name in maps]
    header = ("map", *(_BETTER.get(name, name) for name in measures))
    return Table(header, tuple(rows), 1, f"Grad-CAM of {records[0]['n']} photographs, %")


def similarity_table(records: Sequence[Mapping[str, Any]]) -> Table:
    """Returns a row for every layer down to which weights are random; of records of `randomised.similarities`."""
    rows = [(record["down to"], f"{record['correlation']:.2f}") for record in records]
    return Table(("weights drawn anew down to", "rank correlation"), tuple(rows), 1, "Maps that stay alike")


def _interval(record: Mapping[str, Any]) -> str:
    return "{:.1f} [{:.1f}, {:.1f}]".format(*(100 * record[key] for key in ("mean", "low", "high")))
