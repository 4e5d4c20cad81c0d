import json
import math
import os

import pytest

from kgv_jax.util import writers
from kgv_jax.util.errors import UserError


def write_steps(workdir, steps, **options):
    with writers.MetricWriter(workdir, **options) as writer:
        for step in steps:
            writer.write(step, {"loss": 1 / step})


def steps_of(workdir):
    return [record["step"] for record in writers.read_metrics(workdir)]


def test_one_json_object_per_line(tmp_path):
    with writers.MetricWriter(tmp_path / "deep" / "run") as writer:
        writer.write(10, {"loss": 0.5, "accuracy": 0.25})
        writer.write(20, {"loss": math.nan})
    lines = (tmp_path / "deep" / "run" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [
        {"step": 10, "loss": 0.5, "accuracy": 0.25},
        {"step": 20, "loss": None},
    ]


def test_events_are_written(tmp_path):
    write_steps(tmp_path, [1, 2])
    (events,) = (tmp_path / "events").iterdir()
    assert events.name.startswith("events.out.tfevents") and b"loss" in events.read_bytes()


def test_a_line_is_on_disk_before_the_run_ends(tmp_path):
    with writers.MetricWriter(tmp_path) as writer:
        writer.write(1, {"loss": 1.0})
        assert steps_of(tmp_path) == [1]


def test_resuming_drops_lines_after_the_checkpoint(tmp_path):
    write_steps(tmp_path, [10, 20, 30])
    write_steps(tmp_path, [21, 30], resumed_step=20)
    assert steps_of(tmp_path) == [10, 20, 21, 30]


def test_resuming_at_the_last_step_keeps_all(tmp_path):
    write_steps(tmp_path, [10, 20])
    write_steps(tmp_path, [], resumed_step=20)
    assert steps_of(tmp_path) == [10, 20]


def test_a_new_run_drops_all(tmp_path):
    write_steps(tmp_path, [10, 20])
    write_steps(tmp_path, [5])
    assert steps_of(tmp_path) == [5]


@pytest.mark.parametrize("torn", [b'{"step": 20, "lo', b"\0\0\0\0"])
def test_an_incomplete_last_line_is_repaired(tmp_path, torn):
    write_steps(tmp_path, [10])
    with open(tmp_path / "metrics.jsonl", "ab") as file:
        file.write(torn)
    assert steps_of(tmp_path) == [10]
    write_steps(tmp_path, [20], resumed_step=20)
    assert steps_of(tmp_path) == [10, 20]


@pytest.mark.parametrize("line", ["epoch,loss", "[1, 2]", '{"loss": 1}'])
def test_a_file_of_other_content_is_left_alone(tmp_path, line):
    path = tmp_path / "metrics.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(UserError, match=r"metrics.jsonl:1: expected a JSON object.*another workdir"):
        writers.MetricWriter(tmp_path)
    assert path.read_text() == line + "\n"


def test_a_full_disk_is_reported_with_the_file(tmp_path):
    with writers.MetricWriter(tmp_path) as writer:
        writer.write(1, {"loss": 1.0})
        os.remove(tmp_path / "metrics.jsonl")
        os.symlink("/dev/full", tmp_path / "metrics.jsonl")
        with pytest.raises(UserError, match=r"No space left.*metrics\.jsonl\. Free some"):
            writer.write(2, {"loss": 1.0})


def test_other_errors_of_the_system_pass_through(tmp_path):
    with pytest.raises(FileNotFoundError), writers.naming_full_disk(tmp_path):
        open(tmp_path / "missing")
