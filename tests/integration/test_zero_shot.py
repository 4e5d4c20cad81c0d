"""Classes without images through real processes: compared, added to a trained run's graph, read from feature files."""

import json
import tarfile

import numpy as np
import pytest

from kgv_jax.run.predictions import Predictions
from tests import cli, zero_shot_files
from tests.integration.test_folder import GRAPH, make_arguments, make_folder

pytestmark = [pytest.mark.processes]

BUS = "bus,type,Class\nbus,hasShape,square\nbus,hasFillColour,green\nbus,hasBorderColour,red\n"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A folder whose target CN has a class that its graph and its source lack, and a run that holds it out."""
    base = tmp_path_factory.mktemp("classes")
    make_folder(base / "mine")
    (base / "signs.csv").write_text(GRAPH)
    arguments = make_arguments(base / "mine", base / "signs.csv", base / "run")
    done = cli.succeed("main", *arguments, "--config.zero_shot.unseen_classes=bus")
    assert "1 classes are not known to this run and left out: bus" in done.stderr
    return base


def _load(folder, domain="CN"):
    return Predictions.load(folder / "predictions" / f"{domain}.npz")


def test_a_class_is_added_to_the_graph_of_a_trained_run(run):
    before = {path: path.read_bytes() for path in (run / "run").rglob("*") if path.is_file()}
    (run / "more.csv").write_text(GRAPH + BUS + "anything,broader,priority sign\n")
    done = cli.succeed("main", "--mode=eval", f"--workdir={run / 'run'}", f"--kg.path={run / 'more.csv'}")
    assert "The graph adds 3 nodes and 1 classes: bus" in done.stderr
    for path, content in before.items():
        assert path.read_bytes() == content, path
    (folder,) = (run / "run" / "graphs").iterdir()
    old, new = _load(run / "run"), _load(folder)
    assert new.classes.tolist() == ["bus", *old.classes] and new.role.tolist() == ["unseen", "seen", "seen", "seen"]
    assert len(new.label) == len(old.label) + 4 and (new.label == 0).sum() == 4
    rows = [new.id.tolist().index(id) for id in old.id]
    np.testing.assert_allclose(new.logits[rows][:, 1:], old.logits, rtol=1e-5, atol=1e-5)
    assert np.isfinite(new.scores).all()
    records = json.loads((folder / "results.json").read_text())
    assert {r["domain"]: r["n"] for r in records}["CN"] == len(new.label)
    reported = cli.succeed("report", str(folder), "--protocol=zero_shot", "--head=density").stdout
    assert "1 unseen of 4 classes" in reported
    # The other spelling; nothing is done again that is there already, and nothing else is written.
    cli.succeed("main", "--mode=eval", f"--workdir={run / 'run'}", f"--config.kg.path={run / 'more.csv'}")
    assert [path.name for path in (run / "run" / "graphs").iterdir()] == [folder.name]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (GRAPH.replace("octagon", "circle"), "lacks 1 of the 10 nodes that the run was trained with, the first is oct"),
        (GRAPH + "bus,type,Class\nbus,hasDoor,door\n", "the new class 'bus' states hasDoor door, and nothing of it"),
        (None, "no such graph file"),
    ],
)
def test_graphs_that_cannot_be_used(run, text, words):
    path = run / "bad.csv"
    path.unlink(missing_ok=True)
    if text is not None:
        path.write_text(text)
    reported = cli.refused("main", "--mode=eval", f"--workdir={run / 'run'}", f"--kg.path={path}")
    assert words in reported


def test_a_graph_for_training_is_a_setting(run):
    reported = cli.refused("main", *make_arguments(run / "mine", run / "signs.csv", run / "run"), "--kg.path=x.csv")
    assert "--kg.path=x.csv is for --mode=eval" in reported


def test_methods_are_compared_on_classes_without_images(tmp_path):
    arguments = (
        *cli.DRAWN, "--methods=kgv,shuffled_kg", "--seeds=1", "--jobs=1", "--config.train.steps=4",
        "--config.zero_shot.unseen_count=6", "--config.zero_shot.validation_count=4", "--config.kgv.density_head=lift",
        f"--archive={tmp_path / 'kept.tar.xz'}",
    )  # fmt: skip
    runs, elsewhere = tmp_path / "runs", tmp_path / "elsewhere"
    done = cli.succeed("compare", *arguments, f"--workdir={runs}")
    assert "Generalised zero-shot: 6 unseen of" in done.stdout and "Gain in AUSUC over shuffled_kg" in done.stdout
    records = json.loads((runs / "zero_shot.json").read_text())
    assert {r["domain"] for r in records} == {"de", "cn", "targets"} and {r["head"] for r in records} >= {"density"}
    assert "## Every head" in (runs / "zero_shot.md").read_text()
    # The report reads predictions, the comparison outcomes.
    reported = [f"{runs / method / 'fraction1' / 'seed0'}" for method in ("kgv", "shuffled_kg")]
    cli.succeed(
        "report", *reported, "--protocol=zero_shot", "--head=all", "--control=shuffled_kg",
        f"--json={tmp_path / 'report.json'}",
    )  # fmt: skip
    assert json.loads((tmp_path / "report.json").read_text())["zero_shot"] == records
    # An archive of it prints the same, untrained.
    with tarfile.open(tmp_path / "kept.tar.xz") as tar:
        tar.extractall(elsewhere, filter="data")
    assert not list(elsewhere.rglob("predictions"))
    again = cli.succeed("compare", *arguments, f"--workdir={elsewhere}")
    assert "2 runs, 0 to do" in again.stderr and again.stdout == done.stdout.replace(str(runs), str(elsewhere))
    for name in ("zero_shot.json", "zero_shot.md", "compare.json"):
        assert (elsewhere / name).read_bytes() == (runs / name).read_bytes()
    # Outcomes of an earlier version, without seen-unseen margins.
    file = elsewhere / "kgv" / "fraction1" / "seed0" / "outcomes" / "de.npz"
    with np.load(file) as arrays:
        np.savez(file, **{name: arrays[name] for name in ("group", "decoder", "density", "combined")})
    reported = cli.refused("compare", *arguments, f"--workdir={elsewhere}")
    assert "de.npz, of an earlier version, lacks seen against unseen classes; write it again" in reported


def test_feature_files_are_trained_and_evaluated(tmp_path):
    root, graph = zero_shot_files.write(tmp_path / "AWA2"), tmp_path / "awa.ttl"
    cli.succeed("build-graph", "attributes", str(root), f"--out={graph}")
    arguments = (
        "--config=configs/zero_shot_features.py", f"--config.data.root={root}", f"--config.kg.path={graph}",
        "--config.model.dim=16", "--config.train.batch_size=16", "--config.train.steps=200",
        "--config.optim.learning_rate=0.01", f"--workdir={tmp_path / 'run'}",
    )  # fmt: skip
    done = cli.succeed("main", *arguments)
    assert "1 classes are held out of training and tested: dalmatian" in done.stderr
    found = _load(tmp_path / "run", "photographs")
    assert found.role.tolist() == ["seen", "seen", "seen", "validation", "unseen"]
    assert set(found.label.tolist()) == {0, 1, 2, 4} and len(found.label) == 9 + 12
    seen = found.label < 3
    assert np.mean(found.scores[seen][:, :3].argmax(1) == found.label[seen]) > 0.8
    reported = cli.refused("main", *arguments[:-1], f"--workdir={tmp_path / 'other'}", "--config.method=kgv")
    assert "which has feature vectors instead of images" in reported
