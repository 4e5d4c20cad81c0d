"""`kgv completion bash|zsh|fish`: a script that completes commands and flags, made from the table of commands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from absl import flags

from kgv_jax.commands.table import COMMANDS, SHELLS, leaves
from kgv_jax.config.flags import Command, Options, about, choices
from kgv_jax.util.errors import UserError, nearest


def run(options: Options) -> None:
    """Prints the script."""
    (shell,) = options.operands
    if shell not in SHELLS:
        raise UserError(f"The shell is {shell!r}{nearest(shell, SHELLS)}; expected one of {', '.join(SHELLS)}.")
    print({"bash": bash_script, "zsh": zsh_script, "fish": fish_script}[shell](COMMANDS))


def bash_script(commands: Sequence[Command]) -> str:
    """Returns the script for bash: words and flags by command, files wherever nothing else fits."""
    words = [_bash_case("", (command.word for command in commands))]
    words += [_bash_case(_path(group), (sub.word for sub in group.commands)) for group in commands if group.commands]
    words.append(_bash_case("completion", SHELLS))
    names, values = [], []
    for command in leaves(tuple(commands)):
        own = command.flags()
        names.append(_bash_case(_path(command), (_completed(own[name]) for name in own)))
        values += [_bash_case(f"{_path(command)} --{name}", choices(own[name])) for name in own if choices(own[name])]
    newline = "\n"
    return f"""\
# Completion of kgv for bash: source <(kgv completion bash)
_kgv_words() {{
    case "$1" in
{newline.join(words)}
    esac
}}
_kgv_flags() {{
    case "$1" in
{newline.join(names)}
    esac
}}
_kgv_values() {{
    case "$1" in
{newline.join(values)}
    esac
}}
_kgv() {{
    local current="${{COMP_WORDS[COMP_CWORD]}}" command="" flag="" word index
    COMPREPLY=()
    # The words before this one; bash takes `=` for a word of its own.
    for ((index = 1; index < COMP_CWORD; index++)); do
        word="${{COMP_WORDS[index]}}"
        [[ $word == -* || $word == = || ${{COMP_WORDS[index - 1]}} == = ]] && continue
        # A command has at most two words, the second if the first is a group.
        if [[ -z $command || $command != *" "* && " $(_kgv_words "$command") " == *" $word "* ]]; then
            command="${{command:+$command }}$word"
        fi
    done
    if [[ $current == = ]]; then
        current="" flag="${{COMP_WORDS[COMP_CWORD - 1]}}"
    elif ((COMP_CWORD > 1)) && [[ ${{COMP_WORDS[COMP_CWORD - 1]}} == = ]]; then
        flag="${{COMP_WORDS[COMP_CWORD - 2]}}"
    fi
    if [[ -n $flag ]]; then
        COMPREPLY=($(compgen -W "$(_kgv_values "$command $flag")" -- "$current"))
    elif [[ $current == -* ]]; then
        COMPREPLY=($(compgen -W "$(_kgv_flags "$command") --help" -- "$current"))
        [[ ${{COMPREPLY[0]}} == *= ]] && compopt -o nospace 2>/dev/null
    else
        COMPREPLY=($(compgen -W "$(_kgv_words "$command")" -- "$current"))
    fi
}}
complete -o default -F _kgv kgv"""


def _bash_case(pattern: str, words: Iterable[str]) -> str:
    return f"""        "{pattern}") echo "{" ".join(words)}" ;;"""


def zsh_script(commands: Sequence[Command]) -> str:
    """Returns the script for zsh, with the help of each flag beside it."""
    groups, cases = [], []
    for group in commands:
        if group.commands:
            groups.append(f"""        {group.word}) subcommands=({_zsh_described(group.commands)}) ;;""")
    for command in leaves(tuple(commands)):
        own = command.flags()
        specs = [_zsh_flag(own[name]) for name in own]
        operands = f"'*:shell:({' '.join(SHELLS)})'" if command.word == "completion" else "'*:file:_files'"
        cases.append(f"""        "{_path(command)}") _arguments {" ".join([*specs, operands])} ;;""")
    newline = "\n"
    return f"""\
#compdef kgv
# Completion of kgv for zsh: source <(kgv completion zsh)
_kgv() {{
    local -a kgv_commands subcommands
    local command="$words[2]"
    kgv_commands=({_zsh_described(commands)})
    if ((CURRENT == 2)); then
        _describe 'command' kgv_commands
        return
    fi
    case "$command" in
{newline.join(groups)}
    esac
    if (($#subcommands)); then
        if ((CURRENT == 3)); then
            _describe 'command' subcommands
            return
        fi
        command="$command $words[3]"
        shift words
        ((CURRENT--))
    fi
    shift words
    ((CURRENT--))
    case "$command" in
{newline.join(cases)}
    esac
}}
compdef _kgv kgv"""


def _zsh_described(commands: Iterable[Command]) -> str:
    return " ".join(_quoted(f"{command.word}:{command.summary}") for command in commands)


def _zsh_flag(flag: flags.Flag) -> str:
    text = about(flag)
    for char in "[]:":
        text = text.replace(char, f"\\{char}")
    if flag.boolean:
        return _quoted(f"--{flag.name}[{text}]")
    action = f"({' '.join(choices(flag))})" if choices(flag) else "_files"
    return _quoted(f"--{flag.name}=[{text}]:value:{action}")


def fish_script(commands: Sequence[Command]) -> str:
    """Returns the script for fish, with the help of each flag beside it."""
    lines = ["# Completion of kgv for fish: kgv completion fish | source"]
    for command in commands:
        lines.append(f"complete -c kgv -f -n __fish_use_subcommand -a {command.word} -d {_quoted(command.summary)}")
        seen = f"__fish_seen_subcommand_from {command.word}"
        words = " ".join(sub.word for sub in command.commands)
        for sub in command.commands:
            needed = f"{seen}; and not __fish_seen_subcommand_from {words}"
            lines.append(f"complete -c kgv -f -n {_quoted(needed)} -a {sub.word} -d {_quoted(sub.summary)}")
        if command.word == "completion":
            lines.append(f"complete -c kgv -f -n {_quoted(seen)} -a {_quoted(' '.join(SHELLS))}")
        for leaf in command.commands or (command,):
            here = f"{seen}; and __fish_seen_subcommand_from {leaf.word}" if command.commands else seen
            own = leaf.flags()
            for name in own:
                kind = "" if own[name].boolean else " -r"
                kind += f" -f -a {_quoted(' '.join(choices(own[name])))}" if choices(own[name]) else ""
                lines.append(f"complete -c kgv -n {_quoted(here)} -l {name}{kind} -d {_quoted(about(own[name]))}")
    return "\n".join(lines)


def _path(command: Command) -> str:
    return command.name.removeprefix("kgv ")


def _completed(flag: flags.Flag) -> str:
    return f"--{flag.name}" if flag.boolean else f"--{flag.name}="


def _quoted(text: str) -> str:
    """Returns the text in single quotes; the same form is right for zsh and, without quotes in it, for fish."""
    return "'" + text.replace("'", "’") + "'"
