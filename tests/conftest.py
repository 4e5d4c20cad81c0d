"""One environment for all tests, set before anything imports jax; child processes inherit it."""

import os
import pathlib
import shutil
import tempfile

import pytest

# Eight virtual devices for everyone: compile times of one-device programs do not change with it.
_DEVICES_FLAG = "--xla_force_host_platform_device_count=8"
_MADE_CACHE_HERE = "PYTEST_XDIST_WORKER" not in os.environ

if "xla_force_host_platform_device_count" not in os.environ.get("XLA_FLAGS", ""):
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {_DEVICES_FLAG}".strip()
os.environ["JAX_PLATFORMS"] = "cpu"
# Where JAX_COMPILATION_CACHE_DIR is set, keep every program: the suite is thousands of small ones.
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"
# Here and not in a fixture: collecting tests may already load data for their parameters.
if _MADE_CACHE_HERE:
    os.environ["KGV_JAX_CACHE"] = tempfile.mkdtemp(prefix="kgv_jax_tests_")

# Left out by `make test-fast`: whole runs, and the files whose programs take longest to compile.
_SLOW = (
    "integration/", "unit/models/test_", "unit/models/cpu/", "unit/methods/", "unit/test_train_step.py",
    "unit/test_fit.py", "unit/explain/", "unit/experiment/", "unit/run/test_build.py",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the tests of slow files."""
    tests = pathlib.Path(__file__).parent
    for item in items:
        if item.path.relative_to(tests).as_posix().startswith(_SLOW):
            item.add_marker(pytest.mark.slow)


def pytest_unconfigure() -> None:
    """Removes the cache folder, in the process that made it."""
    if _MADE_CACHE_HERE:
        shutil.rmtree(os.environ["KGV_JAX_CACHE"], ignore_errors=True)


@pytest.fixture(scope="session")
def kgv_cache() -> pathlib.Path:
    """The cache folder of this test session, shared by its worker processes."""
    return pathlib.Path(os.environ["KGV_JAX_CACHE"])


@pytest.fixture
def empty_kgv_cache(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """A cache folder of the test's own, for tests of the caching itself."""
    monkeypatch.setenv("KGV_JAX_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"
