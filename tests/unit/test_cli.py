"""`kgv`: the table of commands, help, mistakes, and completion."""

import importlib
import os
import shutil
import subprocess
import sys

import pytest

from kgv_jax.commands import completion, demo
from kgv_jax.commands.table import COMMANDS, HEADS, leaves
from kgv_jax.config.flags import help_page, parse, printable
from kgv_jax.kg.cars import SHIFTS
from kgv_jax.run import predictions
from tests.cli import ROOT, refused, run

# Of ml_collections, which loads config files.
pytestmark = pytest.mark.filterwarnings("ignore:the load_module:DeprecationWarning")

WORDS = (
    "train", "eval", "compare", "report", "explain", "figure", "embed", "check-graph", "check-data", "build-graph",
    "prepare", "weights", "settings", "demo", "completion",
)  # fmt: skip
# What a page of help may not wait for.
HEAVY = ("numpy", "scipy", "jax", "cv2", "PIL", "ml_collections", "rich", "pyoxigraph")


def _process(*arguments, code=None, **kwargs):
    start = ["-c", code] if code else ["-m", "kgv_jax"]
    return subprocess.run(
        [sys.executable, *start, *arguments], cwd=ROOT, capture_output=True, text=True, check=False, **kwargs
    )


# The table.


def test_every_command_is_there():
    assert tuple(command.word for command in COMMANDS) == WORDS
    assert [leaf.name for leaf in leaves() if leaf.name.count(" ") == 2] == [
        "kgv build-graph wordnet", "kgv build-graph cars", "kgv build-graph attributes", "kgv build-graph merge",
        "kgv prepare roadsigns", "kgv prepare emoji", "kgv prepare imagenet", "kgv prepare elements",
        "kgv prepare icons", "kgv prepare corruptions", "kgv prepare prompts", "kgv weights list",
        "kgv weights features", "kgv weights convert",
    ]  # fmt: skip


@pytest.mark.parametrize("command", leaves(), ids=lambda command: command.name)
def test_a_command_has_code_and_an_example_that_it_accepts(command, monkeypatch):
    module, _, function = command.run.partition(":")
    assert callable(getattr(importlib.import_module(module), function))
    monkeypatch.chdir(ROOT)
    words = command.example.replace("source <(", "").replace(")", "").split()
    assert " ".join(words).startswith(command.name)
    options = parse(command, words[len(command.name.split()) :])
    assert all(getattr(options, name) for name in command.required)


def test_names_that_the_table_repeats_are_those_of_the_code():
    from kgv_jax.data import prompts
    from kgv_jax.data.prepare.shards import PER_SHARD

    assert HEADS == predictions.HEADS
    (cars,) = (leaf for leaf in leaves() if leaf.word == "cars")
    assert cars.flags()["shift"].parser.enum_values == ["", *SHIFTS]
    (shards,) = (leaf for leaf in leaves() if leaf.word == "imagenet")
    assert shards.flags()["per_shard"].default == PER_SHARD
    assert len(prompts.TEMPLATES) == 4  # as the help of --templates says


def test_every_command_that_reads_configs_or_classes_takes_plugins():
    names = {leaf.word for leaf in leaves() if "plugin" in leaf.flags()}
    assert names == {
        "train", "eval", "compare", "report", "explain", "figure", "check-graph", "check-data", "elements",
        "corruptions", "settings", "demo",
    }  # fmt: skip


# Help.


@pytest.mark.processes
def test_help_imports_nothing_slow():
    code = (
        "import sys; import kgv_jax.__main__ as cli; from kgv_jax.commands.table import COMMANDS, leaves\n"
        "assert cli.main(['--help']) == cli.main(['--version']) == 0\n"
        "for command in (*COMMANDS, *leaves()): assert cli.main([*command.name.split()[1:], '--help']) == 0\n"
        "for shell in ('bash', 'zsh', 'fish'): assert cli.main(['completion', shell]) == 0\n"
        f"print('imported:', [name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = _process(code=code)
    assert done.stdout.endswith("imported: []\n"), done.stdout[-300:] + done.stderr


@pytest.mark.processes
def test_help_and_version_as_processes():
    shown = _process("--help")
    assert (shown.returncode, shown.stderr) == (0, "")
    for command in COMMANDS:
        assert f"  {command.word} " in shown.stdout and command.summary in shown.stdout
        assert command.example in shown.stdout
    assert _process().returncode == 2
    main = _process("--help", code="import runpy; runpy.run_module('kgv_jax.main', run_name='__main__')")
    assert main.returncode == 0 and "--kg.path=" in main.stdout and "--mode=train|eval" in main.stdout
    assert _process("--version").stdout.startswith("kgv-jax ")


@pytest.mark.parametrize("command", leaves(), ids=lambda command: command.name)
def test_a_help_page_says_what_is_needed(command):
    page = help_page(command)
    assert page.startswith(f"usage: {command.name}") and command.example in page
    usage = page.splitlines()[0]
    assert all(f"--{name}=" in usage for name in command.required)
    assert all(operand.name in usage and operand.about in " ".join(page.split()) for operand in command.operands)
    own = command.flags()
    assert all(f"  --{name}" in page for name in own)
    # Sentences; absl would add the choices, and how to repeat a flag, in words of its own.
    assert "<" not in page.replace("DIR/<domain>/<class>/", "").replace("DIR/<class>/", "").replace("<(", "")
    assert "repeat this option" not in page


def test_help_of_a_group_lists_its_commands(capsys):
    assert run("build-graph", "--help") == 0
    shown = capsys.readouterr().out
    assert all(f"  {word} " in shown for word in ("wordnet", "cars", "attributes", "merge"))


# Mistakes.


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("trian",), "There is no command `kgv trian`, did you mean 'train'? The commands are train, eval, "),
        (("prepare", "emojis"), "There is no command `kgv prepare emojis`, did you mean 'emoji'? The commands are"),
        (("weights",), "kgv weights needs one more word: list, features, convert."),
        (("embed", "--modle=x"), "Unknown flag --modle, did you mean 'model'"),
        (("embed", "--graph=x.ttl"), "--model is missing. A model, such as transe"),
        (("report",), "RUN is missing: folder of a run"),
        (("report", "x", "--head=best"), "--head=best: value should be one of <chosen|all|decoder|density|combined>"),
        (("check-graph", "a.ttl", "b.ttl"), "Unknown argument 'b.ttl'; flags are given as --NAME=VALUE. Example: "),
        (("train", "--workdir=x", "--config=roadsign"), "There is no config 'roadsign', did you mean 'roadsigns'"),
        (("train", "--workdir=x", "--config.seed=1"), "--config.seed is given without a config. Name one, such as"),
        (("train", "--workdir=x"), "--config is missing. Name one, such as --config=roadsigns:quick"),
        (("train", "--config=roadsigns"), "--workdir is missing"),
        (("train", "--config=roadsigns", "--workdir"), "Missing value for flag --workdir"),
        (("eval", "here", "--workdir=there"), "The run is named twice, 'here' and --workdir=there"),
        (("compare", "--config=roadsigns", "--seeds=0"), "--seeds=0: 0 is not a positive integer"),
        (("settings", "learnin_rate"), "did you mean 'optim.learning_rate'"),
        (("completion", "fsh"), "The shell is 'fsh', did you mean 'fish'"),
        (("train", "--plugin=none.py", "--config=roadsigns"), "none.py"),
        (("explain", "--workdir=x"), "--domain is missing. A test domain of the run, or validation."),
        (("weights", "features", "x", "--model=m", "--out=y"), "--images and --texts: neither is given"),
    ],
)
def test_a_mistake_is_one_message(arguments, words, capsys):
    assert run(*arguments) == 2
    shown = capsys.readouterr()
    assert shown.err.startswith("error: ") and words in shown.err and not shown.out


@pytest.mark.processes
def test_names_of_files_cannot_steer_the_terminal():
    error = refused("check-graph", "evil\x1b[2Jname.ttl")
    assert "\x1b" not in error and "evil\\x1b[2Jname.ttl" in error


def test_what_is_printable():
    assert printable("two\nlines, ß and 停") == "two\nlines, ß and 停"
    assert printable("a\rb\x9b\u202e\udce9") == "a\\rb\\x9b\\u202e\\udce9"


def test_an_interrupted_command_is_one_line(monkeypatch, capsys):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("kgv_jax.commands.settings.run", interrupted)
    assert run("settings") == 130
    assert capsys.readouterr().err == "Interrupted.\n"


@pytest.mark.processes
def test_a_reader_that_leaves_is_no_error():
    command = f"{sys.executable} -m kgv_jax settings | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "141" and done.stderr == ""


# Reading a line.


def _options(name, *arguments):
    (command,) = (leaf for leaf in leaves() if leaf.name == f"kgv {name}")
    return parse(command, arguments)


def test_flags_and_operands_in_any_order_and_form():
    options = _options("report", "a", "--unknown-classes=x,y", "b", "--control", "ce", "--", "--c")
    assert options.operands == ["a", "b", "--c"]
    assert options.unknown_classes == ["x", "y"] and options.control == "ce" and options.head == "chosen"
    assert _options("embed", "--graph=g", "--model=m", "--reciprocal", "--seed", "3").reciprocal is True


def test_a_config_by_name_or_path_with_settings_before_or_after_it(monkeypatch):
    monkeypatch.chdir(ROOT)
    settings = ("--config.seed", "4", "--config.kg.permute_classes", "--config.method=ce")
    for config in ("roadsigns:quick", "configs/roadsigns.py:quick"):
        options = _options("train", settings[0], settings[1], f"--config={config}", *settings[2:], "--workdir=x")
        assert options.config.seed == 4 and options.config.method == "ce" and options.config.kg.permute_classes
        assert options.config.train.steps == 150  # of the variant
        assert options.config_arguments == [
            f"--config={config}", "--config.seed=4", "--config.kg.permute_classes", "--config.method=ce",
        ]  # fmt: skip
    assert _options("demo").config.train.steps == 150


def test_plugins_are_imported_before_the_config_and_passed_on(tmp_path, monkeypatch):
    monkeypatch.setattr("kgv_jax.util.plugin.load_plugin", lambda path: os.environ.update(PLUGIN_SEEN=path[-4]))
    (tmp_path / "configured.py").write_text(
        "import os; from kgv_jax.config.schema import default_config\n"
        "def get_config():\n    config = default_config()\n    config.seed = int(os.environ['PLUGIN_SEEN'])\n"
        "    return config\n"
    )
    monkeypatch.setenv("PLUGIN_SEEN", "0")
    options = _options("compare", f"--config={tmp_path / 'configured.py'}", "--plugin", str(tmp_path / "mine7.py"))
    assert options.config.seed == 7
    assert f"--plugin={tmp_path / 'mine7.py'}" in options.config_arguments


# Completion.


def _completed(line, words, tmp_path):
    """What bash would offer for the last of `words`, split as bash splits a line: `=` is a word of its own."""
    script = tmp_path / "kgv.bash"
    script.write_text(completion.bash_script(COMMANDS))
    code = (
        f"source {script}; COMP_LINE={line!r}; COMP_WORDS=({' '.join(map(repr, words))}); "
        f"COMP_CWORD={len(words) - 1}; _kgv; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    )
    done = subprocess.run(["bash", "-c", code], capture_output=True, text=True, check=True)
    assert not done.stderr
    return done.stdout.split()


@pytest.mark.processes
@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["kgv", "che"], ["check-graph", "check-data"]),
        (["kgv", "build-graph", ""], ["wordnet", "cars", "attributes", "merge"]),
        (["kgv", "build-graph", "cars", "--sh"], ["--shift="]),
        (["kgv", "build-graph", "cars", "--shift", "=", ""], ["colour", "viewpoint", "year"]),
        (["kgv", "report", "--head", "=", "de"], ["decoder", "density"]),
        (["kgv", "report", "--head", "="], ["chosen", "all", "decoder", "density", "combined"]),
        (["kgv", "train", "--workdir", "=", "runs", "--co"], ["--config="]),
        (["kgv", "embed", "--rec"], ["--reciprocal"]),
        (["kgv", "report", "train", "--js"], ["--json="]),  # a run may be called like a command
        (["kgv", "completion", "z"], ["zsh"]),
        (["kgv", "check-graph", ""], []),  # then bash offers files
    ],
)
def test_bash_completes(words, offered, tmp_path):
    assert _completed(" ".join(words), words, tmp_path) == offered


@pytest.mark.processes
def test_bash_loads_the_script_as_the_example_says():
    code = f"source <({sys.executable} -m kgv_jax completion bash); complete -p kgv"
    done = subprocess.run(["bash", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "complete -o default -F _kgv kgv\n"


@pytest.mark.processes
@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_scripts_of_other_shells(shell, tmp_path):
    script = {"zsh": completion.zsh_script, "fish": completion.fish_script}[shell](COMMANDS)
    for command in leaves():
        assert command.word in script
        for name in command.flags():
            assert (f"--{name}" if shell == "zsh" else f"-l {name} ") in script, (command.name, name)
    assert "decoder density combined" in script
    path = tmp_path / f"kgv.{shell}"
    path.write_text(script)
    if shutil.which(shell):
        subprocess.run([shell, "-n", str(path)], check=True, capture_output=True)


# The demo.


def _difference(mean, low, high):
    return {"mean": mean, "low": low, "high": high}


@pytest.mark.parametrize(
    ("plain", "shuffled", "words"),
    [
        ((0.2, 0.1, 0.3), (0.1, 0.05, 0.2), "the facts of the graph raise accuracy"),
        ((0.2, -0.1, 0.3), (0.1, 0.05, 0.2), "right facts beat wrong ones, but a gain over training without"),
        ((0.2, 0.1, 0.3), (0.0, -0.05, 0.2), "that right facts are the reason is not established"),
        ((0.2, -0.1, 0.3), (0.0, -0.05, 0.2), "a gain from the facts of the graph is not established"),
        ((0.2, 0.1, 0.3), (-0.1, -0.2, -0.05), "right facts do worse than wrong ones"),
    ],
)
def test_the_sentence_of_the_demo_claims_what_the_intervals_allow(plain, shuffled, words):
    versus = {"ce": _difference(*plain), "shuffled_kg_compose": _difference(*shuffled)}
    sentence = demo.conclusion(versus, ["cn", "ru"])
    assert words in sentence and sentence.count(". ") == 0 and sentence.endswith(".")
    assert f"{100 * plain[0]:+.1f} points [{100 * plain[1]:+.1f}, {100 * plain[2]:+.1f}] against ce" in sentence
    assert f"[{100 * shuffled[1]:+.1f}, {100 * shuffled[2]:+.1f}] against shuffled_kg_compose" in sentence
