"""Public peak figures of TPU chips, and the step time that they allow."""

from __future__ import annotations

from typing import NamedTuple

from benchmarks.aot.hlo import Collective, Cost


class Chip(NamedTuple):
    """A chip, and the slice of it that is compiled for.

    Peaks are those of the pages of Google Cloud's documentation named in `docs/aot.md`.

    Attributes:
      name: as in the documentation.
      topology: what libtpu calls the slice.
      count: chips in it.
      peak_flops: of the matrix units, bfloat16, a second.
      hbm_bytes: of main memory.
      hbm_rate, ici_rate: bytes per second, of main memory, and out of a chip over all its links.
      clock: cycles a second at which the matrix units reach `peak_flops`.
    """

    name: str
    topology: str
    count: int
    peak_flops: float
    hbm_bytes: float
    hbm_rate: float
    ici_rate: float
    clock: float


# The interconnect is given as both directions together, so a chip sends at half of it.
# Clock: v5e has 4 matrix units of 128 x 128, v5p 8, each cell one multiply-add a cycle; v6e has 2 of 256 x 256 and
# its peak asks for two multiply-adds a cell and cycle.
CHIPS: dict[str, Chip] = {
    "v5e": Chip("v5e-16x16", "v5e:16x16", 256, 197e12, 16e9, 819e9, 200e9, 1.50e9),
    "v6e": Chip("v6e-16x16", "v6e:16x16", 256, 918e12, 32e9, 1638e9, 400e9, 1.75e9),
    "v5p": Chip("v5p-4x4x4", "v5p:4x4x4", 64, 459e12, 95e9, 2765e9, 600e9, 1.75e9),
}


class Bound(NamedTuple):
    """Seconds that a step takes at least, by what it is waiting for: each part at the chip's peak."""

    compute: float
    memory: float
    exchange: float

    @property
    def step(self) -> float:
        """Returns `max(compute, memory) + exchange`: products and memory overlap, collectives hide behind nothing."""
        return max(self.compute, self.memory) + self.exchange

    @property
    def limit(self) -> str:
        return "compute" if self.compute >= self.memory else "memory"


def estimate(cost: Cost, chip: Chip) -> float | None:
    """Returns the seconds of a step by the TPU compiler's own cost model; collectives, which it leaves out, at peak.

    None of a program that is not estimated.
    """
    if cost.cycles is None:
        return None
    return cost.cycles / chip.clock + bound(cost, chip).exchange


def bound(cost: Cost, chip: Chip) -> Bound:
    """Returns the roofline of a step: passes of the matrix unit, bytes of main memory, bytes sent, each by its peak."""
    return Bound(
        compute=cost.pass_flops / chip.peak_flops,
        memory=cost.bytes / chip.hbm_rate,
        exchange=sum(collective.wire_bytes for collective in cost.collectives) / chip.ici_rate,
    )


def plus(whole: Cost, part: Cost, *, times: int = 1) -> Cost:
    """Returns `whole + times * part`; collectives by kind and group size. Cycles are None if either's are."""
    joined = {(one.kind, one.group): one for one in whole.collectives}
    for kind, group, count, size in part.collectives:
        own = joined.get((kind, group), Collective(kind, group, 0, 0))
        joined[kind, group] = own._replace(count=own.count + times * count, bytes=own.bytes + times * size)
    estimated = whole.cycles is not None and part.cycles is not None
    return Cost(
        whole.flops + times * part.flops,
        whole.pass_flops + times * part.pass_flops,
        whole.bytes + times * part.bytes,
        whole.cycles + times * part.cycles if estimated else None,
        tuple(one for one in joined.values() if one.count or one.bytes),
    )


def minus(whole: Cost, part: Cost) -> Cost:
    """Returns what one program costs more than another."""
    return plus(whole, part, times=-1)
