"""`kgv settings [WORD]`: the settings of a config, from the schema."""

from __future__ import annotations

from kgv_jax.config.describe import describe
from kgv_jax.config.flags import Options
from kgv_jax.report.table import Table, print_tables


def run(options: Options) -> None:
    """Prints the settings whose name or meaning has the word, or all."""
    rows = describe(*options.operands)
    # As they are typed, so that a line can be copied.
    lines = tuple((f"--config.{name}", kind, default, allowed, about) for name, kind, default, allowed, about in rows)
    print_tables([Table(("setting", "type", "default", "range or choices", "meaning"), lines, labels=5)])
