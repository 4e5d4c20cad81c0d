"""DVM-CAR in its published layout, made tiny, through both command lines."""

import json

import pytest

from tests import cars as written
from tests import cli

pytestmark = [pytest.mark.processes]


def test_some_colours_are_trained_on_and_others_tested(tmp_path):
    root, graph = written.write(tmp_path / "set"), tmp_path / "cars.ttl"
    cli.succeed("build-graph", "cars", str(root), f"--out={graph}", "--shift=colour", "--domains=black+silver+grey,red")
    done = cli.succeed(
        "main", "--config=configs/cars.py:colour", *cli.FOLDER[1:], f"--config.data.root={root}",
        "--config.data.targets=red", f"--config.kg.path={graph}", "--config.model.norm=group",
        "--config.train.steps=3", f"--workdir={tmp_path / 'run'}",
    )  # fmt: skip
    records = json.loads((tmp_path / "run" / "results.json").read_text())
    assert {record["domain"]: record["n"] for record in records} == {"black+silver+grey": 9, "red": 18}
    metrics = json.loads((tmp_path / "run" / "metrics.jsonl").read_text().splitlines()[-1])
    assert metrics["reg"] > 0
    assert "red: tested on 3 of 3 models" in done.stderr
