"""`python -m kgv_jax.main --config=FILE --workdir=DIR`: train and evaluate one run; `kgv train` and `kgv eval` too.

`--mode=eval --workdir=DIR` evaluates the newest checkpoint again; it needs no config file. With `--kg.path=NEW` it
evaluates with another graph: classes that this one adds are recognised by their facts, without training
(`docs/zero_shot.md`).
"""

from __future__ import annotations

import sys
from typing import Any

from absl import flags

from kgv_jax.config.flags import Command, Options, require_config, run_command
from kgv_jax.util.errors import UserError


def define_train(own: flags.FlagValues) -> None:
    """Defines the flags of training, `--config` apart."""
    flags.DEFINE_string("workdir", None, "Folder of the run.", own)
    define_plugin(own)


def define_evaluation(own: flags.FlagValues) -> None:
    """Defines the flags of evaluation."""
    define_train(own)
    flags.DEFINE_string("kg.path", None, "Another graph than the one the run was trained with.", own)


def define_plugin(own: flags.FlagValues) -> None:
    """Defines `--plugin`."""
    about = "Python file that adds methods, encoders or data sets; it is imported before the config is read."
    flags.DEFINE_multi_string("plugin", [], about, own)


def _define(own: flags.FlagValues) -> None:
    define_evaluation(own)
    flags.DEFINE_enum("mode", "train", ["train", "eval"], "Train (and evaluate), or evaluate a trained run.", own)


def run(options: Options) -> None:
    """Does what `--mode` says."""
    if options.mode == "eval":
        evaluate(options)
    else:
        train(options)


def train(options: Options) -> None:
    """Trains and evaluates; shows the results of a run that is finished. Reads the config, and only then starts JAX."""
    from kgv_jax.config import schema
    from kgv_jax.run.workdir import Workdir

    workdir = Workdir(_require_workdir(options.workdir))
    if path := getattr(options, "kg_path", None):
        raise UserError(f"--kg.path={path} is for --mode=eval; training takes the graph of --config.kg.path={path}.")
    config = schema.resolve(require_config(options))
    workdir.claim(config)
    records = workdir.read_results()
    if records is None:
        records = _job(lambda trainer: trainer.train_and_evaluate(config, workdir))
    _print_tables(records, config, workdir)


def evaluate(options: Options) -> None:
    """Evaluates the newest checkpoint of a run, with another graph if one is given."""
    from kgv_jax.run.workdir import Workdir

    if options.workdir and options.operands:
        raise UserError(f"The run is named twice, {options.operands[0]!r} and --workdir={options.workdir}; name one.")
    workdir = Workdir(_require_workdir(options.workdir or "".join(options.operands)))
    config = workdir.read_config()
    if options.kg_path is not None:
        records = _job(lambda trainer: trainer.evaluate_with_graph(config, workdir, options.kg_path))
    else:
        records = _job(lambda trainer: trainer.evaluate_only(config, workdir))
    _print_tables(records, config, workdir)


def _require_workdir(path: str | None) -> str:
    if not path:
        raise UserError("--workdir is missing; name the folder of the run: --workdir=runs/NAME.")
    return path


def _job(job: Any) -> list[dict]:
    """Starts JAX, and calls `job` with the module `train`."""
    from kgv_jax.parallel import distributed

    distributed.start()
    from kgv_jax import train as trainer

    return job(trainer)


def _print_tables(records: list[dict], config: Any, workdir: Any) -> None:
    from kgv_jax.data.types import VALIDATION
    from kgv_jax.report.table import print_tables, records_table

    tables = [records_table(records, source=config.data.source)]
    if curve := workdir.read_records("wise_ft.json"):
        tables.insert(0, records_table(curve, source=config.data.source, held_out=(VALIDATION,)))
    print_tables(tables)


COMMAND = Command(
    "python -m kgv_jax.main",
    "Trains a run and evaluates it.",
    "python -m kgv_jax.main --config=configs/roadsigns.py:quick --workdir=runs/quick",
    run=run,
    define=_define,
    takes_config=True,
    shows_notes=True,
    about="`--mode=eval --workdir=DIR` evaluates a trained run again, with `--kg.path=FILE` on another graph. "
    "`kgv settings` lists what --config.SETTING=VALUE can set.",
)


def without_config(arguments: list[str]) -> list[str]:
    """Returns the arguments with `--kg.path` for `--config.kg.path` where no config file is given."""
    if any(argument == "--config" or argument.startswith("--config=") for argument in arguments):
        return arguments
    return [
        "--" + argument.removeprefix("--config.") if argument.startswith("--config.kg.path") else argument
        for argument in arguments
    ]


if __name__ == "__main__":
    sys.argv[1:] = without_config(sys.argv[1:])
    sys.exit(run_command(COMMAND))
