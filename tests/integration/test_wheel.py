"""The wheel, installed where no clone is: configs by name and by path, the command, the version."""

import json
import pathlib
import subprocess
import sys
import sysconfig
import zipfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.processes


def _run(*command, cwd, **options):
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True, stdin=subprocess.DEVNULL, **options
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    # From a copy: setuptools builds inside the folder of the sources.
    files = _run("git", "ls-files", "kgv_jax", "configs", "*.toml", "*.txt", "*.in", "setup.py", "README.md", cwd=ROOT)
    for name in (*files.splitlines(), "LICENSE", "NOTICE"):
        target = folder / "source" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((ROOT / name).read_bytes())
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "wheel")
    _run(*pip, "--no-deps", "--no-build-isolation", "--no-index", "-w", folder / "dist", folder / "source", cwd=folder)
    (found,) = (folder / "dist").glob("*.whl")
    return found


@pytest.fixture(scope="module")
def kgv(wheel, tmp_path_factory):
    """The console script in an environment with the dependencies and the wheel, and nothing of the clone."""
    env = tmp_path_factory.mktemp("env")
    _run(sys.executable, "-m", "venv", "--without-pip", env, cwd=env)
    (packages,) = env.glob("lib/*/site-packages")
    # The dependencies of this environment; its own link to the clone is in a .pth file, which is not read from here.
    (packages / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    # What a plain installation does not bring, or not on every Python, is not there either.
    absent = ("huggingface_hub", "httpx2", "pyarrow", "tensorflow_datasets", "networkx", "pytest", "chex")
    (packages / "absent.pth").write_text(f"import sys; sys.modules.update(dict.fromkeys({absent}))\n")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "--python", env / "bin" / "python")
    _run(*pip, "install", "--no-deps", "--no-index", "--ignore-installed", wheel, cwd=env)
    return env / "bin" / "kgv"


def test_the_wheel_holds_configs_and_data_and_no_tests(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    configs = {f"kgv_jax/configs/{path.name}" for path in (ROOT / "configs").glob("*.py")}
    assert configs and configs <= names
    assert "kgv_jax/kg/graphs/roadsigns.ttl" in names and "kgv_jax/data/sources/gtsrb_classes.csv" in names
    assert not [name for name in names if name.startswith(("tests", "benchmarks", "configs"))]


def test_a_config_by_name_trains_in_an_empty_folder(kgv, tmp_path):
    short = ("--config.train.steps=2", "--config.optim.warmup_steps=1", "--config.data.train_views=1")
    few = ("--config.data.test_views=1", "--config.synthetic.views=1", "--config.data.targets=cn")
    out = _run(kgv, "train", "--config=roadsigns:quick", "--workdir=a", *short, *few, cwd=tmp_path)
    assert "kgv_compose" in out
    records = json.loads((tmp_path / "a/results.json").read_text())
    assert {record["domain"] for record in records} == {"de", "cn"}
    where = _run(kgv.with_name("python"), "-c", "import kgv_jax; print(kgv_jax.__file__)", cwd=tmp_path)
    assert str(ROOT) not in where, "the clone was imported, so the wheel was not tested"


def test_what_is_not_installed_is_named_with_its_extra(kgv, tmp_path):
    settings = ("--config=roadsigns:quick", "--workdir=a", "--config.model.encoder=resnet50")
    done = subprocess.run(
        [kgv, "train", *settings, f"--config.model.init=hf:a/b@{'0' * 40}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2 and "pip install 'kgv-jax[hub]'" in done.stderr, done.stderr


def test_a_config_by_path_and_the_version(kgv, tmp_path):
    (tmp_path / "mine.py").write_text(
        "from kgv_jax.config.schema import default_config\n\n\ndef get_config():\n    return default_config()\n"
    )
    version = _run(kgv.with_name("python"), "-c", "import kgv_jax; print(kgv_jax.__version__)", cwd=tmp_path).strip()
    assert version in _run(kgv, "--version", cwd=tmp_path)
    done = subprocess.run(
        [kgv, "train", "--config=mine.py", "--workdir=a", "--config.train.steps=-1"],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 2 and "config.train.steps is -1" in done.stderr
