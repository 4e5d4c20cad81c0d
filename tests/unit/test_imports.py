"""The package reads its own sources: who imports whom, and what no module may do."""

import ast
import pathlib

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "kgv_jax"

# Imports go down this list, or stay in one package; packages of one line do not import each other
# unless ALLOWED_SIDEWAYS says so.
LAYERS: tuple[frozenset[str], ...] = (
    frozenset({"util"}),
    frozenset({"kg", "data", "parallel"}),
    frozenset({"config"}),
    frozenset({"models", "scoring"}),
    frozenset({"losses", "methods", "optim", "embed"}),
    frozenset({"experiment"}),
    frozenset({"run"}),
    frozenset({"init", "zero_shot", "report", "train_step"}),
    frozenset({"evaluate"}),
    frozenset({"train"}),
    frozenset({"explain", "main", "compare"}),
    frozenset({"commands"}),
    frozenset({"__main__"}),
)
ALLOWED_SIDEWAYS = {("data", "kg"), ("methods", "losses")}
NO_JAX_PACKAGES = ("util", "kg", "data", "config", "experiment", "report")
JAX_STACK = ("jax", "jaxlib", "flax", "optax", "orbax", "chex")
OUTSIDE = ("configs", "launch", "tests", "benchmarks", "colabs")

# What only one place may import, and that place (paths below kgv_jax/).
OWNERS = {
    "orbax": ("run/checkpoint.py",),
    "signal": ("run/preemption.py",),
    "resvg_py": ("data/decode.py", "data/renderer/", "data/prepare/"),
    "PIL": ("data/", "explain/overlay.py"),
    "cv2": ("data/",),
    "simplejpeg": ("data/jpeg.py",),
    "grain": ("data/pipeline.py",),
    "array_record": ("data/prepare/shards.py",),
    "tensorflow_datasets": ("data/sources/imagenet_tfds.py",),
    "pyoxigraph": ("kg/load.py", "kg/turtle.py"),
    "tensorboardX": ("util/writers.py",),
    "huggingface_hub": ("models/pretrained/hub.py",),
    "httpx2": ("models/pretrained/hub.py",),
    "pickletools": ("models/pretrained/opcodes.py",),
}
# data/renderer/pen.py reads back what it has just rendered, no file of anyone's.
IMAGE_OPENERS = ("data/decode.py", "data/renderer/pen.py")
OPENS_IMAGES = ("cv2.imread", "Image.open", "PIL.Image.open")
FORBIDDEN_MODULES = ("pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve")
FORBIDDEN_CALLS = ("eval", "exec", "compile", "__import__")


def _modules() -> list[str]:
    return sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))


def _tree(module: str) -> ast.Module:
    return ast.parse((PACKAGE / module).read_text(encoding="utf-8"), filename=module)


def _imports(tree: ast.AST, package: str) -> list[tuple[int, str]]:
    """All (line, full dotted name) a module imports, at its top or inside functions."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")
            base = ".".join(parts[: len(parts) - node.level + 1]) if node.level else ""
            base = ".".join(filter(None, (base, node.module)))
            found += [(node.lineno, f"{base}.{alias.name}") for alias in node.names]
    return found


def _package(dotted: str) -> str:
    """`kgv_jax.data.renderer.sign` -> `data`; the package itself -> ``."""
    return [*dotted.split("."), ""][1]


def _layer(package: str) -> int:
    for index, packages in enumerate(LAYERS):
        if package in packages:
            return index
    raise AssertionError(f"the package {package!r} is in no line of LAYERS: give it its place there")


def _may_import(importer: str, imported: str) -> bool:
    """Whether the module of the full dotted name `importer` may import the name `imported`."""
    package, other = _package(importer), _package(imported)
    if package == other or (package, other) in ALLOWED_SIDEWAYS:
        return True
    return _layer(other) < _layer(package)


def _is(dotted: str, name: str) -> bool:
    return dotted == name or dotted.startswith(name + ".")


def _module_of(module: str) -> tuple[str, str]:
    """(`kgv_jax.data.renderer.sign`, the package that its relative imports start from)."""
    parts = ["kgv_jax", *pathlib.PurePosixPath(module).with_suffix("").parts]
    if parts[-1] == "__init__":
        return ".".join(parts[:-1]), ".".join(parts[:-1])
    return ".".join(parts), ".".join(parts[:-1])


@pytest.mark.parametrize("module", _modules())
def test_imports_go_one_way(module):
    dotted, package = _module_of(module)
    wrong = []
    for line, name in _imports(_tree(module), package):
        if name.startswith("kgv_jax."):
            if not _may_import(dotted, name):
                wrong.append(f"{module}:{line}: {dotted} may not import {name}")
        elif any(_is(name, other) for other in OUTSIDE):
            wrong.append(f"{module}:{line}: the package may not import {name}")
        elif _package(dotted) in NO_JAX_PACKAGES and any(_is(name, other) for other in JAX_STACK):
            wrong.append(f"{module}:{line}: {_package(dotted)} is plain numpy and may not import {name}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("module", _modules())
def test_one_owner_for_what_moves(module):
    tree, (_, package) = _tree(module), _module_of(module)
    wrong = []
    for line, name in _imports(tree, package):
        for owned, owners in OWNERS.items():
            if _is(name, owned) and not module.startswith(owners):
                wrong.append(f"{module}:{line}: only {', '.join(owners)} may import {name}")
        if any(_is(name, other) for other in FORBIDDEN_MODULES):
            wrong.append(f"{module}:{line}: {name} runs code from files; use JSON, npz or safetensors")
        if _is(name, "jax.distributed") and not module.startswith("parallel/"):
            wrong.append(f"{module}:{line}: jax.distributed belongs to parallel/")
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute):
            continue
        name = ast.unparse(node)
        if name == "jax.distributed" and not module.startswith("parallel/"):
            wrong.append(f"{module}:{node.lineno}: jax.distributed belongs to parallel/")
        if name in OPENS_IMAGES and module not in IMAGE_OPENERS:
            wrong.append(f"{module}:{node.lineno}: images are opened by data/decode.py")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("module", _modules())
def test_no_code_from_strings(module):
    wrong = []
    for node in ast.walk(_tree(module)):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Name) and node.func.id in FORBIDDEN_CALLS:
            wrong.append(f"{module}:{node.lineno}: {node.func.id}()")
        called = ast.unparse(node.func)
        if called in ("os.system", "os.popen"):
            wrong.append(f"{module}:{node.lineno}: {called}()")
        for keyword in node.keywords:
            if keyword.arg == "shell":
                wrong.append(f"{module}:{node.lineno}: shell=")
            if keyword.arg == "allow_pickle" and ast.unparse(keyword.value) != "False":
                wrong.append(f"{module}:{node.lineno}: allow_pickle=")
    assert not wrong, "\n".join(wrong)


def test_the_rules_can_fail():
    source = "from kgv_jax.train import fit\nfrom . import render_cache\nfrom ..kg import load\nimport jax.numpy\n"
    tree = ast.parse(source)
    assert [name for _, name in _imports(tree, "kgv_jax.data")] == [
        "kgv_jax.train.fit",
        "kgv_jax.data.render_cache",
        "kgv_jax.kg.load",
        "jax.numpy",
    ]
    forbidden = (
        ("data.render_cache", "train"),
        ("kg.mask", "data.types"),
        ("kg.mask", "config.schema"),
        ("train_step", "train"),
        ("util.cache", "kg"),
        ("run.state", "report.stats"),
        ("run.state", "train_step"),
    )
    allowed = (
        ("data.render_cache", "kg.graph"),
        ("train", "train_step"),
        ("kg.mask", "util"),
        ("kg.mask", "kg.graph"),
        ("evaluate", "report.stats"),
        ("methods.kgv", "config.schema"),
    )
    for importer, name in forbidden:
        assert not _may_import(f"kgv_jax.{importer}", f"kgv_jax.{name}"), (importer, name)
    for importer, name in allowed:
        assert _may_import(f"kgv_jax.{importer}", f"kgv_jax.{name}"), (importer, name)
    assert _is("jax.numpy", "jax") and not _is("jaxtyping", "jax")


def _tables(tree: ast.Module) -> list[tuple[str, str]]:
    """(subpackage, dictionary) of each `Registry(...)`: it imports the modules there that state the dictionary."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "Registry"]
    named = [{keyword.arg: ast.unparse(keyword.value).strip("'") for keyword in call.keywords} for call in calls]
    return [(names["package"], names["attribute"]) for names in named if "package" in names]


def _states(tree: ast.Module, attribute: str) -> bool:
    targets = [target for node in tree.body if isinstance(node, ast.Assign) for target in node.targets]
    targets += [node.target for node in tree.body if isinstance(node, ast.AnnAssign)]
    return attribute in map(ast.unparse, targets)


def test_every_module_is_imported_by_something_or_is_a_command():
    """A file that nothing imports, that states no entry of a table, and that no one can start is dead."""
    imported = set()
    tables = [table for module in _modules() for table in _tables(_tree(module))]
    assert ("kgv_jax.methods", "METHODS") in tables
    for module in _modules():
        dotted, _ = _module_of(module)
        if any(dotted.rpartition(".")[0] == package and _states(_tree(module), name) for package, name in tables):
            imported.add(dotted)
    for module in _modules():
        _, package = _module_of(module)
        imported |= {name for _, name in _imports(_tree(module), package)}
    # The table of commands names the code of each as `module:function`, so that help imports none of it.
    texts = [node.value for node in ast.walk(_tree("commands/table.py")) if isinstance(node, ast.Constant)]
    imported |= {text.partition(":")[0] for text in texts if str(text).startswith("kgv_jax.") and ":" in text}
    for folder in ("configs", "tests"):
        for path in (ROOT / folder).rglob("*.py"):
            imported |= {name for _, name in _imports(ast.parse(path.read_text(encoding="utf-8")), "")}
    dead = []
    for module in _modules():
        dotted, _ = _module_of(module)
        is_command = '__name__ == "__main__"' in (PACKAGE / module).read_text(encoding="utf-8")
        is_used = is_command or any(_is(name, dotted) for name in imported)
        if not module.endswith("__init__.py") and not is_used:
            dead.append(module)
    assert not dead, f"no module, config or test imports {dead}"
