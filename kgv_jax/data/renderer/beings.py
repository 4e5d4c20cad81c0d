"""Pictograms of people and animals, facing left."""

from __future__ import annotations

from collections.abc import Callable

from kgv_jax.data.renderer.pen import Pen


def _walker(pen: Pen, *, hat: bool = False, skirt: bool = False) -> None:
    pen.disc(48, 12, 10 * pen.drawing_style.head)
    if hat:
        pen.box(38, 0, 60, 6)
        pen.line((32, 7), (66, 7), width=4)
    if skirt:
        pen.area((42, 24), (56, 24), (68, 62), (32, 62))
    else:
        pen.line((50, 30), (52, 56), width=17)
    pen.line((48, 30), (30, 46), (20, 44), width=7)
    pen.line((54, 30), (68, 44), (72, 56), width=7)
    pen.line((50, 56), (36, 74), (24, 96), width=9)
    pen.line((54, 56), (64, 76), (80, 94), width=9)


def _pedestrian(pen: Pen) -> None:
    _walker(pen, hat=pen.pick(3) == 1)


def _pedestrian_crossing(pen: Pen) -> None:
    with pen.moved("translate(14 0) scale(0.72)"):
        _walker(pen, hat=pen.pick(3) == 1, skirt=pen.pick(3) == 2)
    if pen.pick(3) == 2:
        pen.line((4, 84), (96, 84), width=5)
        pen.line((4, 97), (96, 97), width=5)
    else:
        for x in (2, 24, 46, 68, 88):
            pen.area((x + 4, 80), (x + 13, 80), (x + 9, 98), (x - 4, 98))


def _children(pen: Pen) -> None:
    if pen.pick(3) == 2:
        positions = ("translate(-10 16) scale(0.82)", "translate(36 -2) scale(0.82 0.98)")
    elif pen.pick(3) == 1:
        positions = ("translate(-8 -2) scale(0.8 1)", "translate(42 24) scale(0.66 0.74)")
    else:
        positions = ("translate(-10 6) scale(0.78 0.92)", "translate(38 6) scale(0.78 0.92)")
    for i, position in enumerate(positions):
        with pen.moved(position):
            _walker(pen, skirt=(i == 1))


def _parent_child(pen: Pen) -> None:
    with pen.moved("translate(-14 0) scale(0.86 1)"):
        _walker(pen, hat=not pen.pick(2), skirt=bool(pen.pick(2)))
    with pen.moved("translate(46 38) scale(0.6)"):
        _walker(pen, skirt=not pen.pick(2))


def _roadworks(pen: Pen) -> None:
    if pen.pick(3) == 1:
        pen.disc(38, 14, 9 * pen.drawing_style.head)
        pen.line((44, 28), (60, 56), width=15)
        pen.line((60, 56), (46, 74), (50, 96), width=9)
        pen.line((60, 56), (76, 74), (78, 96), width=9)
        pen.line((44, 32), (28, 50), width=7)
        pen.line((62, 20), (10, 84), width=5)
        pen.area((0, 78), (12, 74), (18, 88), (4, 96))
    else:
        pen.disc(58, 12, 10 * pen.drawing_style.head)
        pen.line((58, 28), (72, 54), width=16)
        pen.line((70, 54), (52, 70), (54, 96), width=9)
        pen.line((74, 54), (84, 74), (92, 96), width=9)
        pen.line((56, 32), (46, 50), (60, 56), width=7)
        pen.line((66, 40), (26, 84), width=5)
        if pen.pick(3) == 0:
            pen.area((0, 98), (22, 66), (46, 98))
        else:
            pen.fill("M0 98Q4 76 22 78Q40 80 44 98Z")


def _horse(pen: Pen) -> None:
    pen.area((30, 46), (84, 42), (88, 60), (32, 66))
    pen.line((34, 54), (22, 32), (8, 44), width=13)
    pen.line((20, 30), (24, 22), width=5)
    pen.line((36, 62), (26, 78), (32, 96), width=7)
    pen.line((42, 62), (44, 96), width=7)
    pen.line((80, 58), (76, 78), (82, 96), width=7)
    pen.line((86, 58), (92, 78), (90, 96), width=7)
    pen.line((86, 46), (98, 64), width=6)


def _horse_rider(pen: Pen) -> None:
    _horse(pen)
    pen.disc(54, 8, 8 * pen.drawing_style.head)
    pen.line((56, 20), (60, 46), width=11)
    pen.line((54, 24), (40, 38), (30, 42), width=5)
    pen.line((60, 44), (50, 60), (54, 76), width=7)
    if pen.pick(2):
        pen.line((44, 1), (64, 1), width=5)


def _deer(pen: Pen) -> None:
    if pen.pick(2):
        pen.area((34, 48), (84, 38), (90, 54), (76, 64), (38, 64))
        pen.line((38, 54), (30, 28), (16, 34), width=11)
        pen.line((36, 60), (14, 66), (10, 80), width=6)
        pen.line((42, 62), (22, 84), width=6)
        pen.line((82, 54), (92, 76), (98, 92), width=7)
        pen.line((76, 58), (76, 80), (84, 96), width=7)
    else:
        pen.area((32, 48), (86, 44), (86, 62), (36, 66))
        pen.line((38, 56), (28, 30), (12, 36), width=11)
        pen.line((38, 62), (36, 98), width=6)
        pen.line((46, 62), (48, 98), width=6)
        pen.line((76, 60), (74, 98), width=6)
        pen.line((84, 58), (86, 98), width=6)
    pen.line((30, 28), (38, 14), (30, 2), width=4)
    pen.line((36, 16), (48, 8), width=4)
    pen.line((26, 28), (20, 14), (24, 2), width=4)
    pen.line((20, 14), (10, 8), width=4)


def _cow(pen: Pen) -> None:
    pen.area((22, 28), (92, 28), (94, 62), (70, 66), (30, 64))
    pen.area((4, 36), (14, 24), (30, 28), (30, 46), (12, 52))
    pen.line((12, 26), (6, 14), width=4)
    pen.line((20, 26), (26, 14), width=4)
    for x in (32, 42, 78, 88):
        pen.line((x, 60), (x, 92), width=7)
    pen.line((92, 32), (98, 60), width=4)
    pen.disc(70, 66, 7)
    if pen.pick(2):
        pen.disc(52, 42, 8, hole=True)
        pen.disc(74, 40, 6, hole=True)


def _hand(pen: Pen) -> None:
    for x, top in ((26, 24), (40, 10), (54, 8), (68, 16)):
        pen.line((x + 3, 60), (x + 3, top), width=10)
    pen.area((24, 50), (76, 50), (74, 84), (62, 98), (40, 98), (28, 82))
    pen.line((72, 78), (92, 52), width=10)


def _blind(pen: Pen) -> None:
    _walker(pen)
    pen.line((20, 44), (2, 96), width=4)


def _skier(pen: Pen) -> None:
    pen.disc(38, 14, 9 * pen.drawing_style.head)
    pen.line((42, 28), (60, 50), (38, 64), (48, 86), width=11)
    pen.line((8, 94), (96, 80), width=5)
    pen.line((44, 34), (22, 46), (50, 74), width=5)


def _flagger(pen: Pen) -> None:
    pen.disc(60, 14, 10 * pen.drawing_style.head)
    pen.line((60, 30), (60, 58), width=18)
    pen.line((56, 58), (54, 97), width=8)
    pen.line((66, 58), (68, 97), width=8)
    pen.line((58, 32), (34, 36), width=7)
    pen.line((30, 8), (30, 66), width=4)
    pen.area((28, 8), (4, 8), (4, 30), (28, 30))


def _frog(pen: Pen) -> None:
    pen.area((14, 50), (30, 34), (70, 50), (88, 76), (40, 78))
    pen.disc(26, 36, 9)
    pen.line((36, 70), (26, 90), (10, 92), width=7)
    pen.line((84, 72), (62, 72), (92, 92), (66, 94), width=8)


def _camel(pen: Pen) -> None:
    if pen.pick(2):
        pen.fill("M28 56Q34 30 46 42Q54 24 64 42Q78 44 86 58V70H30Z")
    else:
        pen.fill("M28 58Q36 48 46 44Q56 16 66 42Q82 46 88 60V70H30Z")
    pen.line((34, 60), (22, 62), (18, 34), (6, 36), width=9)
    for x in (34, 44, 74, 84):
        pen.line((x, 66), (x + 2, 98), width=6)


def _sheep(pen: Pen) -> None:
    pen.fill("M24 40Q40 28 60 32Q90 30 94 48Q96 66 84 70Q58 78 34 70Q20 60 24 40Z")
    pen.area((4, 46), (14, 34), (28, 34), (30, 50), (16, 56))
    for x in (36, 46, 74, 84):
        pen.line((x, 68), (x, 92), width=7)


def _seat_belt(pen: Pen) -> None:
    pen.disc(50, 16, 13 * pen.drawing_style.head)
    pen.area((34, 32), (66, 32), (86, 56), (80, 98), (20, 98), (14, 56))
    pen.line((30, 34), (78, 92), width=7, hole=True)
    if pen.pick(2):
        pen.line((20, 84), (80, 84), width=6, hole=True)


BEINGS: dict[str, Callable[[Pen], None]] = {
    "pedestrian": _pedestrian,
    "pedestrian-crossing": _pedestrian_crossing,
    "children": _children,
    "parent-and-child": _parent_child,
    "roadworks": _roadworks,
    "horse-rider": _horse_rider,
    "horse": _horse,
    "deer": _deer,
    "cow": _cow,
    "stop-hand": _hand,
    "blind-person": _blind,
    "skier": _skier,
    "flagger": _flagger,
    "frog": _frog,
    "camel": _camel,
    "sheep": _sheep,
    "seat-belt": _seat_belt,
}
