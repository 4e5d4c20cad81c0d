"""Runs published weights over arrays: features of images, logits of the published head, features of texts."""

from __future__ import annotations

import functools
import os
import pathlib
import uuid
from collections.abc import Callable, Iterator

import jax
import numpy as np

from kgv_jax.models import registry
from kgv_jax.models.pretrained.published import Published
from kgv_jax.models.spec import EncoderOptions, EncoderSpec
from kgv_jax.models.tokenizer import load_tokenizer
from kgv_jax.util.errors import UserError


def image_features(
    published: Published, model_name: str, images: np.ndarray, *, logits: bool = False, batch_size: int = 32
) -> np.ndarray:
    """Returns `[n, F]` float32 features, or `[n, C]` logits of the published head.

    Args:
      published: weights of the model.
      model_name: see `registry.list_models`.
      images: `[n, H, W, 3]` float32, already normalised with the model's mean and std.
      logits: apply the head to `spec.head_input(features)`.
      batch_size: images at a time.

    Raises:
      UserError: the images are of another type or shape, or not finite; or there is no head.
    """
    spec = registry.get(model_name)
    if logits and published.head is None:
        raise UserError(
            f"--logits: {published.source} has no classification head"
            + ("" if spec.num_logits else f", and {model_name} is published without one")
            + "; leave --logits out, or take a checkpoint with a head."
        )
    _check_images(images, spec, model_name)
    encoder = spec.make(EncoderOptions(epsilon=published.epsilon))
    variables = jax.device_put({"params": published.encoder, "batch_stats": published.batch_stats})
    head = jax.device_put(published.head) if logits else None

    @jax.jit
    def run(variables, head, batch):
        features = encoder.apply(variables, batch, train=False)
        if head is None:
            return features.pooled
        return spec.head_input(features) @ head["kernel"] + head["bias"]

    return _run_batches(functools.partial(run, variables, head), images, batch_size, _check_finite)


def text_features(published: Published, model_name: str, texts: list[str], *, batch_size: int = 32) -> np.ndarray:
    """Returns `[n, F]` float32 features of texts, not normalised.

    Raises:
      UserError: the model or the file has no text tower.
    """
    spec = registry.get(model_name)
    if spec.make_text is None or published.text is None:
        lacking = model_name if spec.make_text is None else published.source
        raise UserError(f"--texts: {lacking} has no text tower; give a CLIP model and a file with both towers.")
    tower = spec.make_text()
    tokens = load_tokenizer(tower.vocabulary)(texts, context=tower.context)
    run = jax.jit(lambda params, batch: tower.apply({"params": params}, batch))
    return _run_batches(functools.partial(run, jax.device_put(published.text)), tokens, batch_size)


def read_images(path: str | os.PathLike) -> np.ndarray:
    """Returns the array of a `.npy` file, mapped into memory.

    Raises:
      UserError: it is missing or no such file.
    """
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"--images {path}: cannot be read ({error}); expected a .npy file of one array.") from error
    if not isinstance(array, np.ndarray):
        raise UserError(f"--images {path}: an .npz of several arrays; expected a .npy of one: numpy.save(FILE, X).")
    return array


def read_texts(path: str | os.PathLike) -> list[str]:
    """Returns the lines of a text file that are not empty.

    Raises:
      UserError: it is missing, not UTF-8, or empty.
    """
    try:
        lines = pathlib.Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise UserError(
            f"--texts {path}: cannot be read ({error}); expected a UTF-8 file with one text per line."
        ) from error
    texts = [line.strip() for line in lines if line.strip()]
    if not texts:
        raise UserError(f"--texts {path}: no text in it; expected one per line.")
    return texts


def check_output(path: str | os.PathLike) -> pathlib.Path:
    """Returns the file to write, checked before anything is computed.

    Raises:
      UserError: its folder is missing, or its name does not end with .npy.
    """
    path = pathlib.Path(path)
    if path.suffix != ".npy":
        raise UserError(f"--out {path}: expected a name that ends with .npy.")
    if path.is_dir() or not path.absolute().parent.is_dir():
        wrong = "is a folder" if path.is_dir() else "its folder does not exist"
        raise UserError(f"--out {path}: {wrong}; name a file in a folder that exists.")
    return path


def write_output(path: pathlib.Path, array: np.ndarray) -> None:
    """Writes a `.npy` file, whole or not at all."""
    part = path.with_name(f".{uuid.uuid4().hex}.npy")
    try:
        np.save(part, array)
        os.replace(part, path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise UserError(f"--out {path}: cannot be written ({error.strerror or error}); name another file.") from error


def _check_images(images: np.ndarray, spec: EncoderSpec, model_name: str) -> None:
    side, multiple = spec.size_px, spec.multiple_px
    wanted = f"expected [n, height, width, 3] float32, published with {side}x{side}, normalised: (rgb/255 - mean)/std"
    if images.dtype != np.float32:
        raise UserError(f"--images: type {images.dtype}; {wanted}; convert with X.astype('float32').")
    if images.ndim != 4 or images.shape[3] != 3:
        transpose = "; X.transpose(0, 2, 3, 1) moves the channels last" if images.shape[1:2] == (3,) else ""
        raise UserError(f"--images: shape {list(images.shape)}; {wanted}{transpose}.")
    if not len(images) or not all(images.shape[1:3]):
        raise UserError(f"--images: shape {list(images.shape)} has no image in it; {wanted}.")
    if any(size % multiple for size in images.shape[1:3]):
        raise UserError(
            f"--images: images of {images.shape[1]}x{images.shape[2]}, and {model_name} takes multiples of"
            f" {multiple}; resize them, to {side}x{side} for instance."
        )


def _check_finite(batch: np.ndarray, start: int) -> None:
    bad = ~np.isfinite(batch).all((1, 2, 3))
    if bad.any():
        raise UserError(
            f"--images: image {start + int(bad.argmax())} holds values that are not finite; fix that image."
        )


def _run_batches(
    run: Callable[[np.ndarray], jax.Array],
    inputs: np.ndarray,
    batch_size: int,
    check: Callable[[np.ndarray, int], None] | None = None,
) -> np.ndarray:
    """Maps a function over batches of one size, so that it is compiled once; the last batch's padding is cut off."""
    batch_size = min(batch_size, len(inputs))

    def batches() -> Iterator[np.ndarray]:
        for start in range(0, len(inputs), batch_size):
            batch = np.asarray(inputs[start : start + batch_size])
            if check is not None:
                check(batch, start)
            padding = [(0, batch_size - len(batch))] + [(0, 0)] * (batch.ndim - 1)
            yield np.pad(batch, padding, mode="edge")

    # Full float32 products on every device: the result stands for the published model.
    with jax.default_matmul_precision("highest"):
        outputs = [np.asarray(run(batch), np.float32) for batch in batches()]
    return np.concatenate(outputs)[: len(inputs)]
