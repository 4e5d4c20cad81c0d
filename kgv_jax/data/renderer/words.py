"""Legends that are written: words, numbers, letters, and limits with their arrows."""

from __future__ import annotations

from collections.abc import Callable

from kgv_jax.data.renderer.pen import Pen


def _weight(pen: Pen) -> None:
    pen.text("5.5t" if pen.pick(2) else "6t", 50, 50, 62, width=11)


def _axle_weight(pen: Pen) -> None:
    pen.text("8t", 50, 30, 50, width=10)
    pen.line((16, 84), (84, 84), width=6)
    pen.box(8, 68, 24, 100)
    pen.box(76, 68, 92, 100)


def _height(pen: Pen) -> None:
    pen.area((50, 26), (30, 2), (70, 2))
    pen.area((50, 74), (30, 98), (70, 98))
    pen.text("3.8m" if pen.pick(2) else "4m", 50, 50, 34, width=8)


def _width(pen: Pen) -> None:
    pen.area((22, 50), (2, 28), (2, 72))
    pen.area((78, 50), (98, 28), (98, 72))
    pen.text("2.5" if pen.pick(2) else "2m", 50, 50, 40, width=8, across=50)


def _length(pen: Pen) -> None:
    pen.box(34, 12, 96, 42)
    pen.box(6, 20, 30, 42)
    pen.disc(20, 44, 7)
    pen.disc(80, 44, 7)
    pen.text("10m", 50, 76, 34, width=8)


def _distance(pen: Pen) -> None:
    pen.box(6, 54, 32, 76)
    pen.box(68, 54, 94, 76)
    pen.text("70m", 50, 26, 34, width=8)
    pen.line((34, 65), (66, 65), width=6)


def _parking(pen: Pen) -> None:
    pen.text("P", 50, 50, (88, 76, 92)[pen.pick(3)], width=(17, 14, 20)[pen.pick(3)])


def _information(pen: Pen) -> None:
    if pen.pick(2):
        pen.text("i", 50, 50, 84, width=18)
    else:
        pen.disc(50, 14, 12)
        pen.area((34, 36), (60, 36), (60, 84), (70, 84), (70, 96), (32, 96), (32, 84), (42, 84), (42, 48), (34, 48))


def _words(*lines: str) -> Callable[[Pen], None]:
    def draw(pen: Pen) -> None:
        step = 100 / len(lines)
        for i, line in enumerate(lines):
            height = min(step * 0.74, 82 if len(line) == 1 else 56)
            pen.text(line, 50, step * (i + 0.5), height, width=height * 0.19)

    return draw


def _number(value: int) -> Callable[[Pen], None]:
    def draw(pen: Pen) -> None:
        if pen.pick(6) == 5:
            pen.text("SPEED", 50, 9, 15, width=4, across=80)
            pen.text("LIMIT", 50, 31, 15, width=4, across=80)
            pen.text(str(value), 50, 72, 52, width=11)
        else:
            pen.text(str(value), 50, 50, (66, 76, 70)[pen.pick(3)], width=(12, 10, 14)[pen.pick(3)])

    return draw


WORDS: dict[str, Callable[[Pen], None]] = {
    "weight": _weight,
    "axle-weight": _axle_weight,
    "height": _height,
    "width": _width,
    "length": _length,
    "distance": _distance,
    "parking": _parking,
    "information": _information,
    "stop-text": _words("STOP"),
    "stop-hanzi": _words("停"),
    "yield-text": _words("YIELD"),
    "yield-hanzi": _words("让"),
    "slow-hanzi": _words("慢"),
    "do-not-enter-text": _words("DO NOT", "ENTER"),
    "one-way-text": _words("ONE", "WAY"),
    "do-not-pass-text": _words("DO", "NOT", "PASS"),
    "school-text": _words("SCHOOL"),
    "only-text": _words("ONLY"),
    "customs-text": _words("ZOLL", "DOUANE"),
    "taxi-text": _words("TAXI"),
    **{
        f"number-{value}": _number(value)
        for value in (5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60, 65, 70, 75, 80, 90, 100, 110, 120, 130)
    },
}
