"""Pictograms of vehicles, seen from the side (facing left) or from the front."""

from __future__ import annotations

from collections.abc import Callable

from kgv_jax.data.renderer.pen import Pen


def _wheels(pen: Pen, y: float, radius: float, *xs: float) -> None:
    for x in xs:
        pen.disc(x, y, radius + 3, hole=True)
        pen.disc(x, y, radius)


def _bicycle(pen: Pen) -> None:
    rider = pen.pick(3) == 1
    y, r = (76, 19) if rider else (64, 25)
    left, right = (22, 78) if rider else (27, 73)
    pen.ring(left, y, r, 5)
    pen.ring(right, y, r, 5)
    top = y - r - 4
    saddle, bars = (64, top), (36, top)
    pen.line((right, y), (60, top + 4), (37, top + 6), (52, y), (right, y), width=4.5)
    pen.line((left, y), bars, width=4.5)
    pen.line((52, y), saddle, width=4.5)
    pen.line((57, top), (70, top), width=5)
    if rider:
        pen.disc(40, 14, 8 * pen.drawing_style.head)
        pen.line((62, 48), (46, 28), (30, 46), width=8)
        pen.line((62, 50), (46, 64), (52, 82), width=8)
    elif pen.pick(3) == 2:
        pen.line(bars, (36, top - 8), (25, top - 8), width=5)
    else:
        pen.line(bars, (30, top - 6), (40, top - 8), width=5)


def _car(pen: Pen) -> None:
    if pen.pick(3) == 1:
        pen.area((28, 22), (72, 22), (84, 50), (90, 54), (90, 78), (10, 78), (10, 54), (16, 50))
        pen.area((33, 29), (67, 29), (75, 49), (25, 49), hole=True)
        pen.disc(23, 63, 6, hole=True)
        pen.disc(77, 63, 6, hole=True)
        pen.box(14, 76, 28, 90)
        pen.box(72, 76, 86, 90)
    else:
        shift = 6 if pen.pick(3) == 2 else 0
        pen.area((22 + shift, 48), (36 + shift, 28), (64 + shift, 28), (78 + shift, 48))
        pen.area((3, 48), (97, 46), (97, 70), (3, 70))
        pen.area((33, 46), (42, 34), (52, 34), (52, 46), hole=True)
        pen.area((57, 46), (57, 34), (66, 34), (74, 46), hole=True)
        _wheels(pen, 70, 10, 24, 76)


def _front(pen: Pen) -> None:
    pen.area((26, 14), (74, 14), (86, 48), (96, 52), (96, 80), (4, 80), (4, 52), (14, 48))
    pen.area((34, 22), (66, 22), (74, 46), (26, 46), hole=True)
    pen.disc(20, 64, 6, hole=True)
    pen.disc(80, 64, 6, hole=True)
    pen.box(8, 76, 26, 96)
    pen.box(74, 76, 92, 96)


def _overtaking(pen: Pen) -> None:
    for move in ("translate(-1 24) scale(0.52)", "translate(49 24) scale(0.52)"):
        with pen.moved(move):
            if pen.pick(2):
                pen.box(18, 10, 82, 90)
                pen.area((28, 28), (72, 28), (66, 42), (34, 42), hole=True)
                pen.area((34, 66), (66, 66), (72, 78), (28, 78), hole=True)
            else:
                _front(pen)


def _truck(pen: Pen) -> None:
    if pen.pick(2):
        pen.box(34, 20, 98, 68)
        pen.area((2, 68), (2, 46), (12, 30), (30, 30), (30, 68))
        pen.area((8, 47), (15, 36), (25, 36), (25, 47), hole=True)
    else:
        pen.box(30, 26, 98, 62)
        pen.area((2, 68), (2, 34), (26, 34), (26, 62), (98, 62), (98, 68))
        pen.box(7, 39, 20, 51, hole=True)
    _wheels(pen, 70, 9, 18, 66, 86)


def _truck_overtaking(pen: Pen) -> None:
    with pen.moved("translate(-4 22) scale(0.56)"):
        pen.box(8, 2, 92, 74)
        pen.box(16, 40, 84, 58, hole=True)
        pen.box(14, 76, 34, 94)
        pen.box(66, 76, 86, 94)
    with pen.moved("translate(54 32) scale(0.46)"):
        _front(pen)


def _bus(pen: Pen) -> None:
    if pen.pick(3) == 1:
        pen.box(18, 8, 82, 84)
        pen.box(25, 22, 75, 56, hole=True)
        pen.disc(29, 70, 5, hole=True)
        pen.disc(71, 70, 5, hole=True)
        pen.box(22, 82, 36, 95)
        pen.box(64, 82, 78, 95)
    else:
        pen.area((2, 30), (98, 26), (98, 72), (2, 72)) if pen.pick(3) == 2 else pen.box(2, 26, 98, 72)
        for x in (8, 26, 44, 62, 80):
            pen.box(x, 33, x + 12, 47, hole=True)
        _wheels(pen, 72, 9, 22, 78)


def _motorcycle(pen: Pen) -> None:
    pen.ring(20, 70, 15, 7)
    pen.ring(80, 70, 15, 7)
    pen.area((30, 52), (44, 44), (58, 52), (84, 46), (78, 58), (62, 72), (40, 72))
    pen.line((20, 70), (34, 38), (26, 32), width=6)
    if pen.pick(2):
        pen.disc(48, 14, 9 * pen.drawing_style.head)
        pen.line((64, 48), (54, 26), (34, 40), width=10)
        pen.line((62, 48), (46, 56), (54, 74), width=9)


def _tractor(pen: Pen) -> None:
    pen.area((4, 44), (44, 44), (48, 16), (84, 16), (84, 60), (60, 70), (4, 66))
    pen.area((54, 24), (76, 24), (76, 44), (52, 44), hole=True)
    pen.line((20, 44), (20, 22), width=6)
    pen.disc(74, 66, 25, hole=True)
    pen.ring(74, 66, 18, 9)
    pen.disc(18, 76, 14, hole=True)
    pen.ring(18, 76, 9, 7)
    if pen.pick(2):
        pen.disc(64, 18, 8 * pen.drawing_style.head)
        pen.disc(74, 66, 6)


def _tram(pen: Pen) -> None:
    if pen.pick(2):
        pen.box(4, 32, 96, 74)
        for x in (10, 32, 54, 76):
            pen.box(x, 40, x + 14, 54, hole=True)
        pen.line((34, 32), (50, 12), (66, 32), width=5)
        _wheels(pen, 76, 7, 24, 38, 62, 76)
    else:
        pen.area((28, 24), (72, 24), (78, 80), (22, 80))
        pen.area((32, 34), (68, 34), (71, 56), (29, 56), hole=True)
        pen.disc(50, 68, 6, hole=True)
        pen.line((36, 6), (64, 6), width=5)
        pen.line((40, 22), (50, 8), (60, 22), width=5)
        pen.line((18, 94), (30, 80), width=6)
        pen.line((82, 94), (70, 80), width=6)


def _train(pen: Pen) -> None:
    if pen.pick(2):
        pen.area((22, 16), (78, 16), (84, 74), (16, 74))
        pen.box(28, 26, 46, 46, hole=True)
        pen.box(54, 26, 72, 46, hole=True)
        pen.disc(30, 62, 5, hole=True)
        pen.disc(70, 62, 5, hole=True)
        pen.line((24, 94), (34, 76), width=6)
        pen.line((76, 94), (66, 76), width=6)
    else:
        pen.box(8, 40, 66, 66)
        pen.box(60, 22, 96, 70)
        pen.box(68, 30, 86, 46, hole=True)
        pen.area((16, 40), (12, 20), (32, 20), (28, 40))
        pen.area((8, 60), (0, 78), (14, 78))
        _wheels(pen, 74, 10, 26, 50, 78)
        pen.disc(24, 8, 6)
        pen.disc(40, 6, 8)


def _slippery(pen: Pen) -> None:
    upright, turned = "translate(26 0) scale(0.5)", "translate(22 4) rotate(-14 26 26) scale(0.52)"
    with pen.moved(turned if pen.pick(2) else upright):
        pen.area((28, 16), (72, 16), (86, 50), (94, 54), (94, 82), (6, 82), (6, 54), (14, 50))
        pen.area((35, 24), (65, 24), (74, 47), (26, 47), hole=True)
        pen.box(10, 80, 28, 98)
        pen.box(72, 80, 90, 98)
    pen.stroke("M36 54Q18 64 34 74Q48 84 28 98", 6)
    pen.stroke("M66 54Q48 64 64 74Q78 84 58 98", 6)


def _queue(pen: Pen) -> None:
    for size, y in ((0.34, 2), (0.44, 30), (0.56, 56)):
        x = 50 - 50 * size if pen.pick(2) else 50 - 50 * size + (0.45 - size) * 70
        with pen.moved(f"translate({x} {y - 8}) scale({size})"):
            pen.area((26, 16), (74, 16), (86, 50), (96, 54), (96, 84), (4, 84), (4, 54), (14, 50))
            pen.area((34, 24), (66, 24), (74, 47), (26, 47), hole=True)
            pen.disc(20, 66, 7, hole=True)
            pen.disc(80, 66, 7, hole=True)


def _cart(pen: Pen) -> None:
    pen.ring(66, 68, 20, 7)
    pen.line((66, 50), (66, 86), width=4)
    pen.line((48, 68), (84, 68), width=4)
    pen.area((34, 30), (98, 30), (92, 48), (40, 48))
    pen.line((40, 42), (4, 58), width=6)


def _trailer(pen: Pen) -> None:
    pen.area((22, 30), (92, 30), (98, 64), (16, 64))
    pen.box(34, 38, 54, 50, hole=True)
    pen.line((20, 64), (2, 70), width=6)
    _wheels(pen, 68, 10, 58)


def _airplane(pen: Pen) -> None:
    turn = ("rotate(0)", "rotate(45 50 50)", "rotate(20 50 50)")[pen.pick(3)]
    with pen.moved(turn):
        pen.area(
            (50, 2),
            (58, 20),
            (58, 38),
            (98, 62),
            (98, 72),
            (58, 60),
            (56, 80),
            (70, 92),
            (70, 98),
            (50, 92),
            (30, 98),
            (30, 92),
            (44, 80),
            (42, 60),
            (2, 72),
            (2, 62),
            (42, 38),
            (42, 20),
        )


def _tilting_car(pen: Pen) -> None:
    with pen.moved("rotate(-16 50 50) translate(20 4) scale(0.66)"):
        _front(pen)
    if pen.pick(2):
        pen.area((2, 98), (2, 84), (52, 84), (70, 98))
    else:
        pen.line((4, 92), (56, 92), width=6)
        for x in (66, 78, 90):
            pen.disc(x, 94, 4)


def _crashed_cars(pen: Pen) -> None:
    if pen.pick(2):
        for position in (
            "translate(-2 30) rotate(-8 25 25) scale(0.5)",
            "translate(104 30) scale(-0.5 0.5) rotate(-8 25 25)",
        ):
            with pen.moved(position):
                pen.area((3, 50), (24, 46), (38, 26), (74, 26), (90, 48), (97, 52), (97, 72), (3, 72))
                pen.disc(24, 74, 12)
                pen.disc(76, 74, 12)
        for x in (38, 50, 62):
            pen.line((50, 34), (x, 12), width=4)
    else:
        for position in (
            "rotate(-28 25 25) translate(-6 22) scale(0.52)",
            "translate(46 44) rotate(30 25 25) scale(0.52)",
        ):
            with pen.moved(position):
                pen.box(2, 26, 98, 74)
                pen.area((20, 32), (34, 36), (34, 64), (20, 68), hole=True)
                pen.area((84, 32), (72, 36), (72, 64), (84, 68), hole=True)


def _dangerous_load(pen: Pen) -> None:
    if pen.pick(2):
        pen.fill("M50 6A38 26 0 0 1 50 58A38 26 0 0 1 50 6Z")
    else:
        pen.box(18, 2, 82, 58)
        pen.box(27, 10, 73, 50, hole=True)
        pen.box(33, 16, 67, 44)
    pen.line((10, 68), (90, 68), width=7)
    for x in (18, 36, 64, 82):
        pen.line((x, 72), (x, 94), width=11)


def _grounded_truck(pen: Pen) -> None:
    pen.fill("M2 96Q30 94 42 78Q50 68 58 78Q70 94 98 96Z")
    with pen.moved("rotate(-10 50 40)"):
        pen.box(4, 46, 96, 56)
        pen.area((4, 46), (4, 30), (12, 20), (28, 20), (28, 46))
        if pen.pick(2):
            pen.box(34, 16, 94, 46)
        pen.disc(16, 60, 9)
        pen.disc(84, 60, 9)


def _helicopter(pen: Pen) -> None:
    pen.line((6, 20), (90, 20), width=6)
    pen.line((44, 20), (44, 34), width=6)
    pen.fill("M8 56Q12 32 44 32H60L96 38V46L64 54Q58 72 36 72Q8 72 8 56Z")
    pen.area((16, 52), (24, 40), (36, 40), (36, 52), hole=True)
    pen.line((92, 30), (92, 54), width=5)
    pen.line((14, 86), (66, 86), width=6)
    pen.line((28, 72), (24, 86), width=4)
    pen.line((48, 70), (52, 86), width=4)


def _snowmobile(pen: Pen) -> None:
    pen.area((2, 62), (34, 46), (48, 54), (92, 54), (98, 66), (88, 78), (40, 78), (30, 68))
    pen.line((2, 86), (46, 86), (58, 80), width=6)
    if pen.pick(2):
        pen.disc(56, 14, 9 * pen.drawing_style.head)
        pen.line((68, 52), (58, 28), (38, 46), width=10)
    else:
        pen.line((34, 48), (28, 34), (22, 36), width=6)


VEHICLES: dict[str, Callable[[Pen], None]] = {
    "bicycle": _bicycle,
    "car": _car,
    "overtaking": _overtaking,
    "truck": _truck,
    "truck-overtaking": _truck_overtaking,
    "bus": _bus,
    "motorcycle": _motorcycle,
    "tractor": _tractor,
    "tram": _tram,
    "train": _train,
    "slippery-road": _slippery,
    "queue": _queue,
    "cart": _cart,
    "trailer": _trailer,
    "airplane": _airplane,
    "helicopter": _helicopter,
    "snowmobile": _snowmobile,
    "tilting-car": _tilting_car,
    "crashed-cars": _crashed_cars,
    "grounded-truck": _grounded_truck,
    "dangerous-load": _dangerous_load,
}
