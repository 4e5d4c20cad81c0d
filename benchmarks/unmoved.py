"""Short runs of every config on one core, and whether their results are those that were written down.

    python -m benchmarks.unmoved --write                 # into benchmarks/results/unmoved.json
    python -m benchmarks.unmoved                         # compares; exit code 1 if any value moved

A refactoring must not move a number. Each case is one process pinned to one core, so that sums have one order; the
values are those of this kind of processor and of these versions of XLA, so write them down before the change on the
machine that compares.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from PIL import Image

HERE = pathlib.Path(__file__).resolve().parent
KEPT = HERE / "results" / "unmoved.json"
# What is compared: every number of a record but the digest of the config, whose settings have other names now.
IGNORED = ("config_digest",)

_SHORT = ("train.steps=24", "optim.warmup_steps=2", "data.train_views=4", "data.test_views=2")
_FOLDER = (
    "train.steps=24", "optim.warmup_steps=2", "data.root={root}", "data.source=DE", "data.targets=CN,RU",
    "kg.path={root}/graph.csv", "data.validation_fraction=0.25",
)  # fmt: skip
CASES: dict[str, tuple[str, tuple[str, ...]]] = {
    "roadsigns:quick": ("roadsigns.py:quick", ("train.steps=40",)),
    "roadsigns:artwork": ("roadsigns.py:artwork", (*_SHORT, "synthetic.views=2")),
    "emoji:quick": ("emoji.py:quick", ()),
    "finetune": (
        "finetune.py:full",
        (
            *_SHORT[:1],
            "train.steps=6",
            *_SHORT[1:],
            "synthetic.views=1",
            "train.batch_size=16",
            "synthetic.compositions_per_step=16",
        ),
    ),
    "zero_shot": ("zero_shot.py:artwork", _SHORT),
    "infuse": ("infuse.py:roadsigns", _SHORT),
    "folder": ("folder.py", _FOLDER),
    "folder ce": ("folder.py", ("method=ce", *_FOLDER)),
}
_SIGNS = {"stop": ("octagon", "red"), "yield": ("triangle", "white"), "parking": ("square", "blue")}


def make_folder(root: pathlib.Path) -> None:
    """Writes ROOT/<domain>/<class>/*.png of noise around one colour a class, and a graph of three facts each."""
    random = np.random.default_rng(0)
    colours = {"red": (200, 30, 30), "white": (230, 230, 230), "blue": (30, 60, 200)}
    lines = ["head,relation,tail"]
    for name, (shape, colour) in _SIGNS.items():
        lines += [f"{name},hasShape,{shape}", f"{name},hasFillColour,{colour}", f"{name},broader,sign"]
        for domain, shift in (("DE", 0), ("CN", 20), ("RU", 40)):
            folder = root / domain / name
            folder.mkdir(parents=True)
            for number in range(8):
                pixels = np.array(colours[colour]) - shift + random.integers(-60, 60, (40, 40, 3))
                Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(folder / f"{number}.png")
    (root / "graph.csv").write_text("\n".join(lines) + "\n")


def run(case: str, folder: pathlib.Path) -> dict:
    """Returns the records of one short run, `results.json` and `validation.json`."""
    config, settings = CASES[case]
    root, workdir = folder / "root", folder / case.replace(":", "-").replace(" ", "-")
    if not root.exists():
        make_folder(root)
    command = [sys.executable, "-m", "kgv_jax.main", f"--config=configs/{config}", f"--workdir={workdir}"]
    command += [f"--config.{setting.format(root=root)}" for setting in settings]
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    subprocess.run(command, check=True, cwd=HERE.parent)
    read = {name: json.loads((workdir / f"{name}.json").read_text()) for name in ("results", "validation")}
    return {
        name: [{key: value for key, value in record.items() if key not in IGNORED} for record in records]
        for name, records in read.items()
    }


def main() -> None:
    """Runs the cases, and writes their results down or compares them."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--write", action="store_true", help="write the results down instead of comparing them")
    parser.add_argument("--only", default="", help="cases whose names contain this")
    parser.add_argument("--kept", type=pathlib.Path, default=KEPT)
    options = parser.parse_args()
    kept = json.loads(options.kept.read_text()) if options.kept.exists() else {}
    moved = []
    with tempfile.TemporaryDirectory() as folder:
        for case in (name for name in CASES if options.only in name):
            found = run(case, pathlib.Path(folder))
            if options.write:
                kept[case] = found
                options.kept.write_text(json.dumps(kept, indent=1) + "\n")
            elif found != kept[case]:
                moved.append(case)
                print(f"{case}: moved\n  there: {json.dumps(kept[case])}\n  here:  {json.dumps(found)}")
            else:
                print(f"{case}: the same")
    sys.exit(bool(moved))


if __name__ == "__main__":
    main()
