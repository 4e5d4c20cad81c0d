"""Augmentation of training rows on the host, as a pure function of (seed, position in the stream).

An image is first changed on its own (RandAugment, jitter), then mixed with a partner (mixup or cutmix). Jitter changes
the images of every stream alike, synthetic ones too; the others change photographs alone.

The papers mix a batch with a random permutation of itself. Here rows 2j and 2j + 1 of the stream are a pair, each the
other's partner, with one share: the order of the stream is random already, and a pair needs no other row. A process
that holds whole pairs therefore gives the very rows that a single process would give, and a resumed run continues
with the same ones. Labels are not mixed here. Every term of the loss is linear in what an image shows, so the training
step takes `s * term(own label) + (1 - s) * term(partner's label)`, and no method has to know of mixing.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping

import cv2
import numpy as np

from kgv_jax.data.jitter import jitter as jittered
from kgv_jax.data.randaugment import MAX_MAGNITUDE, randaugment
from kgv_jax.util.errors import UserError


@dataclasses.dataclass(frozen=True)
class Augment:
    """Augments the rows of one stream, and with jitter those of the others.

    Where images are mixed, every row of every stream gains what the loss needs:
      `own_share` [n] float32: weight s of the row's own label and query nodes; 1 where nothing was mixed in.
      `partner_label` [n] int32, `partner_mask_ids` [n, K] int32: those of the row's partner; its own where s = 1.

    Attributes:
      seed: seed of the run.
      stream: name of the stream that is augmented.
      mixup: a of lambda ~ Beta(a, a) in mixup (arXiv 1710.09412, section 2); 0 is off.
      cutmix: the same in cutmix (arXiv 1905.04899, section 3.1); with both, a coin decides for each pair.
      ops, magnitude: settings of RandAugment; 0 operations are off.
      jitter: strength of `data.jitter` on the rows of every stream; 0 is off.
    """

    seed: int
    stream: str
    mixup: float
    cutmix: float
    ops: int
    magnitude: float
    jitter: float = 0.0

    @property
    def mixes(self) -> bool:
        """Whether rows have partners."""
        return self.mixup > 0 or self.cutmix > 0

    def check_rows(self, stream: str, rows: int) -> None:
        """Raises a UserError unless the rows of a stream that a process has in a step are whole pairs."""
        if self.mixes and stream == self.stream and rows % 2:
            raise UserError(
                f"Stream {stream!r} has {rows} rows per process and step; expected an even number, since mixup and "
                "cutmix mix pairs. Change config.train.batch_size, or set config.augment.mixup and cutmix to 0."
            )

    def __call__(self, part: Mapping[str, np.ndarray], *, stream: str, positions: np.ndarray) -> dict[str, np.ndarray]:
        """Returns the rows of a stream, augmented.

        Args:
          part: key -> array [n, ...]; `image` is uint8 [n, H, W, 3].
          stream: name of the stream of these rows.
          positions: int64 [n], positions of the rows in the stream's endless order, ascending without a gap.
        """
        augmented = dict(part)
        own = stream == self.stream
        if own and self.ops:
            augmented["image"] = np.stack(
                [
                    randaugment(image, self._rng("row", position), ops=self.ops, magnitude=self.magnitude)
                    for image, position in zip(part["image"], positions.tolist(), strict=True)
                ]
            )
        if self.jitter:
            # A counter of the generator in place of a hash of the position: it has to be made for every image.
            key = self._key("jitter", stream)
            augmented["image"] = np.stack(
                [
                    jittered(image, np.random.Generator(np.random.Philox(key=key, counter=position)), self.jitter)
                    for image, position in zip(augmented["image"], positions.tolist(), strict=True)
                ]
            )
        if self.mixes:
            # All streams of a batch need the same keys: rows of the others have share 1 and are their own partners.
            shares = np.ones(len(positions), np.float32)
            if own:
                augmented["image"], shares = self._mix(augmented["image"], positions)
            rows = np.arange(len(positions))
            partners = np.where(shares < 1, rows ^ 1, rows)  # 2j <-> 2j + 1
            augmented["own_share"] = shares
            augmented["partner_label"] = part["label"][partners]
            augmented["partner_mask_ids"] = part["mask_ids"][partners]
        return augmented

    def _mix(self, images: np.ndarray, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns mixed copies of images [n, H, W, 3] and the share that each row keeps of itself, float32 [n]."""
        mixed, shares = np.empty_like(images), np.empty(len(images), np.float32)
        for row in range(0, len(images), 2):
            rng = self._rng("pair", int(positions[row]) // 2)
            # One share for both rows of a pair: each loses what the other gains.
            cut = self.cutmix > 0 and (self.mixup == 0 or rng.random() < 0.5)
            mix, alpha = (cutmix, self.cutmix) if cut else (mixup, self.mixup)
            share = rng.beta(alpha, alpha)
            mixed[row], mixed[row + 1], shares[row : row + 2] = mix(images[row], images[row + 1], share, rng)
        return mixed, shares

    def _rng(self, purpose: str, position: int) -> np.random.Generator:
        """Returns the random generator of a row or of a pair, independent of all others."""
        return np.random.Generator(np.random.Philox(key=self._key(self.stream, purpose, position)))

    def _key(self, *purpose: str | int) -> int:
        digest = hashlib.blake2b(repr((self.seed, "augment", *purpose)).encode(), digest_size=16)
        return int.from_bytes(digest.digest(), "little")


def make_augment(
    *,
    seed: int,
    mixup: float = 0.0,
    cutmix: float = 0.0,
    ops: int = 0,
    magnitude: float = 9.0,
    jitter: float = 0.0,
    stream: str = "train",
) -> Augment | None:
    """Returns the augmentation of a stream, or None where all of it is off.

    Raises:
      UserError: a setting is out of range.
    """
    for name, value in (("mixup", mixup), ("cutmix", cutmix), ("randaugment_ops", ops), ("jitter", jitter)):
        if not 0 <= value < np.inf:
            raise UserError(f"augment.{name} is {value}; expected 0 (off) or more.")
    if not 0 <= magnitude <= MAX_MAGNITUDE:
        raise UserError(f"augment.randaugment_magnitude is {magnitude}; expected 0 to {MAX_MAGNITUDE:g}.")
    if not (mixup or cutmix or ops or jitter):
        return None
    return Augment(int(seed), stream, float(mixup), float(cutmix), int(ops), float(magnitude), float(jitter))


def mixup(
    first: np.ndarray, second: np.ndarray, share: float, _rng: np.random.Generator | None = None
) -> tuple[np.ndarray, np.ndarray, float]:
    """Returns `share x_i + (1 - share) x_j`, the same with i and j exchanged, and the share (arXiv 1710.09412, eq. 1).

    Args:
      first, second: uint8 [H, W, 3]. The sums are rounded to uint8, an error of at most 0.2 % of full scale.
      share: lambda, in [0, 1].
    """
    mixed = (cv2.addWeighted(x, share, y, 1 - share, 0) for x, y in ((first, second), (second, first)))
    return *mixed, share


def cutmix(
    first: np.ndarray, second: np.ndarray, share: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, float]:
    """Exchanges a box of about `1 - share` of the area; returns the share of the area that stayed.

    The box has sides `sqrt(1 - share)` of the image's about a uniform centre, and is clipped at the border
    (arXiv 1905.04899, equation 2). The share returned counts the pixels of the clipped box, so labels are weighted
    by what is visible and not by the share that was sampled.
    """
    height, width = first.shape[:2]
    side, centre = np.sqrt(1 - share), rng.random(2)
    top, bottom = _span(centre[0], side, height)
    left, right = _span(centre[1], side, width)
    mixed = first.copy(), second.copy()
    mixed[0][top:bottom, left:right] = second[top:bottom, left:right]
    mixed[1][top:bottom, left:right] = first[top:bottom, left:right]
    return *mixed, 1 - (bottom - top) * (right - left) / (height * width)


def _span(centre: float, share: float, size: int) -> tuple[int, int]:
    """Returns [start, stop) of a share of `size` pixels about a centre in [0, 1), clipped."""
    length = round(share * size)
    start = int(centre * size) - length // 2
    return max(start, 0), min(start + length, size)
