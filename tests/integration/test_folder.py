"""A user's own images and a graph written by hand: no line of code changes."""

import json

import numpy as np
import pytest
from PIL import Image, ImageDraw

from tests import cli

pytestmark = [pytest.mark.processes]

GRAPH = """head,relation,tail
stop,type,Class
yield,type,Class
parking,type,Class
stop,hasShape,octagon
stop,hasFillColour,red
yield,hasShape,triangle
yield,hasBorderColour,red
yield,hasFillColour,white
parking,hasShape,square
parking,hasFillColour,blue
stop,broader,priority sign
yield,broader,priority sign
"""
_CORNERS = {"stop": 8, "yield": 3, "parking": 4, "bus": 5}
_FILL = {"stop": "#cc0000", "yield": "#ffffff", "parking": "#0044bb", "bus": "#00aa44"}
_ENDINGS = ("png", "jpg", "svg")


def _draw(path, name, seed):
    rng = np.random.default_rng(seed)
    angles = 2 * np.pi * np.arange(_CORNERS[name]) / _CORNERS[name] + rng.uniform(-0.3, 0.3)
    points = [tuple(24 + 20 * np.array([np.cos(a), np.sin(a)])) for a in angles]
    if path.suffix == ".svg":
        text = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        body = f'<polygon points="{text}" fill="{_FILL[name]}" stroke="#cc0000"/>'
        path.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 48 48">{body}</svg>')
        return
    image = Image.new("RGB", (48, 48), tuple(rng.integers(90, 160, 3).tolist()))
    ImageDraw.Draw(image).polygon(points, fill=_FILL[name], outline="#cc0000")
    image.save(path)


def make_folder(root):
    """Draws the images of three domains; CN has a class, bus, that the others do not have."""
    domains = {"DE": ("stop", "yield", "parking"), "CN": ("stop", "yield", "bus"), "RU": ("parking", "yield", "stop")}
    for domain, classes in domains.items():
        for label in classes:
            (root / domain / label).mkdir(parents=True)
            for k in range(9 if domain == "DE" else 4):
                _draw(root / domain / label / f"{k}.{_ENDINGS[k % 3]}", label, 100 * len(domain + label) + k)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("mine")
    make_folder(root)
    return root


def make_arguments(root, graph, workdir):
    """Returns the arguments of a short run on the folder."""
    return (
        *cli.FOLDER, f"--config.data.root={root}", "--config.data.source=DE", "--config.data.targets=CN,RU",
        f"--config.kg.path={graph}", f"--workdir={workdir}", "--config.train.steps=10",
    )  # fmt: skip


def test_a_folder_and_a_table_train_and_evaluate(root, tmp_path):
    graph = tmp_path / "signs.csv"
    graph.write_text(GRAPH)
    done = cli.succeed("main", *make_arguments(root, graph, tmp_path / "run"))
    records = json.loads((tmp_path / "run" / "results.json").read_text())
    assert {(r["method"], r["domain"], r["head"]) for r in records} == {
        ("kgv", domain, head) for domain in ("DE", "CN", "RU") for head in ("decoder", "density", "combined")
    }
    counts = {r["domain"]: r["n"] for r in records}
    assert counts["CN"] == 8, "bus is no class of the source: two classes of four images are left"
    assert counts["RU"] == 12
    assert "CN" in done.stderr and "bus" in done.stderr and "parking" in done.stderr
    metrics = json.loads((tmp_path / "run" / "metrics.jsonl").read_text().splitlines()[-1])
    assert metrics["reg"] > 0
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["synthetic"]["elements"] is True


def test_a_graph_without_an_element_names_the_method_that_needs_none(root, tmp_path):
    graph = tmp_path / "bare.csv"
    graph.write_text("head,relation,tail\nstop,broader,priority\nyield,broader,priority\nparking,broader,other\n")
    reported = cli.refused("main", *make_arguments(root, graph, tmp_path / "run"))
    assert "kgv_no_synthetic" in reported and "bare.csv" in reported


def test_a_class_that_the_graph_lacks_is_named(root, tmp_path):
    graph = tmp_path / "short.csv"
    graph.write_text("\n".join(line for line in GRAPH.splitlines() if not line.startswith("parking")))
    reported = cli.refused("main", *make_arguments(root, graph, tmp_path / "run"))
    assert "parking" in reported and "stop" not in reported.split("parking")[0]
