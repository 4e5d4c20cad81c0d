"""Prints how time and memory of the regulariser's loss and gradient grow as its sizes double; one JSON line per figure.

    python -m benchmarks.growth
    python -m benchmarks.growth --axes N D

It is the loss of a run, with the score in the form that the run chooses by itself, and its gradients of embeddings,
translations, nodes and temperature. All sizes of an axis run in turns. B, R, N and D grow in one process; virtual
devices, over which the nodes are split, are processes of their own: they share this machine's cores, so what they show
is the work that splitting adds, and what is left of the temporaries on each.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import pathlib
import sys
import tempfile
from collections.abc import Callable
from typing import Any, NamedTuple

from benchmarks.harness import Seconds, Worker, in_turns, print_figure, serve, workers_in_turns

CLASSES = 32
_DEVICES = "--xla_force_host_platform_device_count"


class Sizes(NamedTuple):
    """`B` images, `R` relations, `N` nodes, all of them candidates, `D` dimensions, virtual devices."""

    B: int = 256
    R: int = 8
    N: int = 8192
    D: int = 128
    devices: int = 1


AXES = {
    "B": (64, 128, 256, 512),
    "R": (2, 4, 8, 16),
    "N": (1024, 2048, 4096, 8192, 16384, 32768, 65536),
    "D": (64, 128, 256, 512),
    "devices": (1, 2, 4, 8),
}


class Program(NamedTuple):
    """What is timed, and of it the bytes of temporaries on each device and the form of the score."""

    call: Callable[[], object]
    reported: dict[str, Any]


def make_program(sizes: Sizes, folder: pathlib.Path) -> Program:
    """Compiles loss and gradient of a run of these sizes; its images are tiny and never looked at."""
    import jax
    import numpy as np

    from benchmarks.graphs import write_graph
    from kgv_jax.config import schema as config_schema
    from kgv_jax.models.classifier import Outputs
    from kgv_jax.parallel import mesh as mesh_lib
    from kgv_jax.run.build import make_run

    config = config_schema.default_config()
    config.method = "kgv_no_synthetic"
    config.data.update(name="fake", source="imagenet", targets="", fake_classes=CLASSES, fake_test_images=1)
    config.data.size_px = 8
    config.kg.path = str(write_graph(folder, nodes=sizes.N, relations=sizes.R, classes=CLASSES))
    config.kg.candidates = "all"
    config.model.update(encoder="resnet_test", dim=sizes.D)
    config.train.batch_size = sizes.B
    config.mesh.model = sizes.devices
    run = make_run(config_schema.resolve(config))
    batch = mesh_lib.put_batch(run.experiment.pipeline[0], run.mesh)
    z = np.random.default_rng(0).normal(size=(sizes.B, sizes.D)).astype(np.float32)
    z = jax.device_put(z, mesh_lib.batch_sharding(run.mesh))
    shardings = run.shardings.params["knowledge"]
    params = jax.jit(run.objective.init, out_shardings=shardings)(jax.random.key(0, impl="rbg"))

    def loss(params: dict, z: jax.Array, batch: dict, graph_arrays: tuple) -> jax.Array:
        outputs = Outputs(z, jax.numpy.zeros((sizes.B, CLASSES)), z)
        return run.objective.values(params, outputs, batch, graph_arrays, jax.random.key(0))["reg"].mean()

    gradients = jax.jit(jax.value_and_grad(loss, argnums=(0, 1)), out_shardings=(None, (shardings, z.sharding)))
    arguments = (params, z, batch, run.graph_arrays)
    compiled = gradients.lower(*arguments).compile()
    memory = int(compiled.memory_analysis().temp_size_in_bytes)
    form = run.objective.form(run.graph_arrays).rpartition(": ")[2]
    return Program(lambda: jax.block_until_ready(compiled(*arguments)), {"temporary_bytes": memory, "form": form})


def grow(axis: str, folder: pathlib.Path, *, repeats: int) -> None:
    """Prints a figure for every doubling along an axis."""
    series = [Sizes()._replace(**{axis: size}) for size in AXES[axis]]
    programs = {sizes: make_program(sizes, folder) for sizes in series}
    seconds = in_turns({sizes: program.call for sizes, program in programs.items()}, repeats=repeats)
    _print_figures(axis, seconds, {sizes: program.reported for sizes, program in programs.items()})


def grow_devices(*, repeats: int) -> None:
    """As `grow`, along `devices`."""
    with contextlib.ExitStack() as stack:
        workers = {}
        for devices in AXES["devices"]:
            sizes = Sizes(devices=devices)
            command = [sys.executable, "-m", "benchmarks.growth", "--serve", *map(str, sizes)]
            flags = f"{os.environ.get('XLA_FLAGS', '')} {_DEVICES}={devices}".strip()
            workers[sizes] = stack.enter_context(Worker(command, env=os.environ | {"XLA_FLAGS": flags}))
        seconds = workers_in_turns(workers, repeats=repeats)
        _print_figures("devices", seconds, {sizes: worker.reported for sizes, worker in workers.items()})


def _serve(program: Program) -> None:
    def call() -> dict[str, Any]:
        program.call()
        return program.reported

    serve(call)


def _print_figures(axis: str, seconds: dict[Sizes, Seconds], reported: dict[Sizes, dict[str, Any]]) -> None:
    for half, double in itertools.pairwise(seconds):
        memory = [reported[sizes]["temporary_bytes"] for sizes in (half, double)]
        before, after = getattr(half, axis), getattr(double, axis)
        others = ", ".join(f"{name} {size}" for name, size in double._asdict().items() if name != axis)
        print_figure(
            "score.growth",
            seconds[double].wall / seconds[half].wall,
            "times the time",
            against=f"the same with {axis} {before}",
            case=f"{axis} {after}; {others}",
            processor_ratio=round(seconds[double].processor / seconds[half].processor, 3),
            wall_seconds=round(seconds[double].wall, 5),
            processor_seconds=round(seconds[double].processor, 5),
            temporaries_mb=round(memory[1] / 1e6, 2),
            temporaries_ratio=round(memory[1] / memory[0], 3),
            form=reported[double]["form"],
            cores=len(os.sched_getaffinity(0)),
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--axes", nargs="+", choices=list(AXES), default=list(AXES))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--serve", nargs=len(Sizes._fields), type=int, metavar=Sizes._fields, help=argparse.SUPPRESS)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if args.serve:
            return _serve(make_program(Sizes(*args.serve), pathlib.Path(folder)))
        for axis in args.axes:
            if axis == "devices":
                grow_devices(repeats=args.repeats)
            else:
                grow(axis, pathlib.Path(folder), repeats=args.repeats)


if __name__ == "__main__":
    main()
