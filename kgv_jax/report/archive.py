"""What the tables of a comparison are made of, in one small file: it prints and tests them again without training.

    kgv compare --config=FILE --workdir=DIR ... --archive=FILE.tar.xz
    mkdir DIR && tar xf FILE.tar.xz -C DIR    # elsewhere; the same command then finds every run finished

An archive holds the config of each run, its records and its outcomes; it holds no weights and no predictions. Most of
its content is the names of images, which are the same in all runs. So no file inside is compressed on its own, and the
files of a domain stand together: xz then stores a repeated name as a reference, and the 100 kB of a run become 10 kB.
Where classes were held out, there are also margins between seen and unseen classes, which do not repeat: a run then
takes 20 to 60 kB.
"""

from __future__ import annotations

import io
import os
import pathlib
import tarfile
from collections.abc import Iterable

import numpy as np

from kgv_jax.report.study import read_outcomes
from kgv_jax.run.cost import FILE as COST
from kgv_jax.run.predictions import Outcomes
from kgv_jax.run.workdir import Workdir

_RECORDS = ("config.json", "results.json", "validation.json", COST)


def pack(folders: Iterable[pathlib.Path], root: pathlib.Path, file: pathlib.Path) -> None:
    """Writes finished runs as they lie below `root`. Equal runs make equal bytes; the file is whole or not there.

    Args:
      folders: of the runs.
      root: folder of the comparison, which paths inside the archive are relative to.
      file: the archive to write, `NAME.tar.xz`.
    """
    partial = file.with_name(f".{file.name}.partial")
    workdirs = {folder.relative_to(root): Workdir(folder) for folder in folders}
    try:
        # Preset 3 looks back four megabytes: far enough for the same names in the same domain of the run before.
        with tarfile.open(partial, "w:xz", preset=3) as tar:
            for inside, workdir in workdirs.items():
                for name in _RECORDS:
                    if (workdir.path / name).exists():
                        _add(tar, inside / name, (workdir.path / name).read_bytes())
            for domain in sorted(set().union(*map(_domains, workdirs.values()))):
                for inside, workdir in workdirs.items():
                    if domain in _domains(workdir):
                        _add(tar, inside / "outcomes" / f"{domain}.npz", _plain(read_outcomes(workdir, domain)))
        os.replace(partial, file)
    finally:
        partial.unlink(missing_ok=True)


def _domains(workdir: Workdir) -> set[str]:
    return {path.stem for folder in (workdir.outcomes, workdir.predictions) for path in folder.glob("*.npz")}


def _plain(outcomes: Outcomes) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **outcomes.arrays())
    return buffer.getvalue()


def _add(tar: tarfile.TarFile, path: pathlib.Path, content: bytes) -> None:
    info = tarfile.TarInfo(path.as_posix())
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))
