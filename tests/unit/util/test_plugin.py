"""A user's file: what it adds to the tables, and in which words a wrong one is refused."""

import hashlib
import json

import jax
import numpy as np
import pytest

from kgv_jax import losses
from kgv_jax.config.methods import METHODS
from kgv_jax.config.schema import Config, default_config, digest, resolve, to_dict
from kgv_jax.data.synthetic_manifest import audit, read_manifest
from kgv_jax.kg.graph import Graph
from kgv_jax.models import registry
from kgv_jax.models.spec import EncoderOptions
from kgv_jax.run.workdir import Workdir
from kgv_jax.util.errors import UserError
from kgv_jax.util.plugin import load_plugin
from tests import tiny
from tests.plugins import MINE, forgetting

pytestmark = pytest.mark.usefixtures(forgetting.__name__)


@pytest.fixture
def mine(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(MINE)
    return file


def test_a_method_comes_with_its_settings_and_its_objective(mine):
    before = digest(Config())
    load_plugin(mine)
    load_plugin(mine)  # once more changes nothing
    assert "short" in METHODS and digest(Config()) != before
    values = default_config()
    assert values.short.weight == 0.5
    values.short.parts = "a,b"
    values.method = "short"
    values.model.dim = 32
    config = resolve(values)
    assert config.short.weight == 0.25, "the method's own default"
    assert config.short.parts == ("a", "b") and not config.synthetic.elements
    assert to_dict(config)["short"] == {"weight": 0.25, "parts": ["a", "b"]}
    assert hash(config) == hash(resolve(to_dict(config)))

    problem = tiny.make("short", short__weight=2.0)
    batch = tiny.batch(problem.mask, 8)
    _, metrics = jax.jit(problem.step())(problem.init(), batch, problem.graph_arrays)
    np.testing.assert_allclose(metrics["loss"], metrics["ce"] + 2 * metrics["short"], rtol=1e-5)
    assert metrics["short"] > 0


def test_the_settings_of_a_plugin_are_checked_like_ours(mine):
    load_plugin(mine)
    with pytest.raises(UserError, match=r"config\.short\.weight is -1\.0; expected from 0\.0 to any: weight of the"):
        tiny.config("short", short__weight=-1.0)
    with pytest.raises(UserError, match=r"config\.model\.dim is 65; short takes up to 64"):
        tiny.config("short", model__dim=65)
    with pytest.raises(UserError, match=r"config\.method is 'shrt', did you mean 'short'"):
        tiny.config("shrt")


def test_an_encoder_and_a_loss_are_chosen_by_name(mine):
    load_plugin(mine)
    assert "means" in registry.list_models()
    module = registry.get("means").make(EncoderOptions())
    features, _ = module.init_with_output(jax.random.key(0), np.ones((2, 16, 16, 3), np.float32), train=False)
    assert features.pooled.shape == (2, 8)
    terms = {}
    for loss in ("nodes", "halved"):
        problem = tiny.make("kgv", kgv__loss=loss, kgv__score="whole")
        _, metrics = jax.jit(problem.step())(problem.init(), tiny.batch(problem.mask, 8), problem.graph_arrays)
        terms[loss] = float(metrics["reg"])
    assert terms["halved"] == pytest.approx(terms["nodes"] / 2, rel=1e-5)
    assert set(losses.REGULARISERS) == {"nodes", "joint", "images", "logistic", "sum", "halved"}


def test_a_renderer_takes_the_place_of_a_folder_of_images(mine):
    load_plugin(mine)
    graph = Graph.from_triples([("a", "hasColour", "red"), ("b", "hasColour", "white")], types={"red": "Colour"})
    made = read_manifest("flat", graph)
    assert [image.id for image in made.images] == ["elements/red/0", "elements/white/0"]
    assert made.images[0].depicts == (("instanceOf", "red"),)
    assert made.images[0].load(8)[0, 0].tolist() == [200, 0, 0, 255]
    assert "2 synthetic images" in audit(made, graph)[0]
    mine.with_name("next.py").write_text(MINE.replace("(200, 0, 0)", "(201, 0, 0)").replace('"flat"', '"flatter"')
                                         .replace('"short":', '"shorter":').replace('"means":', '"other":')
                                         .replace('"halved":', '"half":'))  # fmt: skip
    load_plugin(mine.with_name("next.py"))
    assert read_manifest("flatter", graph).digest != made.digest == read_manifest("flat", graph).digest


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "METHOD = {}\n",
            r"mine\.py adds nothing: expected a dictionary METHODS, .*; it has METHOD, did you mean 'METHODS'",
        ),
        (
            "METHODS = {}\nSETTING = {}\n",
            r"mine\.py states a dictionary that is not read; it has SETTING, did",
        ),
        (
            "COLOURS = {}\n",
            r"mine\.py adds nothing: expected a dictionary METHODS, SETTINGS, .*at the top of the file\.",
        ),
        ("x = 1\n", r"mine\.py adds nothing: expected a dictionary METHODS, SETTINGS, .*at the top of the file\."),
        ("\n\nMETHODS = {'a': 1 / 0}\n", r"mine\.py fails on line 3: ZeroDivisionError: division by zero"),
        ("\nMETHODS = {\n", r"mine\.py cannot be read: line 2: "),
        ("import sys\nsys.exit(3)\n", r"mine\.py fails on line 2: SystemExit: 3"),
        ("METHODS = 3\n", r"mine\.py: METHODS is a int; expected a dictionary, name -> entry"),
        ("METHODS = {'a': 3}\n", r"mine\.py: METHODS\['a'\] is 3 \(int\); expected an entry of type Method"),
        ("REGULARISERS = {'nodes': abs}\n", r"mine\.py adds the loss of the regulariser 'nodes', which exists already"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line(tmp_path, text, message):
    file = tmp_path / "mine.py"
    file.write_text(text)
    with pytest.raises(UserError, match=message) as error:
        load_plugin(file)
    assert "\n" not in str(error.value)


def test_a_missing_file_names_the_nearest(mine):
    with pytest.raises(UserError, match=r"--plugin names .*mein\.py, which is no file, did you mean '.*mine\.py'"):
        load_plugin(mine.with_name("mein.py"))


def test_nothing_is_added_by_a_file_with_one_wrong_entry(mine):
    mine.write_text(MINE.replace('REGULARISERS = {"halved"', 'REGULARISERS = {"nodes"'))
    with pytest.raises(UserError, match="'nodes', which exists already"):
        load_plugin(mine)
    assert "short" not in METHODS and not hasattr(Config(), "short")


@pytest.mark.parametrize("change", ['"short": ShortSettings', '"model": ShortSettings'])
def test_a_section_is_a_dataclass_with_a_name_of_its_own(mine, change):
    wrong = '"short": int' if "short" in change else change
    mine.write_text(MINE.replace('"short": ShortSettings', wrong))
    load_plugin(mine)
    with pytest.raises(UserError, match=r"expected a frozen dataclass that is a subclass of kgv_jax\.config\.methods"):
        Config()


def test_a_run_folder_names_the_plugin_that_is_missing_and_starts_none(mine, tmp_path, monkeypatch, caplog, request):
    load_plugin(mine)
    workdir = Workdir(tmp_path / "run")
    config = tiny.config("short")
    workdir.claim(config)
    workdir.write_records("results.json", [])
    recorded = json.loads((workdir.path / "plugins.json").read_text())
    assert recorded == [{"file": "mine.py", "sha256": hashlib.sha256(MINE.encode()).hexdigest()}]
    assert workdir.read_config() == config
    workdir.claim(config)  # the same plugin goes on

    _forget(monkeypatch)
    with pytest.raises(
        UserError, match=r"was trained with the plugin mine\.py, which is not loaded.*--plugin=mine\.py"
    ):
        workdir.read_config()
    assert "short" not in METHODS

    mine.write_text(MINE + "\n# a comment\n")
    load_plugin(mine)
    # The file is imported anew, so its settings are of another class, with the same values.
    assert to_dict(workdir.read_config()) == to_dict(config)
    assert "mine.py has changed since the run" in caplog.text
    with pytest.raises(UserError, match=r"holds a run of another config \(1 differences.*\n  --plugin: "):
        workdir.claim(config)


def _forget(monkeypatch):
    forgetting.__wrapped__(monkeypatch)


def test_a_run_without_plugins_has_no_record_of_them(tmp_path):
    workdir = Workdir(tmp_path / "run")
    workdir.claim(tiny.config("ce"))
    assert not (workdir.path / "plugins.json").exists()
