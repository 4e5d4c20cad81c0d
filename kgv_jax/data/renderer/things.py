"""Pictograms of things, of the road itself and of its surroundings."""

from __future__ import annotations

from collections.abc import Callable

from kgv_jax.data.renderer.pen import Pen


def _traffic_light(pen: Pen) -> None:
    if pen.pick(3) == 1:
        for y in (18, 50, 82):
            pen.disc(50, y, 15)
    else:
        pen.box(30, 2, 70, 98)
        for y in (19, 50, 81):
            pen.disc(50, y, 11, hole=True)
        if pen.pick(3) == 2:
            for y in (14, 45, 76):
                pen.area((12, y), (28, y), (28, y + 14))
                pen.area((88, y), (72, y), (72, y + 14))


def _bump(pen: Pen) -> None:
    pen.fill(
        "M2 82H98V68H84Q68 68 62 54Q50 30 38 54Q32 68 16 68H2Z" if pen.pick(2) else "M2 84V72H24Q50 16 76 72H98V84Z"
    )


def _uneven(pen: Pen) -> None:
    if pen.pick(2):
        pen.fill("M2 82V66Q14 62 20 52Q30 34 42 52Q50 64 58 52Q70 34 80 52Q86 62 98 66V82Z")
    else:
        pen.fill("M2 80V68H8Q28 14 48 68H52Q72 14 92 68H98V80Z")


def _dip(pen: Pen) -> None:
    pen.fill("M2 44H26Q36 46 40 60Q50 80 60 60Q64 46 74 44H98V90H2Z")


def _steep(pen: Pen) -> None:
    pen.area((4, 88), (96, 88), (96, 34)) if pen.pick(2) else pen.area((2, 86), (2, 70), (98, 30), (98, 86))
    if pen.pick(2):
        pen.text("10", 36, 42, 26, width=6)
    else:
        with pen.moved("translate(24 8) rotate(-24 25 25) scale(0.5)"):
            pen.area((4, 34), (20, 12), (70, 12), (96, 38), (96, 66), (4, 66))
            pen.disc(24, 68, 12)
            pen.disc(76, 68, 12)


def _steep_ascent(pen: Pen) -> None:
    pen.area((4, 88), (96, 88), (4, 34)) if pen.pick(2) else pen.area((98, 86), (98, 70), (2, 30), (2, 86))
    pen.text("12", 68, 38, 28, width=6)


def _falling_rocks(pen: Pen) -> None:
    if pen.pick(2):
        pen.area((98, 4), (98, 98), (48, 98), (60, 70), (74, 62), (78, 30))
        stones = ((52, 28), (36, 50), (46, 66), (22, 78), (12, 92))
    else:
        pen.area((98, 2), (98, 98), (34, 98), (70, 56))
        stones = ((60, 20), (46, 40), (34, 60), (16, 76), (14, 94))
    for x, y in stones:
        pen.area((x - 8, y), (x - 2, y - 7), (x + 7, y - 4), (x + 7, y + 5), (x - 3, y + 7))


def _tunnel(pen: Pen) -> None:
    if pen.pick(2):
        pen.fill("M2 96V44A48 42 0 0 1 98 44V96H80V48A30 28 0 0 0 20 48V96Z")
        pen.line((50, 94), (50, 64), width=5)
    else:
        pen.fill("M4 94V8H96V94Z")
        pen.fill("M20 94V56A30 32 0 0 1 80 56V94Z", hole=True)
        pen.area((38, 94), (47, 60), (53, 60), (62, 94))


def _bridge(pen: Pen) -> None:
    pen.line((2, 40), (98, 40), width=9)
    pen.stroke("M10 84A40 36 0 0 1 90 84", 9)
    for x in (30, 50, 70):
        pen.line((x, 40), (x, 56), width=6)


def _swing_bridge(pen: Pen) -> None:
    pen.line((4, 66), (20, 66), width=12)
    pen.line((96, 66), (80, 66), width=12)
    pen.line((22, 64), (52, 28), width=11)
    pen.line((78, 64), (60, 40), width=11)
    pen.stroke("M6 90Q17 80 28 90T50 90T72 90T94 90", 6)


def _wind_sock(pen: Pen) -> None:
    pen.line((90, 4), (90, 98), width=6)
    if pen.pick(2):
        pen.area((86, 8), (86, 44), (4, 60), (4, 46))
        for x in (24, 48, 70):
            pen.line((x, 8), (x - 3, 70), width=6, hole=True)
    else:
        pen.area((86, 8), (86, 42), (46, 44), (8, 60), (2, 46), (40, 20))
        pen.line((62, 4), (64, 48), width=6, hole=True)
        pen.line((34, 12), (42, 56), width=6, hole=True)


def _quay(pen: Pen) -> None:
    pen.area((98, 56), (98, 98), (60, 98), (60, 56))
    with pen.moved("translate(8 2) rotate(-32 30 30) scale(0.56)"):
        pen.area((4, 44), (22, 22), (72, 22), (96, 46), (96, 72), (4, 72))
        pen.disc(26, 74, 12)
        pen.disc(76, 74, 12)
    for y in (74, 90) if pen.pick(2) else (82,):
        pen.stroke(f"M2 {y}Q12 {y - 10} 22 {y}T42 {y}T58 {y}", 6)


def _snowflake(pen: Pen) -> None:
    for turn in (0, 60, 120) if pen.pick(2) else (0, 45, 90, 135):
        with pen.moved(f"rotate({turn} 50 50)"):
            pen.line((50, 4), (50, 96), width=7)
            if pen.pick(2):
                pen.line((36, 8), (50, 24), (64, 8), width=5)
                pen.line((36, 92), (50, 76), (64, 92), width=5)


def _exclamation(pen: Pen) -> None:
    width = (11, 8, 14)[pen.pick(3)]
    pen.area((50 - width, 2), (50 + width, 2), (50 + width * 0.5, 68), (50 - width * 0.5, 68))
    pen.disc(50, 86, width)


def _horn(pen: Pen) -> None:
    pen.area((2, 22), (2, 78), (22, 58), (70, 56), (70, 44), (22, 42))
    pen.ring(76, 50, 16, 9)
    if pen.pick(2):
        pen.disc(76, 50, 16)


def _telephone(pen: Pen) -> None:
    pen.stroke("M14 36Q50 0 86 36", 15)
    if pen.pick(2):
        pen.area((34, 44), (66, 44), (88, 90), (12, 90))
        pen.disc(50, 68, 12, hole=True)
    else:
        pen.box(6, 30, 30, 48)
        pen.box(70, 30, 94, 48)
        pen.area((28, 54), (72, 54), (84, 92), (16, 92))


def _fuel(pen: Pen) -> None:
    pen.box(14, 6, 62, 96)
    pen.box(22, 14, 54, 40, hole=True)
    pen.line((60, 54), (76, 54), (76, 84), (90, 84), (90, 34), (74, 16), width=6)


def _hospital(pen: Pen) -> None:
    if pen.pick(3) == 1:
        pen.text("H", 50, 50, 84, width=18)
    elif pen.pick(3) == 2:
        pen.line((8, 22), (8, 90), width=9)
        pen.line((4, 74), (94, 74), (94, 90), width=11)
        pen.disc(26, 52, 10)
        pen.area((40, 48), (92, 54), (92, 66), (40, 66))
        pen.line((62, 6), (62, 36), width=9)
        pen.line((47, 21), (77, 21), width=9)
    else:
        pen.box(34, 4, 66, 96)
        pen.box(4, 34, 96, 66)


def _level_crossing_gate(pen: Pen) -> None:
    if pen.pick(2):
        for x in (14, 38, 62, 86):
            pen.line((x, 18), (x, 90), width=9)
    else:
        for x in (10, 26, 42, 58, 74, 90):
            pen.line((x, 24), (x, 86), width=6)
    pen.line((2, 38), (98, 38), width=8)
    pen.line((2, 70), (98, 70), width=8)


def _railroad_x(pen: Pen) -> None:
    pen.line((10, 12), (90, 88), width=10)
    pen.line((90, 12), (10, 88), width=10)
    pen.text("R", 17, 50, 26, width=7)
    pen.text("R", 83, 50, 26, width=7)


def _gravel(pen: Pen) -> None:
    with pen.moved("translate(0 6) scale(0.68)"):
        pen.area((3, 50), (26, 46), (38, 26), (80, 26), (92, 48), (92, 70), (3, 70))
        pen.disc(24, 74, 14)
        pen.disc(76, 74, 14)
    for x, y in ((74, 62), (86, 50), (84, 76), (94, 64), (70, 82), (96, 84), (8, 82), (34, 86), (54, 84)):
        pen.disc(x, y, 5)


def _electricity(pen: Pen) -> None:
    pen.area((60, 2), (24, 54), (46, 54), (36, 80), (26, 76), (34, 98), (56, 82), (46, 80), (74, 42), (52, 42), (72, 2))


def _fog(pen: Pen) -> None:
    for y in (20, 40, 60, 80):
        pen.stroke(f"M6 {y}Q17 {y - 12} 28 {y}T50 {y}T72 {y}T94 {y}", 7)


def _explosion(pen: Pen) -> None:
    pen.area(
        (50, 2),
        (60, 26),
        (84, 12),
        (76, 38),
        (98, 46),
        (76, 58),
        (90, 84),
        (62, 72),
        (52, 98),
        (40, 74),
        (14, 88),
        (24, 60),
        (2, 50),
        (24, 40),
        (12, 14),
        (38, 26),
    )


def _house(pen: Pen) -> None:
    pen.area((50, 10), (96, 48), (84, 48), (84, 92), (16, 92), (16, 48), (4, 48))
    pen.box(42, 60, 60, 92, hole=True)
    if pen.pick(2):
        pen.box(66, 56, 78, 68, hole=True)


def _waves(pen: Pen) -> None:
    for y in (36, 60) if pen.pick(2) else (28, 50, 72):
        pen.stroke(f"M4 {y}Q15 {y - 14} 27 {y}T50 {y}T73 {y}T96 {y}", 8)


def _stop_sign(pen: Pen) -> None:
    pen.area((30, 2), (70, 2), (98, 30), (98, 70), (70, 98), (30, 98), (2, 70), (2, 30))
    pen.text("STOP", 50, 50, 38, width=7, across=84, hole=True)


def _yield_sign(pen: Pen) -> None:
    pen.area((2, 8), (98, 8), (50, 92))
    pen.area((24, 22), (76, 22), (50, 66), hole=True)


def _bed(pen: Pen) -> None:
    pen.line((8, 26), (8, 86), width=8)
    pen.line((4, 70), (94, 70), (94, 86), width=9)
    pen.disc(26, 48, 10)
    pen.area((40, 44), (92, 52), (92, 62), (40, 62))


def _restaurant(pen: Pen) -> None:
    for x in (18, 30, 42):
        pen.line((x, 4), (x, 34), width=5)
    pen.line((18, 34), (42, 34), width=6)
    pen.line((30, 34), (30, 96), width=9)
    pen.fill("M66 96V4Q88 24 82 56H75V96Z")


def _tent(pen: Pen) -> None:
    pen.area((50, 10), (98, 90), (2, 90))
    pen.area((50, 44), (68, 90), (32, 90), hole=True)


def _wrench(pen: Pen) -> None:
    with pen.moved("rotate(40 50 50)"):
        pen.line((50, 26), (50, 96), width=14)
        pen.disc(50, 20, 19)
        pen.box(43, -4, 57, 20, hole=True)


def _motorway(pen: Pen) -> None:
    pen.line((36, 98), (46, 4), width=6)
    pen.line((64, 98), (54, 4), width=6)
    pen.line((6, 98), (32, 40), width=13)
    pen.line((94, 98), (68, 40), width=13)
    pen.line((8, 32), (92, 32), width=9)


def _headlights(pen: Pen) -> None:
    pen.fill("M52 14Q98 14 98 50Q98 86 52 86Q60 50 52 14Z")
    for y in (22, 42, 62, 82):
        pen.line((42, y), (6, y + 10), width=6)


def _chains(pen: Pen) -> None:
    pen.ring(50, 50, 40, 8)
    pen.ring(50, 50, 20, 6)
    for turn in range(0, 360, 45):
        with pen.moved(f"rotate({turn} 50 50)"):
            pen.line((44, 4), (56, 28), width=5)


def _bar(pen: Pen) -> None:
    pen.box(2, 38, 98, 62)


THINGS: dict[str, Callable[[Pen], None]] = {
    "traffic-light": _traffic_light,
    "bump": _bump,
    "uneven-road": _uneven,
    "dip": _dip,
    "steep-descent": _steep,
    "steep-ascent": _steep_ascent,
    "falling-rocks": _falling_rocks,
    "tunnel": _tunnel,
    "bridge": _bridge,
    "swing-bridge": _swing_bridge,
    "wind-sock": _wind_sock,
    "quay": _quay,
    "snowflake": _snowflake,
    "exclamation": _exclamation,
    "horn": _horn,
    "telephone": _telephone,
    "fuel-pump": _fuel,
    "hospital": _hospital,
    "gate": _level_crossing_gate,
    "railroad-crossbuck": _railroad_x,
    "gravel": _gravel,
    "electricity": _electricity,
    "fog": _fog,
    "explosion": _explosion,
    "house": _house,
    "waves": _waves,
    "stop-sign": _stop_sign,
    "yield-sign": _yield_sign,
    "bed": _bed,
    "restaurant": _restaurant,
    "tent": _tent,
    "wrench": _wrench,
    "motorway": _motorway,
    "headlights": _headlights,
    "snow-chains": _chains,
    "bar": _bar,
}
