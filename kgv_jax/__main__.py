"""`kgv COMMAND ...` or `python -m kgv_jax COMMAND ...`: the one command; `commands/table.py` lists its parts.

Help and completion read the table alone. Code of a command, and with it numpy or JAX, is imported once it runs.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import kgv_jax
from kgv_jax.commands.table import COMMANDS
from kgv_jax.config.flags import Command, command_list, guarded, run_command, wants_help
from kgv_jax.util.errors import UserError, nearest

_TITLE = """\
usage: kgv COMMAND ...

Trains image classifiers that a knowledge graph guides, and measures what the knowledge is worth on images of another
domain. `kgv demo` is a first look.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command that the arguments name, those of this process by default; returns its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given and given[0] == "--version":
        return guarded(_print_version)
    if not given or wants_help(given[:1]):
        return guarded(lambda: _print_help(exit_code=0 if given else 2))
    return guarded(lambda: _dispatch(given, is_process=arguments is None))


def _dispatch(given: list[str], *, is_process: bool) -> int:
    command, rest = _find(given)
    if command.commands:  # help of a group
        return run_command(command, ["--help"])
    if not is_process:
        return run_command(command, rest)
    sys.argv = [command.name, *rest]
    return run_command(command)


def _find(given: Sequence[str]) -> tuple[Command, list[str]]:
    """Returns the command that the first words name, and the other words; a group where its help is asked for.

    Raises:
      UserError: a word names no command.
    """
    group, known, rest = "kgv", COMMANDS, list(given)
    while True:
        by_word = {command.word: command for command in known}
        word = rest.pop(0)
        if word not in by_word:
            guess = nearest(word, by_word) or "."
            raise UserError(f"There is no command `{group} {word}`{guess} The commands are {', '.join(by_word)}.")
        command = by_word[word]
        if not command.commands or wants_help(rest[:1]):
            return command, rest
        if not rest:
            words = ", ".join(sub.word for sub in command.commands)
            raise UserError(f"{command.name} needs one more word: {words}. Example: {command.example}")
        group, known = command.name, command.commands


def _print_help(*, exit_code: int) -> int:
    print(_TITLE)
    print(command_list("Commands, each with an example:", COMMANDS))
    print("\n`kgv COMMAND --help` explains a command; `kgv --version` prints the version.")
    return exit_code


def _print_version() -> None:
    print(f"kgv-jax {kgv_jax.__version__}")


if __name__ == "__main__":
    sys.exit(main())
