"""Encoded images in ArrayRecord shards: a few large files in place of a million small ones.

A folder of shards holds `part-00000.array_record`, ..., whose records are the image files byte for byte; beside each a
`part-00000.csv` with the name and the right class ids of every record; and `manifest.json` with the number of records
and the SHA-256 of each shard. A shard is renamed to its name once it is complete, and then entered in the manifest, so
a writer that was stopped continues after the last complete shard.
"""

from __future__ import annotations

import csv
import functools
import hashlib
import io
import json
import os
import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from array_record.python.array_record_data_source import ArrayRecordDataSource
from array_record.python.array_record_module import ArrayRecordWriter
from etils import epath

from kgv_jax.data.sources.imagenet_layouts import Listing
from kgv_jax.util.errors import UserError

VERSION = 1
PER_SHARD = 8192  # of images of 110 kB: 0.9 GB
_MANIFEST = "manifest.json"


def write_shards(
    listing: Listing,
    read: Callable[[np.ndarray], list[bytes]],
    folder: pathlib.Path,
    *,
    per_shard: int = PER_SHARD,
    report: Callable[[str], None] = lambda line: None,
) -> int:
    """Writes the shards of a listing that are still missing; returns how many were written now.

    Args:
      listing: names and class ids of the images.
      read: maps rows `[m]` of the listing to the encoded images.
      folder: where to.
      per_shard: images in a shard.
      report: called with a line for every shard.

    Raises:
      UserError: the folder holds shards of other images, or one that has changed since it was written.
    """
    folder.mkdir(parents=True, exist_ok=True)

    # Continue only what has the same images in the same order and shards of the same size.
    start = {
        "version": VERSION,
        "crop_share": listing.crop_share,
        "per_shard": per_shard,
        "total": len(listing.paths),
        "pictures": _digest(listing),
    }
    manifest = _read_manifest(epath.Path(folder)) if are_in(folder) else start | {"shards": []}
    if {key: manifest[key] for key in start} != start:
        raise UserError(
            f"{folder}: holds shards of other images, or of another size. Delete the folder, or write elsewhere."
        )
    # A shard that was changed or damaged since is reported here and not during training.
    done = manifest["shards"]
    for shard in done:
        if _sha256(folder / shard["file"]) != shard["sha256"]:
            raise UserError(
                f"{folder / shard['file']}: has changed since it was written. Delete {folder} and write again."
            )

    # The shard, then its table, then its entry in the manifest: each is complete before the next refers to it.
    before, count = len(done), -(-len(listing.paths) // per_shard)
    for index in range(before, count):
        rows = np.arange(index * per_shard, min((index + 1) * per_shard, len(listing.paths)))
        name = f"part-{index:05d}.array_record"
        _write_shard(folder / name, rows, read)
        _replace(folder / name.replace(".array_record", ".csv"), _table(listing, rows).encode())
        done.append({"file": name, "records": len(rows), "sha256": _sha256(folder / name)})
        _replace(folder / _MANIFEST, json.dumps(manifest, indent=1).encode())
        report(f"{name}: {len(rows)} images, {index + 1} of {count} shards")
    return count - before


def are_in(folder: str | os.PathLike) -> bool:
    """Whether a folder, here or in a bucket, holds shards."""
    return (epath.Path(folder) / _MANIFEST).exists()


def open_shards(folder: str | os.PathLike) -> tuple[Listing, Callable[[np.ndarray], list[bytes]]]:
    """Returns the listing of a folder of shards, and a function that reads rows of it.

    Raises:
      UserError: the folder is not complete, or not what its manifest says.
    """
    folder = epath.Path(folder)
    manifest = _read_manifest(folder)
    paths: list[str] = []
    ids: list[tuple[str, ...]] = []
    for shard in manifest["shards"]:
        for name, right in csv.reader(io.StringIO((folder / shard["file"]).with_suffix(".csv").read_text())):
            paths.append(name)
            ids.append(tuple(right.split()))
    if len(paths) != manifest["total"]:
        raise UserError(
            f"{folder}: holds {len(paths)} of {manifest['total']} images. Run the command that writes the"
            " shards again; it continues where it stopped."
        )
    files = [str(folder / shard["file"]) for shard in manifest["shards"]]
    if missing := [file for file in files if not epath.Path(file).exists()]:
        raise UserError(f"{missing[0]}: no such file, but {folder / _MANIFEST} names it. Copy it again.")
    source = ArrayRecordDataSource(files)
    if len(source) != len(paths):
        raise UserError(
            f"{folder}: the shards hold {len(source)} records, their tables {len(paths)}. Write them again."
        )
    return Listing(folder, paths, ids, manifest["crop_share"]), functools.partial(_read_rows, source)


def _read_rows(source: Any, rows: np.ndarray) -> list[bytes]:
    return list(source.__getitems__([int(row) for row in rows]))


def _write_shard(path: pathlib.Path, rows: np.ndarray, read: Callable[[np.ndarray], list[bytes]]) -> None:
    mine = path.with_name(f".{path.name}.{os.getpid()}")
    # Groups of one: training reads single records in random order, and a group is read whole. Images are compressed
    # already.
    writer = ArrayRecordWriter(str(mine), "group_size:1,uncompressed")
    try:
        for data in _in_blocks(rows, read):
            writer.write(data)
        writer.close()
        os.replace(mine, path)
    finally:
        mine.unlink(missing_ok=True)


def _in_blocks(rows: np.ndarray, read: Callable[[np.ndarray], list[bytes]], size: int = 64) -> Iterator[bytes]:
    for start in range(0, len(rows), size):
        yield from read(rows[start : start + size])


def _table(listing: Listing, rows: np.ndarray) -> str:
    lines = io.StringIO()
    csv.writer(lines, lineterminator="\n").writerows(
        (listing.paths[row], " ".join(listing.ids[row])) for row in rows.tolist()
    )
    return lines.getvalue()


def _digest(listing: Listing) -> str:
    digest = hashlib.sha256()
    for path, ids in zip(listing.paths, listing.ids, strict=True):
        digest.update(f"{path}\t{' '.join(ids)}\n".encode())
    return digest.hexdigest()


def _read_manifest(folder: Any) -> dict[str, Any]:
    path = folder / _MANIFEST
    try:
        manifest = json.loads(path.read_text())
        if manifest["version"] != VERSION:
            raise ValueError(f"version {manifest['version']}, expected {VERSION}")
        parts = [(manifest, {"crop_share", "total", "per_shard", "pictures"})]
        parts += [(shard, {"file", "records", "sha256"}) for shard in manifest["shards"]]
        for part, keys in parts:
            if missing := keys - part.keys():
                raise KeyError(min(missing))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: not a manifest of shards ({error!r}). Delete {folder} and write it again.") from error
    return manifest


def _sha256(path: pathlib.Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UserError(
            f"{path}: cannot be read ({error.strerror}). Delete {path.parent} and write it again."
        ) from error


def _replace(path: pathlib.Path, data: bytes) -> None:
    mine = path.with_name(f".{path.name}.{os.getpid()}")
    mine.write_bytes(data)
    os.replace(mine, path)
