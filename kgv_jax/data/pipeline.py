"""Batches as a pure function of (seed, step): resume needs an integer, nothing else."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from kgv_jax.data.augment import Augment
from kgv_jax.data.types import ImageSet
from kgv_jax.util.errors import UserError


@dataclasses.dataclass(frozen=True)
class Stream:
    """Examples of one kind, a fixed number of which are in every batch.

    Attributes:
      name: seeds the stream's order; the order does not depend on the other streams.
      arrays: key -> array [n, ...]; may be memory-mapped, only rows in use are read.
      per_step: rows in every global batch.
      images: what the key `image` of a batch is read from; None of a stream without images, or with them in `arrays`.
      views: how many of the rows in a batch show one image, each in another way.
      another: (rows, their positions) -> rows int64 of other views of the same images, for views after the
        first; None where views differ in their crops or augmentation alone.
    """

    name: str
    # grain writes out the repr of what it maps over, which would take seconds for a thousand images.
    arrays: Mapping[str, np.ndarray] = dataclasses.field(repr=False)
    per_step: int
    images: ImageSet | None = dataclasses.field(default=None, repr=False)
    views: int = 1
    another: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None

    def __len__(self) -> int:
        return len(next(iter(self.arrays.values()), self.images))


@dataclasses.dataclass(frozen=True)
class Pipeline:
    """`pipeline[step]` is this process's part of the global batch of that step.

    Element `i` of a stream's endless order (epoch after epoch, each shuffled in its own
    way) is in step `i // per_step`. Process `p` of `P` holds rows
    `[p per_step / P, (p + 1) per_step / P)` of every stream. `augment`, if any, changes rows
    by their positions in the stream's order. Views of an image have positions `V i` to `V i + V - 1`;
    where a stream has several, `group` `[B]` int32 says which rows of a batch show one image.
    """

    streams: tuple[Stream, ...]
    orders: tuple[Callable[[int], np.ndarray], ...] = dataclasses.field(repr=False)
    process_index: int
    process_count: int
    augment: Augment | None = None

    def positions(self, stream: int, step: int) -> np.ndarray:
        """Returns the positions int64 [per_step / process_count] in a stream's endless order."""
        views = self.streams[stream].views
        count = self.streams[stream].per_step // self.process_count // views
        start = (step * self.process_count + self.process_index) * count
        return (views * np.arange(start, start + count) + np.arange(views)[:, None]).ravel()

    def rows(self, stream: int, step: int) -> np.ndarray:
        """Returns the rows int64 [per_step / process_count] of a stream in a step."""
        source, positions = self.streams[stream], self.positions(stream, step)
        images, views = np.divmod(positions, source.views)
        epochs, elements = np.divmod(images, len(source))
        rows = np.empty(len(positions), np.int64)
        for epoch in np.unique(epochs).tolist():
            rows[epochs == epoch] = self.orders[stream](epoch)[elements[epochs == epoch]]
        if source.another is not None:
            rows[views > 0] = source.another(rows[views > 0], positions[views > 0])
        return rows

    def __getitem__(self, step: int) -> dict[str, np.ndarray]:
        """Returns key -> array [batch / process_count, ...]: the streams' rows, one after another."""
        if step < 0:
            raise IndexError(f"step {step} is negative")
        parts = [self._part(index, step) for index in range(len(self.streams))]
        if len(parts) == 1:
            return parts[0]
        return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}

    def _part(self, index: int, step: int) -> dict[str, np.ndarray]:
        stream, rows = self.streams[index], self.rows(index, step)
        part = {key: array[rows] for key, array in stream.arrays.items()}
        if any(other.views > 1 for other in self.streams):
            part["group"] = (self.positions(index, step) // stream.views).astype(np.int32)
        if stream.images is not None:
            part["image"] = stream.images.read(rows, self.positions(index, step))
        if self.augment is None:
            return part
        return self.augment(part, stream=stream.name, positions=self.positions(index, step))

    def iterate(
        self, start: int, stop: int, *, prefetch: int = 2, threads: int = 1
    ) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
        """Yields (step, batch) for `start <= step < stop`, read ahead in background threads.

        Neither number changes what is yielded. Closing the generator, or leaving it,
        ends the threads.

        Args:
          start: first step.
          stop: step after the last.
          prefetch: batches read ahead; 0 reads in the caller's thread.
          threads: background threads.
        """
        import grain  # A quarter of a second, which only training needs.

        options = grain.ReadOptions(num_threads=threads if prefetch else 0, prefetch_buffer_size=prefetch)
        batches = iter(grain.MapDataset.range(start, stop).map(self.__getitem__).to_iter_dataset(options))
        try:
            yield from zip(range(start, stop), batches, strict=True)
        finally:
            batches.close()


def make_pipeline(
    streams: Sequence[Stream],
    *,
    seed: int,
    process_index: int = 0,
    process_count: int = 1,
    augment: Augment | None = None,
) -> Pipeline:
    """Checks the streams and fixes their order.

    Raises:
      UserError: a stream is empty, its rows do not divide by the processes, or by what `augment` mixes,
        or the streams differ in keys, types or shapes.
    """
    if not streams:
        raise UserError("No stream of examples was given; a batch needs at least one.")
    if not 0 <= process_index < process_count:
        raise UserError(f"process_index is {process_index}; expected 0 to {process_count - 1}.")
    for stream in streams:
        _check(stream, streams[0], process_count)
        if augment is not None:
            augment.check_rows(stream.name, stream.per_step // process_count)
    orders = tuple(
        functools.lru_cache(maxsize=4)(functools.partial(epoch_order, seed, stream.name, len(stream)))
        for stream in streams
    )
    return Pipeline(tuple(streams), orders, process_index, process_count, augment)


def epoch_order(seed: int, name: str, count: int, epoch: int) -> np.ndarray:
    """Returns the permutation int64 [count] of a stream's rows in an epoch.

    Written out at once and not looked up one index at a time, as grain's own shuffle
    does: that takes 12 microseconds an element, and 500 in a stream of 50 elements.
    """
    digest = hashlib.blake2b(repr((int(seed), name, epoch)).encode(), digest_size=16).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest, "little"))).permutation(count)


def _check(stream: Stream, first: Stream, process_count: int) -> None:
    lengths = {key: len(array) for key, array in stream.arrays.items()}
    lengths |= {} if stream.images is None else {"image": len(stream.images)}
    if len(set(lengths.values())) != 1:
        raise UserError(f"Stream {stream.name!r}: its arrays have lengths {lengths}; expected one length.")
    if not len(stream):
        raise UserError(f"Stream {stream.name!r} has no example; add images or leave the stream out.")
    parts = process_count * stream.views
    if stream.per_step < 1 or stream.per_step % parts:
        of = f"{process_count} processes" + (f" of {stream.views} views" if stream.views > 1 else "")
        raise UserError(
            f"Stream {stream.name!r}: {stream.per_step} rows per step do not divide by {of}; use a positive multiple of"
            f" {parts}."
        )
    found, expected = _signature(stream), _signature(first)
    if found != expected:
        raise UserError(f"Stream {stream.name!r} holds {found}; stream {first.name!r} holds {expected}.")


def _signature(stream: Stream) -> dict[str, tuple[np.dtype, tuple[int, ...]]]:
    """Returns key -> type and shape of one row of a stream."""
    found = {key: (array.dtype, array.shape[1:]) for key, array in stream.arrays.items()}
    return found if stream.images is None else found | {"image": (stream.images.dtype, stream.images.shape)}
