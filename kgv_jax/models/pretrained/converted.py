"""A folder of converted weights: `model.safetensors` by our own names, and `manifest.json` on where they came from."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import shutil
import uuid

import numpy as np
import safetensors.numpy

from kgv_jax.models.pretrained.read import digest, read
from kgv_jax.util.errors import UserError

FORMAT = "kgv_jax weights 1"
_WEIGHTS, _MANIFEST = "model.safetensors", "manifest.json"
# Beside the arrays: the header, the manifest, the file system's own data.
_SPARE_BYTES = 1 << 20


@dataclasses.dataclass(frozen=True)
class Manifest:
    """What is in the folder.

    Attributes:
      model: whose weights, a name of the registry.
      source, source_sha256: what they were converted from.
      layout: whose names the source had.
      epsilon: see `Layout.epsilon`.
      head_classes: classes of the published head; None if it has none.
      absent, ignored: optional paths that the source lacked, keys of it that were not needed.
      sha256: of model.safetensors.
      arrays, parameters: the number of arrays, and of elements in all of them.
    """

    model: str
    source: str
    source_sha256: str
    layout: str
    epsilon: float | None
    head_classes: int | None
    absent: tuple[str, ...]
    ignored: tuple[str, ...]
    sha256: str = ""
    arrays: int = 0
    parameters: int = 0
    format: str = FORMAT


def is_converted(folder: pathlib.Path) -> bool:
    """Whether `write` made this folder."""
    manifest = folder / _MANIFEST
    return manifest.is_file() and FORMAT.rpartition(" ")[0] in manifest.read_text(encoding="utf-8", errors="replace")


def read_manifest(folder: pathlib.Path) -> Manifest:
    """Returns the manifest of a folder.

    Raises:
      UserError: it is none, or another version's.
    """
    path = folder / _MANIFEST
    try:
        manifest = Manifest(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise UserError(f"{path}: not a manifest of converted weights ({error}); convert them again.") from error
    if manifest.format != FORMAT:
        raise UserError(f"{path}: its format is {manifest.format!r}, expected {FORMAT!r}; convert the weights again.")
    return manifest


def read_converted(folder: pathlib.Path, model: str) -> tuple[dict[str, np.ndarray], Manifest]:
    """Returns the arrays of a folder by flat path, after a check of their digest.

    Raises:
      UserError: they are another model's, or damaged.
    """
    manifest = read_manifest(folder)
    if manifest.model != model:
        raise UserError(
            f"{folder}: holds weights of {manifest.model}, not of {model}; name that model or another folder."
        )
    found = digest(folder / _WEIGHTS)
    if found != manifest.sha256:
        raise UserError(
            f"{folder / _WEIGHTS}: SHA-256 is {found}, the manifest says {manifest.sha256}; the file is damaged or was"
            f" exchanged: convert {manifest.source} again."
        )
    return read(folder / _WEIGHTS), manifest


def check_target(folder: pathlib.Path, model: str, num_bytes: int) -> None:
    """Checks that `write` may and can write there.

    Raises:
      UserError: something else is there, or the disk is too full.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder}: exists and is no folder; give --out another name.")
    if folder.is_dir() and is_converted(folder):
        there = read_manifest(folder).model
        if there != model:
            raise UserError(f"{folder}: holds weights of {there}; give --out another folder for {model}, or delete it.")
    elif folder.is_dir() and (names := sorted(path.name for path in folder.iterdir())):
        raise UserError(f"{folder}: not empty ({', '.join(names[:3])}); give --out a new folder.")
    parent = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(parent).free
    if free < num_bytes + _SPARE_BYTES:
        raise UserError(
            f"{folder}: {num_bytes / 1e6:.0f} MB to write, {free / 1e6:.0f} MB free; free some space or give --out a"
            " folder on another disk."
        )


def write(folder: pathlib.Path, arrays: dict[str, np.ndarray], manifest: Manifest) -> None:
    """Writes both files; the manifest comes last, and a folder without one is not read.

    Args:
      folder: checked by `check_target`.
      arrays: by flat path, float32.
      manifest: `sha256`, `arrays` and `parameters` are filled in here.
    """
    mark = uuid.uuid4().hex
    weights, text = folder / f".{mark}-{_WEIGHTS}", folder / f".{mark}-{_MANIFEST}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        safetensors.numpy.save_file(arrays, weights)
        manifest = dataclasses.replace(
            manifest,
            sha256=digest(weights),
            arrays=len(arrays),
            parameters=sum(array.size for array in arrays.values()),
        )
        text.write_text(json.dumps(dataclasses.asdict(manifest), indent=1) + "\n", encoding="utf-8")
        # safetensors makes files that only their owner may read.
        shutil.copymode(text, weights)
        (folder / _MANIFEST).unlink(missing_ok=True)
        os.replace(weights, folder / _WEIGHTS)
        os.replace(text, folder / _MANIFEST)
    except OSError as error:
        raise UserError(
            f"{folder}: cannot be written ({error.strerror or error}); give --out another folder."
        ) from error
    finally:
        for path in (weights, text):
            with contextlib.suppress(OSError):
                path.unlink()
