"""Source images that were rendered once, in the user's cache folder: one array and its manifest.

The manifest is written last, so a writer that was stopped leaves a folder that does not count as prepared.
"""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import uuid
from typing import Any

import numpy as np
from PIL import Image

from kgv_jax.data.decode import decode
from kgv_jax.data.render_cache import over_white
from kgv_jax.util.errors import UserError

_MANIFEST = "manifest.json"
_CARD_MARGIN = 0.06  # of the card's side, on each side


def is_prepared(folder: pathlib.Path) -> bool:
    """Whether a folder holds a manifest, and so everything that the manifest names."""
    return (folder / _MANIFEST).exists()


def write_rendered(folder: pathlib.Path, name: str, pixels: np.ndarray, described: dict[str, Any]) -> None:
    """Writes `name.npy` uint8 `[n, s, s, 4]` RGBA, and a manifest of its digest and `described`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _MANIFEST).unlink(missing_ok=True)
    # Temporary names of this call alone, renamed when complete: two processes may prepare the same folder.
    mark = uuid.uuid4().hex
    array = folder / f".{name}-{mark}.npy"
    np.save(array, pixels)
    text = folder / f".manifest-{mark}.json"
    manifest = {"sha256": _sha256(array), "size_px": pixels.shape[1], **described}
    text.write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    os.replace(array, folder / f"{name}.npy")
    os.replace(text, folder / _MANIFEST)


def read_rendered(
    folder: pathlib.Path, name: str, *, what: str, command: str
) -> tuple[np.ndarray, list[dict[str, Any]]]:
    """Returns the pixels and the manifest's records, one per image, in the same order.

    Args:
      folder: where `write_rendered` wrote to.
      name: of the array.
      what: what messages call the images, at the start of a sentence.
      command: the command that prepares them, for messages.

    Raises:
      UserError: nothing is prepared there, or it is damaged.
    """
    manifest, array = folder / _MANIFEST, folder / f"{name}.npy"
    if not manifest.exists() or not array.exists():
        raise UserError(f"{what} is not prepared: {folder} has no {name}.npy with a manifest.json. Run `{command}` once"
                        " (30 MB of packages, half a minute).")  # fmt: skip
    damaged = f"{what} is damaged. Delete the folder {folder} and run `{command}` again."
    try:
        described = json.loads(manifest.read_text(encoding="utf-8"))
        # The key is that of earlier versions, whose caches stay valid.
        expected, images = described["sha256"], list(described["pictures"])
        if any(not {"id", "sha256"} <= entry.keys() for entry in images):
            raise KeyError("id, sha256")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{manifest}: not a manifest ({error!r}). {damaged}") from error
    found = _sha256(array)
    if found != expected:
        raise UserError(f"{array}: SHA-256 is {found}, the manifest says {expected}. {damaged}")
    return np.load(array, allow_pickle=False), images


def resized(pixels: np.ndarray, size_px: int) -> np.ndarray:
    """Resizes with premultiplied alpha (as Pillow does), so that no dark rim appears."""
    if pixels.shape[0] == size_px:
        return pixels.copy()
    return np.asarray(Image.fromarray(pixels).resize((size_px, size_px), Image.Resampling.LANCZOS)).copy()


def cropped(sheet: np.ndarray, size_px: int, *, margin: float = 0.0) -> np.ndarray | None:
    """Returns the visible part of a sheet uint8 [h, w, 4], centred in a square; None if nothing is visible.

    Args:
      sheet: RGBA, straight alpha.
      size_px: side of the square.
      margin: left free at both ends of the longer side, as a share of the square's side.
    """
    rows, columns = np.nonzero(sheet[..., 3] > 8)
    if not len(rows):
        return None
    seen = Image.fromarray(sheet).crop((columns.min(), rows.min(), columns.max() + 1, rows.max() + 1))
    scale = (1 - 2 * margin) * size_px / max(seen.size)
    seen = seen.resize([max(1, round(side * scale)) for side in seen.size], Image.Resampling.LANCZOS)
    square = Image.new("RGBA", (size_px, size_px))
    square.paste(seen, ((size_px - seen.width) // 2, (size_px - seen.height) // 2))
    return np.asarray(square)


def render_on_card(svg: bytes, name: str, scratch: pathlib.Path, *, size_px: int) -> np.ndarray | None:
    """Returns an SVG image on a white card, uint8 [s, s, 4]; None if nothing of it is visible.

    Args:
      svg: the content of a file; its visible part is centred on the card.
      name: of a temporary file, unique in `scratch`.
      scratch: a folder to write to.
      size_px: side of the card.
    """
    path = scratch / f"{name}.svg"
    path.write_bytes(svg)
    square = cropped(decode(path, 2 * size_px), size_px, margin=_CARD_MARGIN)
    return None if square is None else np.dstack([over_white(square), np.full(square.shape[:2], 255, np.uint8)])


def _sha256(path: pathlib.Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
