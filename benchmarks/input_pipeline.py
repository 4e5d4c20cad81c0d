"""Prints how fast JPEGs become training images, against tf.data and torchvision; one JSON line per figure.

    python -m benchmarks.input_pipeline

All sides do the same: from encoded JPEGs in memory decode, crop at random (area 0.08 to 1, aspect 3/4 to 4/3), resize
to 224 px, mirror half of them, and give uint8 batches in a fixed order. Ours and tf.data's resize bilinearly,
torchvision's also smooths. Decoders are set alike (accurate inverse transform, interpolated chroma); `tfdata_fast` is
tf.data with both off.
Photographs are cut from the two that come with scikit-learn, at two qualities; the case names their mean size. Each
case runs twice, on files as cameras write them, and on the same images with restart markers every 2 units of 16 px
or a few more (`kgv_jax/data/restarts.py` says how to get them): all sides read the same bytes. Files of the lower
quality are read on one core alone.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import pathlib
import subprocess
import sys
import tempfile

import cv2
import numpy as np

from benchmarks.harness import Worker, print_figure, serve, workers_in_turns
from kgv_jax.data.crop import RandomCrop
from kgv_jax.data.encoded import CropReader
from kgv_jax.data.pipeline import Stream, make_pipeline
from kgv_jax.data.records import Cropped, Records

PEERS_PYTHON = os.environ.get("KGV_PEERS_PYTHON", ".venv-peers/bin/python")
SIZE_PX, BATCH, BATCHES = 224, 64, 8
IMAGES, QUALITIES = 128, (97, 90)
KINDS = {"plain": "no restart markers", "marked": "restart markers"}
PEERS = {
    "torchvision_pil": ("benchmarks.peers.input_torchvision", "pil"),
    "torchvision_tensor": ("benchmarks.peers.input_torchvision", "tensor"),
    "tfdata": ("benchmarks.peers.input_tfdata", "accurate"),
    "tfdata_fast": ("benchmarks.peers.input_tfdata", "fast"),
}


def serve_ours(folder: str, batches: int, cores: int) -> None:
    """Serves the project's own pipeline on so many cores."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    cv2.setNumThreads(1)
    source_images = [path.read_bytes() for path in sorted(pathlib.Path(folder).glob("*.jpg"))]
    numbers = np.arange(len(source_images))
    names = np.array([b"%d" % number for number in numbers])
    records = Records("train", ("image",), np.zeros_like(numbers), names, lambda rows: [source_images[k] for k in rows])
    images = Cropped(records, CropReader(SIZE_PX, RandomCrop(0, "train")))
    pipeline = make_pipeline([Stream("train", {}, BATCH, images)], seed=0)

    def run() -> dict[str, int]:
        read_ahead = pipeline.iterate(0, batches, prefetch=0 if cores == 1 else 2 * cores, threads=cores)
        return {"images": sum(len(batch["image"]) for _, batch in read_ahead)}

    serve(run)


def compare(folder: str, kind: str, cores: int, repeats: int) -> None:
    """Runs all sides in turns and prints both figures."""
    numbers = [str(number) for number in (SIZE_PX, BATCH, BATCHES, cores)]
    commands = {"ours": [sys.executable, "-m", "benchmarks.input_pipeline", "--serve", folder, *numbers[2:]]}
    for name, (module, variant) in PEERS.items():
        commands[name] = [PEERS_PYTHON, "-m", module, variant, folder, *numbers]
    with contextlib.ExitStack() as stack:
        workers = {name: stack.enter_context(Worker(command)) for name, command in commands.items()}
        seconds = workers_in_turns(workers, repeats=repeats)
    # On one core processor time leaves out what else the machine does; of several processes it would be counted in one.
    images = BATCH * BATCHES / cores
    speed = {name: images / (took.processor if cores == 1 else took.wall) for name, took in seconds.items()}
    files = list(pathlib.Path(folder).glob("*.jpg"))
    kilobytes = sum(path.stat().st_size for path in files) / len(files) / 1e3
    on = "one core" if cores == 1 else f"{cores} cores"
    case = f"{SIZE_PX} px of 500 x 375 px, {kilobytes:.0f} kB, {KINDS[kind]}, {on}"
    more = {f"{name}_images_per_second_per_core": round(value) for name, value in speed.items()}
    torchvision = max("torchvision_pil", "torchvision_tensor", key=speed.__getitem__)
    for name, peer in (("input.vs_torchvision", torchvision), ("input.vs_tfdata", "tfdata")):
        print_figure(name, speed["ours"] / speed[peer], "times as fast", against=peer, case=case, **more)


def main() -> None:
    if sys.argv[1:2] == ["--serve"]:
        serve_ours(sys.argv[2], *map(int, sys.argv[3:]))
        return
    if not pathlib.Path(PEERS_PYTHON).is_file():
        sys.exit(f"error: KGV_PEERS_PYTHON is {PEERS_PYTHON}, which is no program; `make peers` installs them there")
    both = len(os.sched_getaffinity(0))
    for quality, kind in itertools.product(QUALITIES, KINDS):
        with tempfile.TemporaryDirectory() as folder:
            write = [PEERS_PYTHON, "-m", "benchmarks.peers.input_pictures", folder, str(IMAGES), str(quality), kind]
            subprocess.run(write, check=True)
            for cores in sorted({1, both}) if quality == QUALITIES[0] else (1,):
                compare(folder, kind, cores, repeats=3)


if __name__ == "__main__":
    main()
