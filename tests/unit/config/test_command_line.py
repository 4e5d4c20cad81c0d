"""Settings with several elements, typed on a real command line."""

import json
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]


def _config(tmp_path, *settings):
    """Returns the `config.json` of a run that is refused for its data, after the config was read."""
    arguments = ["--config=configs/folder.py", f"--workdir={tmp_path / 'run'}", "--config.kg.path=roadsigns",
                 f"--config.data.root={tmp_path / 'none'}", "--config.data.source=DE"]  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "kgv_jax.main", *arguments, *settings], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 2 and "Traceback" not in done.stderr, done.stderr
    assert "none: no such folder" in done.stderr, done.stderr
    return json.loads((tmp_path / "run" / "config.json").read_text())


@pytest.mark.processes
def test_lists_as_text(tmp_path):
    found = _config(
        tmp_path, "--config.data.targets=CN,RU", "--config.transfer.freeze=encoder/.*,(a|b)/bias",
        "--config.transfer.wise_ft=0,0.5", "--config.kg.relations=", "--config.zero_shot.unseen_classes=30,bus",
        "--config.train.stages=a 0.5 terms=ce; b 0.5 freeze=encoder/.*,decoder/.*",
    )  # fmt: skip
    assert found["data"]["targets"] == ["CN", "RU"] and found["kg"]["relations"] == []
    assert found["transfer"]["freeze"] == ["encoder/.*", "(a|b)/bias"] and found["transfer"]["wise_ft"] == [0.0, 0.5]
    assert found["zero_shot"]["unseen_classes"] == ["30", "bus"]
    assert [stage["freeze"] for stage in found["train"]["stages"]] == [[], ["encoder/.*", "decoder/.*"]]


@pytest.mark.processes
def test_lists_as_python_writes_them(tmp_path):
    found = _config(
        tmp_path, "--config.data.targets=('CN','RU')", "--config.transfer.freeze=['block[1,2]/.*']",
        "--config.train.stages=[{'name': 'all', 'share': 1.0, 'terms': ('ce',)}]",
    )  # fmt: skip
    assert found["data"]["targets"] == ["CN", "RU"] and found["transfer"]["freeze"] == ["block[1,2]/.*"]
    assert [(stage["name"], stage["terms"]) for stage in found["train"]["stages"]] == [("all", ["ce"])]
