"""Prints what the regulariser adds to a training step, in per cent of the step without it; one JSON line per figure.

    python -m benchmarks.regulariser
    python -m benchmarks.regulariser --cases small
    taskset -c 0 python -m benchmarks.regulariser

A step is that of `kgv_jax.main`, compiled as a run compiles it: with the method `kgv_no_synthetic`, and on the same
batch of real images with `ce`, that is with beta's term, its nodes and their optimiser left out. Both are in one
process and run in turns.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import pathlib
import tempfile
from collections.abc import Callable
from typing import Any

import jax

from benchmarks.graphs import write_graph
from benchmarks.harness import in_turns, print_figure
from kgv_jax.config import schema as config_schema
from kgv_jax.optim.stages import plan_stages
from kgv_jax.parallel import mesh as mesh_lib
from kgv_jax.run.build import make_run, make_state
from kgv_jax.train_step import compile_step

RELATIONS = 8


@dataclasses.dataclass(frozen=True)
class Graph:
    """A graph: the name of one that comes with the package, or one made with so many nodes."""

    about: str
    path: str = ""
    nodes: int = 0
    candidates: str = "range"


@dataclasses.dataclass(frozen=True)
class Case:
    """One encoder at one batch size, with several graphs; `steps` are timed as one."""

    encoder: str
    size_px: int
    batch: int
    dim: int
    steps: int
    graphs: tuple[Graph, ...]
    settings: tuple[tuple[str, Any], ...] = ()


_IMAGES = (("data.name", "fake"), ("data.source", "imagenet"), ("data.targets", ""), ("data.fake_classes", 100))
CASES = {
    "resnet50": Case(
        "resnet50", 224, 16, 128, 1,
        (
            Graph("1,300 nodes x 8 relations", nodes=1_300, candidates="all"),
            Graph("82,115 nodes x 8 relations, of which those in a relation's range are candidates", nodes=82_115),
            Graph("82,115 nodes x 8 relations, every node a candidate", nodes=82_115, candidates="all"),
        ),
        _IMAGES,
    ),
    "imagenet": Case("resnet50", 224, 16, 512, 1, (Graph("1,860 nodes x 2 relations", path="fake"),), _IMAGES),
    "small": Case(
        "resnet8_flat", 32, 128, 128, 10, (Graph("the road-sign graph", path="roadsigns"),),
        (("data.targets", "cn"), ("data.train_views", 2), ("data.test_views", 1), ("model.norm", "batch")),
    ),
}  # fmt: skip


def config_of(case: Case, graph: Graph, method: str, folder: pathlib.Path) -> config_schema.Config:
    """Returns the config of one side; a graph that is made is written to `folder`."""
    config = config_schema.default_config()
    config.method = method
    for key, value in case.settings:
        section, name = key.split(".")
        config[section][name] = value
    path = graph.path
    if graph.nodes:
        classes = config.data.fake_classes
        path = str(write_graph(folder, nodes=graph.nodes, relations=RELATIONS, classes=classes))
    config.kg.update(path=path, candidates=graph.candidates)
    config.data.size_px = case.size_px
    config.model.update(encoder=case.encoder, dim=case.dim)
    config.train.batch_size = case.batch
    config.optim.learning_rate = 1e-5  # on both sides: a batch learned by heart would leave denormal numbers
    return config_schema.resolve(config)


def make_call(config: config_schema.Config, steps: int) -> Callable[[], None]:
    """Returns what takes so many steps on the first batch of a run."""
    run = make_run(config)
    state = make_state(run)
    batch = mesh_lib.put_batch(run.experiment.pipeline[0], run.mesh)
    (stage,) = plan_stages(config)
    step = compile_step(run, stage, state, batch)

    def call() -> None:
        nonlocal state
        for _ in range(steps):
            state, metrics = step(state, batch, run.graph_arrays)
        jax.block_until_ready((state, metrics))

    return call


def compare(case: Case, folder: pathlib.Path, *, repeats: int) -> None:
    """Prints the figures of one case: one a graph."""
    calls = {"ce": make_call(config_of(case, case.graphs[0], "ce", folder), case.steps)}
    for graph in case.graphs:
        calls[graph.about] = make_call(config_of(case, graph, "kgv_no_synthetic", folder), case.steps)
    seconds = in_turns(calls, repeats=repeats, in_a_row=3)
    for graph in case.graphs:
        ours, without = seconds[graph.about], seconds["ce"]
        print_figure(
            "step.regulariser_overhead",
            100 * (ours.wall / without.wall - 1),
            "%",
            against="the same step with beta's term left out (method ce)",
            case=f"{case.encoder}, {case.size_px} px, batch {case.batch}, D {case.dim}, {graph.about}",
            processor_percent=round(100 * (ours.processor / without.processor - 1), 2),
            with_wall_seconds=round(ours.wall / case.steps, 4),
            without_wall_seconds=round(without.wall / case.steps, 4),
            cores=len(os.sched_getaffinity(0)),
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", nargs="+", choices=list(CASES), default=list(CASES))
    parser.add_argument("--repeats", type=int, default=4)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name in args.cases:
            compare(CASES[name], pathlib.Path(folder), repeats=args.repeats)


if __name__ == "__main__":
    main()
