"""What the tables of a comparison are made of, in one small file: whoever has it prints and tests them again untrained.

    python -m kgv_jax.compare --config=FILE --workdir=DIR ... --archive=FILE.tar.xz
    mkdir DIR && tar xf FILE.tar.xz -C DIR    # elsewhere; the same command then finds every run finished

Of each run it holds the config, the records and who is right on which picture; no weights and no predictions. Names of
pictures are most of it and the same in all runs, so nothing inside is compressed on its own.
"""

from __future__ import annotations

import io
import os
import pathlib
import tarfile
from collections.abc import Iterable

import numpy as np

from kgv_jax.report.runs import read_outcomes
from kgv_jax.workdir import Workdir

_RECORDS = ("config.json", "results.json", "validation.json")


def pack(folders: Iterable[pathlib.Path], root: pathlib.Path, file: pathlib.Path) -> None:
    """Writes finished runs as they lie below `root`; equal runs make equal bytes. The file is whole or not there."""
    partial = file.with_name(f".{file.name}.partial")
    try:
        with tarfile.open(partial, "w:xz") as tar:
            for folder in folders:
                workdir, inside = Workdir(folder), folder.relative_to(root)
                for name in _RECORDS:
                    if (folder / name).exists():
                        _add(tar, inside / name, (folder / name).read_bytes())
                domains = {path.stem for path in (*workdir.outcomes.glob("*.npz"), *workdir.predictions.glob("*.npz"))}
                for domain in sorted(domains):
                    outcomes, buffer = read_outcomes(workdir, domain), io.BytesIO()
                    np.savez(buffer, picture=outcomes.picture, **outcomes.right)
                    _add(tar, inside / "outcomes" / f"{domain}.npz", buffer.getvalue())
        os.replace(partial, file)
    finally:
        partial.unlink(missing_ok=True)


def _add(tar: tarfile.TarFile, path: pathlib.Path, content: bytes) -> None:
    info = tarfile.TarInfo(path.as_posix())
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))
