"""`python -m kgv_jax.main --config=FILE --workdir=DIR`: train and evaluate one run.

`--mode=eval --workdir=DIR` evaluates the newest checkpoint again; it needs no config file. With `--kg.path=NEW` it
evaluates with another graph: classes that this one adds are recognised by their facts, without training
(`docs/zero_shot.md`).
"""

from __future__ import annotations

import sys

from absl import flags
from ml_collections import config_flags

from kgv_jax.config import schema as config_schema
from kgv_jax.config.flags import run_command
from kgv_jax.run.workdir import Workdir
from kgv_jax.util.cache import keep_compiled_programs
from kgv_jax.util.errors import UserError

_CONFIG = config_flags.DEFINE_config_file("config", None, "Config file; `FILE.py:quick` names a variant.")
_WORKDIR = flags.DEFINE_string("workdir", None, "Folder of the run.")
_GRAPH = flags.DEFINE_string("kg.path", None, "With --mode=eval: another graph than the one the run was trained with.")
_MODE = flags.DEFINE_enum("mode", "train", ["train", "eval"], "train (and evaluate), or evaluate a trained run.")


def main(argv: list[str]) -> None:
    """Reads the config, and only then starts JAX."""
    if len(argv) > 1:
        raise UserError(f"Unknown argument {argv[1]!r}; settings are given as --config.NAME=VALUE.")
    if not _WORKDIR.value:
        raise UserError("--workdir is missing; name the folder of the run: --workdir=runs/NAME.")
    workdir = Workdir(_WORKDIR.value)
    if _GRAPH.value is not None and _MODE.value != "eval":
        raise UserError(
            f"--kg.path={_GRAPH.value} is for --mode=eval; training takes the graph of --config.kg.path={_GRAPH.value}."
        )
    if _MODE.value == "eval":
        config = workdir.read_config()
    elif _CONFIG.value is None:
        raise UserError("--config is missing; name a config file, such as --config=configs/roadsigns.py:quick.")
    else:
        config = config_schema.resolve(_CONFIG.value)
        workdir.claim(config)
    records = workdir.read_results() if _MODE.value == "train" else None
    if records is None:
        records = _run(config, workdir)
    from kgv_jax.data.types import VALIDATION
    from kgv_jax.report.table import print_tables, records_table

    tables = [records_table(records, source=config.data.source)]
    if curve := workdir.read_records("wise_ft.json"):
        tables.insert(0, records_table(curve, source=config.data.source, held_out=(VALIDATION,)))
    print_tables(tables)


def _run(config: config_schema.Config, workdir: Workdir) -> list[dict]:
    keep_compiled_programs()
    from kgv_jax.parallel import distributed

    distributed.start()
    from kgv_jax import train

    if _GRAPH.value is not None:
        return train.evaluate_with_graph(config, workdir, _GRAPH.value)
    job = train.evaluate_only if _MODE.value == "eval" else train.train_and_evaluate
    return job(config, workdir)


def _without_config(arguments: list[str]) -> list[str]:
    """Returns the arguments with `--kg.path` for `--config.kg.path` where no config file is given."""
    if any(argument.startswith("--config=") for argument in arguments):
        return arguments
    return [
        "--" + argument.removeprefix("--config.") if argument.startswith("--config.kg.path") else argument
        for argument in arguments
    ]


if __name__ == "__main__":
    sys.argv[1:] = _without_config(sys.argv[1:])
    run_command(main)
