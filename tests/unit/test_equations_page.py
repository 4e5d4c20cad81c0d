"""docs/equations.md names files and tests that are there, and leaves no method or model out."""

import importlib
import pathlib
import pkgutil
import re

from kgv_jax import methods
from kgv_jax.embed.registry import RECIPES

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/equations.md").read_text()


def test_every_test_that_is_named_is_there():
    named = re.findall(r"`((?:\w+/)*test_\w+\.py)(?:::(\w+))?`", PAGE)
    assert len(named) > 60
    for file, test in named:
        text = (ROOT / "tests/unit" / file).read_text()
        assert f"def {test}(" in text or not test, f"{file} has no {test}"


def test_every_file_that_is_named_is_there():
    rows = [line.split(" | ") for line in PAGE.splitlines() if line.startswith("| ") and "---" not in line]
    files = {file for row in rows for file in re.findall(r"`([a-z_/]+\.py)`", " | ".join(row)) if "test_" not in file}
    assert len(files) > 25
    assert not [file for file in files if not (ROOT / "kgv_jax" / file).exists()]


def test_no_objective_and_no_model_is_left_out():
    names = [module.name for module in pkgutil.iter_modules(methods.__path__)]
    stating = [name for name in names if hasattr(importlib.import_module(f"kgv_jax.methods.{name}"), "METHODS")]
    assert len(stating) > 8
    # The equation of ce is that of losses.py.
    assert not [name for name in stating if name != "ce" and f"methods/{name}.py" not in PAGE]
    assert all(f"`{name}`" in PAGE for name in RECIPES)
