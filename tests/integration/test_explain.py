"""`kgv explain` on a run of knowledge injection at maps of the encoder."""

import json

import numpy as np
import pytest
from PIL import Image

from tests import cli

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("explain")]


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    """A run without texts: no word vectors are fetched."""
    folder = tmp_path_factory.mktemp("infused")
    cli.succeed(
        "main", *cli.DRAWN, "--config.method=infuse", "--config.infuse.scales=graph,random", "--config.infuse.taps=0,z",
        "--config.kg.vectors_epochs=2", "--config.train.steps=20", f"--workdir={folder}",
    )  # fmt: skip
    return folder


def test_overlays_and_numbers(workdir, tmp_path):
    done = cli.succeed(
        "explain", f"--workdir={workdir}", "--domain=cn", "--count=3", "--measured=5", f"--out={tmp_path / 'x.png'}"
    )
    for text in ("| grad_cam ", "| random weights ", "| centre ", "energy in box", "| infuse layers ", "projection"):
        assert text in done.stdout
    assert np.asarray(Image.open(tmp_path / "x.png")).shape == (202, 3 * 338, 3)
    numbers = json.loads((tmp_path / "x.json").read_text())
    assert [record["n"] for record in numbers["trust"]] == [5] * len(numbers["trust"])
    assert all(-1 <= record["correlation"] <= 1 for record in numbers["randomised"])
    again = cli.succeed(
        "explain", f"--workdir={workdir}", "--domain=cn", "--count=3", "--measured=5", f"--out={tmp_path / 'y.png'}"
    )
    assert again.stdout.replace("y.png", "x.png") == done.stdout
    assert (tmp_path / "x.png").read_bytes() == (tmp_path / "y.png").read_bytes()


def test_mistakes_are_reported(workdir, tmp_path):
    reported = cli.refused("explain", f"--workdir={workdir}", "--domain=ch")
    assert "--domain is 'ch'" in reported and "the run has validation, de, cn" in reported
    assert "--domain is missing" in cli.refused("explain", f"--workdir={workdir}")
    assert "has no config.json" in cli.refused("explain", f"--workdir={tmp_path}", "--domain=cn")
    assert "expected a file that ends in .png" in cli.refused(
        "explain", f"--workdir={workdir}", "--domain=cn", "--out=x.jpg"
    )
