"""The package reads its own sources: who imports whom, and what no module may do."""

import ast
import pathlib

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "kgv_jax"

# Imports go down this list, or stay in one room; rooms of one line do not import each other
# unless ALLOWED_SIDEWAYS says so.
LAYERS: tuple[frozenset[str], ...] = (
    frozenset({"util"}),
    frozenset({"kg", "data", "parallel"}),
    frozenset({"models", "scoring"}),
    frozenset({"losses", "methods", "optim", "embed"}),
    frozenset({"state", "step", "step_cost", "checkpoint", "streams", "class_roles", "experiment"}),
    frozenset(
        {"starting_nodes", "knowledge_scales", "starting_weights", "trained_nodes", "wise_ft", "other_graph"}
    ),
    frozenset({"train", "evaluate"}),
    frozenset({"report", "explain", "main", "compare"}),
)
ALLOWED_SIDEWAYS = {
    ("data", "kg"),
    ("methods", "losses"),
    ("step", "state"),
    ("experiment", "streams"),
    ("experiment", "class_roles"),
    ("checkpoint", "state"),
    ("knowledge_scales", "starting_nodes"),
    ("starting_weights", "knowledge_scales"),
    ("starting_weights", "starting_nodes"),
    ("train", "evaluate"),
    ("explain", "report"),
    ("main", "report"),
    ("compare", "report"),
    ("compare", "main"),
}
# Plain values and arithmetic: they import util and each other, nothing else of the package, so any
# layer from the models up may read them.
LEAVES = (
    "kgv_jax.config_checks",
    "kgv_jax.config_schema",
    "kgv_jax.contest",
    "kgv_jax.flags",
    "kgv_jax.methods.presets",
    "kgv_jax.predictions",
    "kgv_jax.preemption",
    "kgv_jax.report.stats",
    "kgv_jax.workdir",
)
NO_JAX_ROOMS = (
    "util",
    "kg",
    "data",
    "report",
    "config_checks",
    "config_schema",
    "contest",
    "flags",
    "predictions",
    "workdir",
)
JAX_STACK = ("jax", "jaxlib", "flax", "optax", "orbax", "chex")
OUTSIDE = ("configs", "launch", "tests", "benchmarks", "colabs")

# What only one place may import, and that place (paths below kgv_jax/).
OWNERS = {
    "orbax": ("checkpoint.py",),
    "signal": ("preemption.py",),
    "resvg_py": ("data/decode.py", "data/draw/", "data/prepare/"),
    "PIL": ("data/", "explain/overlay.py"),
    "cv2": ("data/",),
    "simplejpeg": ("data/jpeg.py",),
    "grain": ("data/pipeline.py",),
    "array_record": ("data/prepare/shards.py",),
    "tensorflow_datasets": ("data/sources/imagenet_tfds.py",),
    "pyoxigraph": ("kg/load.py",),
    "tensorboardX": ("util/writers.py",),
    "huggingface_hub": ("models/pretrained/hub.py",),
    "httpx2": ("models/pretrained/hub.py",),
    "pickletools": ("models/pretrained/opcodes.py",),
}
# data/draw/raster.py reads back what it has just rendered, no file of anyone's.
IMAGE_OPENERS = ("data/decode.py", "data/draw/raster.py")
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


def _room(dotted: str) -> str:
    """`kgv_jax.data.draw.sign` -> `data`; the package itself -> ``."""
    return [*dotted.split("."), ""][1]


def _layer(room: str) -> int:
    for index, rooms in enumerate(LAYERS):
        if room in rooms:
            return index
    raise AssertionError(f"the room {room!r} is in no line of LAYERS: give it its place there")


def _may_import(importer: str, imported: str) -> bool:
    """Whether the module of the full dotted name `importer` may import the name `imported`."""
    room, other = _room(importer), _room(imported)
    if importer in LEAVES:
        return other == "util" or _leaf(imported)
    if room == other or (room, other) in ALLOWED_SIDEWAYS:
        return True
    if _leaf(imported):
        return _layer(room) >= _layer("models")
    return _layer(other) < _layer(room)


def _leaf(dotted: str) -> bool:
    return any(_is(dotted, leaf) for leaf in LEAVES)


def _is(dotted: str, name: str) -> bool:
    return dotted == name or dotted.startswith(name + ".")


def _module_of(module: str) -> tuple[str, str]:
    """(`kgv_jax.data.draw.sign`, the package that its relative imports start from)."""
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
        elif _room(dotted) in NO_JAX_ROOMS and any(_is(name, other) for other in JAX_STACK):
            wrong.append(f"{module}:{line}: {_room(dotted)} is plain numpy and may not import {name}")
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
    source = "from kgv_jax.train import fit\nfrom . import bank\nfrom ..kg import load\nimport jax.numpy\n"
    tree = ast.parse(source)
    assert [name for _, name in _imports(tree, "kgv_jax.data")] == [
        "kgv_jax.train.fit",
        "kgv_jax.data.bank",
        "kgv_jax.kg.load",
        "jax.numpy",
    ]
    forbidden = (
        ("data.bank", "train"),
        ("kg.mask", "data.types"),
        ("kg.mask", "config_schema"),
        ("step", "train"),
        ("util.cache", "kg"),
        ("report.stats", "state"),
        ("train", "report.table"),
    )
    allowed = (
        ("data.bank", "kg.graph"),
        ("train", "step"),
        ("kg.mask", "util"),
        ("kg.mask", "kg.graph"),
        ("evaluate", "report.stats"),
        ("methods.kgv", "config_schema"),
    )
    for importer, name in forbidden:
        assert not _may_import(f"kgv_jax.{importer}", f"kgv_jax.{name}"), (importer, name)
    for importer, name in allowed:
        assert _may_import(f"kgv_jax.{importer}", f"kgv_jax.{name}"), (importer, name)
    assert _is("jax.numpy", "jax") and not _is("jaxtyping", "jax")


def test_every_module_is_imported_by_something_or_is_a_command():
    """A file that nothing imports and no one can start is dead."""
    imported = set()
    for module in _modules():
        _, package = _module_of(module)
        imported |= {name for _, name in _imports(_tree(module), package)}
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
