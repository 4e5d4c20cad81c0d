"""Commands: what each of them takes, how its line is read, and how its mistakes are reported.

A command is a `Command`: data that says its flags, its operands and where its code is. Help pages and shell completion
are made from it, so this module imports nothing slow at its top. The flags are absl's, of every command: ml_collections
turns each `--config.x=...` into one while the config file is read, and needs absl for that. Every command has a
`FlagValues` of its own, and what absl leaves over are the operands.
"""

from __future__ import annotations

import dataclasses
import importlib
import logging
import os
import pathlib
import re
import sys
import textwrap
import types
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from absl import flags

from kgv_jax.util.errors import UserError, nearest

Options = types.SimpleNamespace
_WIDTH = 100


class Operand(NamedTuple):
    """An argument that is known by its position.

    Attributes:
      name: as help shows it.
      about: what it is.
      is_optional: whether it may be left out.
      repeats: whether more of it may follow.
    """

    name: str
    about: str
    is_optional: bool = False
    repeats: bool = False

    @property
    def usage(self) -> str:
        """How a usage line shows it."""
        name = f"{self.name} ..." if self.repeats else self.name
        return f"[{name}]" if self.is_optional else name


@dataclasses.dataclass(frozen=True)
class Command:
    """A command, or a group of commands.

    Attributes:
      name: what is typed, with the names of the groups that it is in: `kgv build-graph wordnet`.
      summary: what it does, in one sentence.
      example: a line to type.
      run: its code, as a function or as `module:function`; it gets the options and may return an exit code.
      define: defines its flags.
      operands: its arguments by position.
      required: the flags that must be given.
      about: more on it, for its help page.
      takes_config: whether it takes `--config=FILE` and `--config.x=VALUE`.
      config: the config where none is named.
      shows_notes: whether the notes of our own loggers are shown; otherwise only warnings are.
      commands: of a group, its commands.
    """

    name: str
    summary: str
    example: str
    run: Callable[[Options], int | None] | str = ""
    define: Callable[[flags.FlagValues], None] = lambda own: None
    operands: tuple[Operand, ...] = ()
    required: tuple[str, ...] = ()
    about: str = ""
    takes_config: bool = False
    config: str = ""
    shows_notes: bool = False
    commands: tuple[Command, ...] = ()

    @property
    def word(self) -> str:
        """The last word of the name."""
        return self.name.rpartition(" ")[2]

    def flags(self) -> flags.FlagValues:
        """Returns its flags, those of the config file apart from `--config` itself left out."""
        own = flags.FlagValues()
        if self.takes_config:
            default = f" (default: {self.config})" if self.config else ""
            about = f"Config: FILE.py or the name of one, and a variant: roadsigns, FILE.py:quick.{default}"
            flags.DEFINE_string("config", None, about, own)
        self.define(own)
        return own


def run_command(command: Command, arguments: Sequence[str] | None = None) -> int:
    """Reads the arguments, runs the command and returns its exit code: 2 after a mistake of the user.

    Args:
      command: which.
      arguments: what follows its name; None: those of this process, whose logging is then set up.
    """
    if arguments is None:
        arguments = sys.argv[1:]
        if not wants_help(arguments):
            prepare_process(command)
    return guarded(lambda: _run(command, arguments))


def wants_help(arguments: Sequence[str]) -> bool:
    """Returns whether help is asked for."""
    return any(argument in ("--help", "-help", "-h") for argument in arguments)


def _run(command: Command, arguments: Sequence[str]) -> int | None:
    if wants_help(arguments):
        print(help_page(command))
        return 0
    options = parse(command, arguments)
    run = command.run
    if isinstance(run, str):
        module, _, function = run.partition(":")
        run = getattr(importlib.import_module(module), function)
    return run(options)


def guarded(run: Callable[[], int | None]) -> int:
    """Runs something and returns its exit code. The one place that prints errors: one message, never a traceback."""
    try:
        code = run() or 0
        sys.stdout.flush()  # here, where a reader that has left is no error, and not when Python ends
        return code
    except UserError as error:
        print(f"error: {printable(str(error))}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Whoever read the output has closed it, such as `head`. Python would complain of it once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


def printable(text: str) -> str:
    """Returns the text with control characters escaped, line ends apart: a file's name may not steer a terminal."""
    return "".join(
        char if char == "\n" or char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


class _Printable(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record))


def prepare_process(command: Command) -> None:
    """Sets up logging: our own notes as plain lines where the command shows them; of libraries only warnings."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Printable("%(message)s"))
    logging.basicConfig(handlers=[handler])
    if command.shows_notes:
        logging.getLogger("kgv_jax").setLevel(logging.INFO)
        from kgv_jax.util.cache import keep_compiled_programs

        # Before a config is read, since that may import methods, and with them JAX.
        keep_compiled_programs()
    # Orbax logs every write through absl's logger, which would have a lower level of its own.
    logging.getLogger("absl").setLevel(logging.WARNING)


# Reading a line.


def parse(command: Command, arguments: Sequence[str]) -> Options:
    """Returns the flags by name (`kg.path` as `kg_path`), the `operands`, and `config_arguments`.

    The latter are what another process needs to have the same config. Plugins are imported first: the config may name
    what they add.

    Raises:
      UserError: for an unknown flag or setting (naming the nearest), a bad value, a config file that is missing or
        fails, or too many or too few operands.
    """
    own = flags.FlagValues()
    own.set_gnu_getopt()
    command.define(own)
    arguments = _normalised(arguments, own, command)
    if "plugin" in own:
        from kgv_jax.util.plugin import load_plugin

        for path in _values_of("--plugin", arguments):
            load_plugin(path)
    if command.takes_config:
        from ml_collections import config_flags

        given = [_with_path(argument) for argument in arguments]
        config_flags.DEFINE_config_file("config", None, flag_values=own, sys_argv=["", *given])
    else:
        given = arguments
    operands = _absl_parse(own, given, command)
    values = {name.replace(".", "_"): own[name].value for name in own if not name.startswith("config.")}
    for name in command.required:
        if values[name] in (None, ""):
            raise UserError(f"--{name} is missing. {about(own[name])} Example: {command.example}")
    forwarded = [argument for argument in arguments if argument.startswith(("--config", "--noconfig", "--plugin="))]
    return Options(**values, operands=_check_operands(command, operands), config_arguments=forwarded)


def _normalised(arguments: Sequence[str], own: flags.FlagValues, command: Command) -> list[str]:
    """Returns the arguments, each flag with its value in one, names with `_`, and the config first.

    ml_collections defines the settings while it reads the config, so `--config` has to come before them.
    """
    # A word that stands alone is the value of the flag before it, unless that is a switch.
    joined: list[str] = []
    rest = list(arguments)
    while rest:
        argument = rest.pop(0)
        if argument == "--":
            joined += [argument, *rest]
            break
        if not argument.startswith("-") or argument == "-":
            joined.append(argument)
            continue
        name, equals, value = argument.lstrip("-").partition("=")
        if not name.startswith("config."):
            name = name.replace("-", "_")
        is_known = name in own or (command.takes_config and name == "config")
        if not equals and is_known and not (name in own and own[name].boolean) and rest:
            equals, value = "=", rest.pop(0)
        if not equals and name.startswith("config.") and rest and _takes_value(name, rest[0]):
            equals, value = "=", rest.pop(0)
        joined.append(f"--{name}{equals}{value}")
    if not command.takes_config:
        return joined
    named = [argument for argument in joined if argument.startswith("--config=")]
    if not named and command.config:
        named = [f"--config={command.config}"]
    others = [argument for argument in joined if not argument.startswith("--config=")]
    return [*named, *others]


def _takes_value(name: str, following: str) -> bool:
    """Whether `following` is the value of the setting before it: not where the setting is a switch."""
    from kgv_jax.config.schema import default_config

    node: Any = default_config()
    for key in name.split(".")[1:]:
        node = node.get(key) if hasattr(node, "keys") else None
    return not following.startswith("--") and (not isinstance(node, bool) or following.lower() in ("true", "false"))


def _values_of(flag: str, arguments: Iterable[str]) -> list[str]:
    return [argument.removeprefix(f"{flag}=") for argument in arguments if argument.startswith(f"{flag}=")]


def _with_path(argument: str) -> str:
    """Returns --config=FILE.py[:variant] of itself or of --config=NAME[:variant], other arguments as they are."""
    if not argument.startswith("--config="):
        return argument
    name, colon, variant = argument.removeprefix("--config=").partition(":")
    if name and not name.endswith(".py") and "/" not in name and not pathlib.Path(name).is_file():
        from kgv_jax.config.files import find_config_path

        name = str(find_config_path(name))
    path = pathlib.Path(name)
    if not path.is_file():
        there = sorted(str(file) for file in path.parent.glob("*.py")) if path.parent.is_dir() else []
        raise UserError(f"--config names {path}, which is no file{nearest(str(path), there)}; there are: {there}.")
    return f"--config={name}{colon}{variant}"


def _absl_parse(own: flags.FlagValues, arguments: list[str], command: Command) -> list[str]:
    try:
        return own(["", *arguments])[1:]
    except flags.UnrecognizedFlagError as error:
        if command.takes_config and error.flagname.startswith("config."):
            raise UserError(f"--{error.flagname} is given without a config. {_NAME_A_CONFIG}") from error
        known = ", ".join(f"--{name}" for name in _shown(own))
        # Also one without `=`, of which absl would say the same.
        guess = nearest(error.flagname, own)
        raise UserError(f"Unknown flag --{error.flagname}{guess}; `{command.name}` has: {known or 'none'}.") from error
    except flags.Error as error:
        # A config file that fails brings its whole traceback; its last line says what went wrong.
        first, *_, last = [line for line in str(error).splitlines() if line.strip()] * 2
        first = first[:1].upper() + first[1:]
        raise UserError(first if first == last else f"{first} {last.split(': ', 1)[-1]}") from error
    except (AttributeError, KeyError) as error:
        raise UserError(_unknown_setting(arguments) or str(error)) from error


_NAME_A_CONFIG = "Name one, such as --config=roadsigns:quick or --config=configs/roadsigns.py:quick."


def require_config(options: Options) -> Any:
    """Returns the ConfigDict of `--config`.

    Raises:
      UserError: it was not given.
    """
    if options.config is None:
        raise UserError(f"--config is missing. {_NAME_A_CONFIG}")
    return options.config


def _unknown_setting(arguments: Sequence[str]) -> str | None:
    """Names the first setting on the command line that no config has, and the nearest there is."""
    from kgv_jax.config.schema import default_config

    for argument in arguments:
        node, prefix = default_config(), "config"
        for key in re.split("[= ]", argument, maxsplit=1)[0].split(".")[1:]:
            if key not in node:
                return f"Unknown setting --{prefix}.{key}{nearest(key, node)}; {prefix} has: {', '.join(node)}."
            node, prefix = node[key], f"{prefix}.{key}"
            if not hasattr(node, "keys"):
                break
    return None


def _check_operands(command: Command, found: Sequence[str]) -> list[str]:
    at_least = sum(not operand.is_optional for operand in command.operands)
    has_no_end = any(operand.repeats for operand in command.operands)
    if len(found) < at_least:
        missing = command.operands[len(found)]
        raise UserError(f"{missing.name} is missing: {missing.about}. Example: {command.example}")
    if len(found) > len(command.operands) and not has_no_end:
        surplus = found[len(command.operands)]
        hint = "flags are given as --NAME=VALUE" + (", settings as --config.NAME=VALUE" if command.takes_config else "")
        raise UserError(f"Unknown argument {surplus!r}; {hint}. Example: {command.example}")
    return list(found)


# Help.


def help_page(command: Command) -> str:
    """Returns what `--help` prints of a command."""
    own = command.flags()
    names = _shown(own)
    if command.commands:
        usage = f"usage: {command.name} COMMAND ..."
    else:
        settings = "[--config.SETTING=VALUE ...]" if command.takes_config else ""
        flag_words = [f"--{name}=..." for name in command.required]
        flag_words += ["[--FLAG=VALUE ...]"] if len(names) > len(command.required) else []
        words = (*(operand.usage for operand in command.operands), *flag_words, settings)
        usage = " ".join(("usage:", command.name, *filter(None, words)))
    parts = [usage, _paragraph(command.summary)]
    parts += [_paragraph(text) for text in command.about.split("\n\n") if text]
    parts.append(f"Example:\n  {command.example}")
    if command.commands:
        parts.append(command_list("Commands, each with an example:", command.commands))
    if command.operands:
        parts.append("Arguments:\n" + _columns((operand.name, operand.about + ".") for operand in command.operands))
    if names:
        parts.append("Flags:\n" + _columns((flag_usage(own[name]), _help(own[name])) for name in names))
    return "\n\n".join(parts)


def command_list(title: str, commands: Sequence[Command]) -> str:
    """Returns a list of commands with a sentence and an example each."""
    width = max(len(command.word) for command in commands) + 2
    lines = [title]
    for command in commands:
        lines.append(f"  {command.word:{width}}{command.summary}")
        lines.append(f"  {'':{width}}  {command.example}")
    return "\n".join(lines)


def flag_usage(flag: flags.Flag) -> str:
    """Returns a flag as help shows it: with its choices, or with what kind of value it takes."""
    if flag.boolean:
        return f"--{flag.name}"
    return f"--{flag.name}={'|'.join(choices(flag)) or _KINDS.get(flag.flag_type(), 'VALUE')}"


def choices(flag: flags.Flag) -> tuple[str, ...]:
    """Returns the values that a flag may have, empty if any."""
    return tuple(value for value in getattr(flag.parser, "enum_values", None) or () if value)


_KINDS = {"int": "NUMBER", "float": "NUMBER", "comma separated list of strings": "NAME,..."}


def _shown(own: flags.FlagValues) -> list[str]:
    """Returns the names of flags in the order of their definition, without the settings of a config."""
    return [name for name in own if not name.startswith("config.")]


def about(flag: flags.Flag) -> str:
    """Returns the help of a flag without what absl adds to it."""
    return re.sub(r"^<[^>]*>: |;\s*repeat this option.*$", "", flag.help, flags=re.DOTALL)


def _help(flag: flags.Flag) -> str:
    if flag.flag_type().startswith("multi"):
        return f"{about(flag)} May be given several times."
    if flag.boolean or flag.default in (None, "", []):
        return about(flag)
    shown = ",".join(map(str, flag.default)) if isinstance(flag.default, list) else flag.default
    return f"{about(flag)} (default: {shown})"


def _paragraph(text: str) -> str:
    return textwrap.fill(" ".join(text.split()), _WIDTH, break_long_words=False, break_on_hyphens=False)


def _columns(rows: Iterable[tuple[str, str]], width: int = 26) -> str:
    lines = []
    for name, about in rows:
        text = textwrap.wrap(about, _WIDTH - width, break_long_words=False, break_on_hyphens=False)
        if len(name) + 4 > width:
            lines.append(f"  {name}")
        else:
            lines.append(f"  {name:{width - 2}}{text.pop(0) if text else ''}")
        lines += [f"{'':{width}}{line}" for line in text]
    return "\n".join(lines)
