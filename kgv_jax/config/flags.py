"""Command-line flags whose mistakes are told in one message."""

from __future__ import annotations

import logging
import pathlib
import re
import sys
from collections.abc import Callable

from absl import app, flags
from absl import logging as absl_logging

from kgv_jax.config.schema import default_config
from kgv_jax.util.compiled import keep_compiled_programs
from kgv_jax.util.errors import UserError, nearest
from kgv_jax.util.huge_pages import restart_with_huge_pages


def parse_flags(argv: list[str]) -> list[str]:
    """Parses `argv` into the global flags; returns what is left.

    Raises:
      UserError: for an unknown flag or setting (naming the nearest), a bad value, or a config file
        that is missing or fails.
    """
    for argument in argv[1:]:
        if argument.startswith("--config="):
            _check_exists(pathlib.Path(argument.removeprefix("--config=").partition(":")[0]))
    try:
        return flags.FLAGS(argv)
    except flags.UnrecognizedFlagError as error:
        raise UserError(f"Unknown flag --{error.flagname}{nearest(error.flagname, flags.FLAGS)}.") from error
    except flags.Error as error:
        # A config file that fails brings its whole traceback; its last line says what went wrong.
        first, *_, last = [line for line in str(error).splitlines() if line.strip()] * 2
        raise UserError(first if first == last else f"{first} {last.split(': ', 1)[-1]}") from error
    except (AttributeError, KeyError) as error:
        raise UserError(_unknown_setting(argv) or str(error)) from error


def _check_exists(path: pathlib.Path) -> None:
    if not path.is_file():
        there = sorted(str(file) for file in path.parent.glob("*.py")) if path.parent.is_dir() else []
        raise UserError(f"--config names {path}, which is no file{nearest(str(path), there)}; there are: {there}.")


def _unknown_setting(argv: list[str]) -> str | None:
    """Names the first setting on the command line that no config has, and the nearest there is."""
    for argument in argv[1:]:
        node, prefix = default_config(), "config"
        for key in re.split("[= ]", argument, maxsplit=1)[0].split(".")[1:]:
            if key not in node:
                return f"Unknown setting --{prefix}.{key}{nearest(key, node)}; {prefix} has: {', '.join(node)}."
            node, prefix = node[key], f"{prefix}.{key}"
            if not hasattr(node, "keys"):
                break
    return None


def run_command(main: Callable[[list[str]], None]) -> None:
    """Runs a command: a user's mistake is one message and exit code 2, never a traceback."""
    restart_with_huge_pages()
    keep_compiled_programs()  # before a config is read, which imports the methods and with them JAX
    try:
        app.run(lambda argv: _with_logging(main, argv), flags_parser=parse_flags)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


def _with_logging(main: Callable[[list[str]], None], argv: list[str]) -> None:
    # Our own notes as plain lines; of the libraries (orbax tells each write) only warnings.
    absl_logging.set_verbosity(absl_logging.WARNING)
    logging.getLogger("kgv_jax").setLevel(logging.INFO)
    absl_logging.get_absl_handler().setFormatter(logging.Formatter("%(message)s"))
    main(argv)
