"""The three sets in their published layouts, made tiny, through the command line."""

import json

import pytest

from tests import cli
from tests import road_photographs as written

pytestmark = [pytest.mark.processes]


def _arguments(root, workdir):
    return (
        "--config=configs/road_photographs.py", *cli.FOLDER[1:], f"--config.data.root={root}", f"--workdir={workdir}",
        "--config.train.steps=3", "--config.synthetic.per_variant=1", "--config.synthetic.compositions_per_step=8",
        "--config.data.targets=cn,ru",
    )  # fmt: skip


def _write_sets(root):
    """The sets, with German signs that look like their classes, so that compositions have scenes to stand in."""
    written.drawn_gtsrb(root / "GTSRB")
    for name, write in (("TSRD", written.tsrd), ("RTSD", written.rtsd_crops)):
        (root / name).mkdir()
        write(root / name)


def test_germany_is_trained_on_and_china_and_russia_are_tested(tmp_path):
    _write_sets(tmp_path / "sets")
    done = cli.succeed("main", *_arguments(tmp_path / "sets", tmp_path / "run"))
    records = json.loads((tmp_path / "run" / "results.json").read_text())
    counts = {record["domain"]: record["n"] for record in records}
    assert counts == {"de": 3, "cn": 3, "ru": 3}
    metrics = json.loads((tmp_path / "run" / "metrics.jsonl").read_text().splitlines()[-1])
    assert metrics["reg"] > 0
    assert "tested on 3 of 3 classes" in done.stderr and "no-horn" in done.stderr
    (cost,) = json.loads((tmp_path / "run" / "cost.json").read_text())
    assert cost["images_per_second"] > 0


def test_a_set_that_is_not_there_is_reported(tmp_path):
    _write_sets(tmp_path / "sets")
    (tmp_path / "sets" / "RTSD").rename(tmp_path / "RTSD")
    reported = cli.refused("main", *_arguments(tmp_path / "sets", tmp_path / "run"))
    assert "no folder RTSD" in reported and "config.data.targets" in reported
