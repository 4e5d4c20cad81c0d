"""Pictograms of ways: arrows, junctions, lanes. `right` is `left` mirrored."""

from __future__ import annotations

from collections.abc import Callable

from kgv_jax.data.renderer.pen import Pen, mirrored


def _straight(pen: Pen) -> None:
    pen.arrow((50, 96), (50, 4), width=15, head=38)


def _left(pen: Pen) -> None:
    pen.arrow((96, 50), (4, 50), width=15, head=38)


def _turn_left(pen: Pen) -> None:
    if pen.pick(2):
        pen.arrow((70, 96), (70, 34), (8, 34), width=15, head=36)
    else:
        pen.arrow((66, 96), (66, 46), (14, 46), width=13, head=34)


def _curve_left(pen: Pen) -> None:
    if pen.pick(3) == 1:
        pen.arrow((64, 98), (64, 60), (24, 8), width=13, head=32)
    elif pen.pick(3) == 2:
        pen.stroke("M66 98V70Q66 48 46 36", 13)
        pen.arrow((52, 40), (16, 18), width=13, head=36)
    else:
        pen.stroke("M60 98Q64 62 44 32", 14)
        pen.arrow((48, 38), (28, 6), width=14, head=30)


def _double_curve_left(pen: Pen) -> None:
    if pen.pick(2):
        pen.arrow((62, 98), (62, 72), (36, 50), (62, 28), (62, 2), width=12, head=28)
    else:
        pen.stroke("M60 98Q66 76 46 62Q30 50 48 36Q58 28 58 24", 13)
        pen.arrow((58, 30), (60, 2), width=13, head=30)


def _winding_left(pen: Pen) -> None:
    pen.arrow((56, 98), (56, 84), (36, 72), (64, 52), (36, 34), (52, 22), (52, 2), width=11, head=26)


def _hairpin_left(pen: Pen) -> None:
    pen.stroke("M74 98V40A20 22 0 0 0 32 40V52", 13)
    pen.arrow((32, 46), (32, 84), width=13, head=32)


def _u_turn(pen: Pen) -> None:
    if pen.pick(2):
        pen.arrow((74, 96), (74, 16), (26, 16), (26, 84), width=14, head=36)
    else:
        pen.stroke("M74 96V38A23 25 0 0 0 28 38V56", 14)
        pen.arrow((28, 50), (28, 88), width=14, head=36)


def _straight_or_left(pen: Pen) -> None:
    pen.arrow((62, 98), (62, 4), width=13, head=30)
    if pen.pick(2):
        pen.arrow((62, 78), (62, 56), (10, 56), width=13, head=30)
    else:
        pen.stroke("M62 88Q62 58 40 54", 13)
        pen.arrow((46, 55), (8, 50), width=13, head=30)


def _left_or_right(pen: Pen) -> None:
    start, end = ((46, 46), (50, 42))[pen.pick(2)]
    pen.arrow((50, start), (2, end), width=13, head=32)
    pen.arrow((50, start), (98, end), width=13, head=32)
    pen.line((50, 96), (50, 46), width=13)


def _keep_left(pen: Pen) -> None:
    if pen.pick(3) == 1:
        pen.stroke("M80 10Q80 46 48 62", 14)
        pen.arrow((56, 58), (14, 84), width=14, head=38)
    elif pen.pick(3) == 2:
        pen.line((72, 96), (72, 60), width=20)
        pen.stroke("M60 96V76Q60 60 44 50Q30 42 30 30", 10)
        pen.arrow((30, 36), (30, 4), width=10, head=28)
    else:
        pen.arrow((84, 14), (16, 84), width=16, head=42)


def _pass_either_side(pen: Pen) -> None:
    if pen.pick(2):
        pen.arrow((50, 8), (50, 32), (12, 86), width=12, head=30)
        pen.arrow((50, 8), (50, 32), (88, 86), width=12, head=30)
    else:
        pen.arrow((44, 12), (12, 84), width=13, head=32)
        pen.arrow((56, 12), (88, 84), width=13, head=32)


def _roundabout(pen: Pen) -> None:
    turns = (0, 120, 240)
    for turn in turns:
        with pen.moved(f"rotate({turn} 50 50)"):
            if pen.pick(3) == 2:
                pen.stroke("M22 68A33 33 0 0 1 28 26", 14)
                pen.arrow((25, 28), (50, 10), width=8, head=34)
            elif pen.pick(3) == 1:
                pen.stroke("M18 62A34 34 0 0 1 36 20", 9)
                pen.arrow((30, 24), (56, 14), width=6, head=24)
            else:
                pen.stroke("M20 64A33 33 0 0 1 34 22", 12)
                pen.arrow((28, 26), (56, 15), width=8, head=28)


def _two_way(pen: Pen) -> None:
    if pen.pick(2):
        pen.arrow((32, 96), (32, 4), width=11, head=30)
        pen.arrow((68, 4), (68, 96), width=11, head=30)
    else:
        pen.arrow((30, 4), (30, 96), width=13, head=34)
        pen.arrow((70, 96), (70, 4), width=13, head=34)


def _oncoming_first(pen: Pen) -> None:
    pen.arrow((30, 96), (30, 18), width=9, head=24)
    pen.arrow((70, 4), (70, 98), width=18, head=44)


def _priority_over_oncoming(pen: Pen) -> None:
    pen.arrow((70, 4), (70, 82), width=9, head=24)
    pen.arrow((30, 98), (30, 2), width=18, head=44)


def _overtaking_arrows(pen: Pen) -> None:
    pen.arrow((66, 96), (66, 6), width=11, head=28)
    pen.stroke("M60 96Q60 74 40 66Q26 58 28 34", 9)
    pen.arrow((28, 40), (29, 8), width=9, head=26)


def _crossroads(pen: Pen) -> None:
    if pen.pick(3) == 1:
        pen.line((50, 2), (50, 98), width=18)
        pen.line((2, 50), (98, 50), width=18)
    elif pen.pick(3) == 2:
        pen.line((50, 6), (50, 96), width=14)
        pen.line((14, 44), (86, 44), width=14)
    else:
        pen.line((18, 14), (82, 90), width=15)
        pen.line((82, 14), (18, 90), width=15)


def _priority_crossroads(pen: Pen) -> None:
    if pen.pick(2):
        pen.line((50, 96), (50, 8), width=20)
    else:
        pen.arrow((50, 98), (50, 2), width=18, head=36)
    pen.line((10, 56), (90, 56), width=8)


def _t_road(pen: Pen) -> None:
    y, width = ((24, 16), (34, 13))[pen.pick(2)]
    pen.line((50, 96), (50, y), width=width)
    pen.line((8, y), (92, y), width=width)


def _side_road_left(pen: Pen) -> None:
    thick, thin = ((18, 8), (15, 14))[pen.pick(2)]
    pen.line((56, 98), (56, 4), width=thick)
    pen.line((56, 54), (10, 54), width=thin)


def _y_road(pen: Pen) -> None:
    pen.line((50, 98), (50, 54), (16, 8), width=15)
    pen.line((50, 98), (50, 54), (84, 8), width=15)


def _offset_roads(pen: Pen) -> None:
    pen.line((50, 98), (50, 2), width=15)
    pen.line((50, 66), (92, 66), width=12)
    pen.line((50, 32), (8, 32), width=12)


def _merge_left(pen: Pen) -> None:
    if pen.pick(2):
        pen.line((58, 98), (58, 4), width=15)
        pen.line((20, 96), (20, 78), (58, 44), width=10)
    else:
        pen.arrow((60, 98), (60, 2), width=14, head=34)
        pen.stroke("M18 94Q22 66 58 52", 10)


def _narrows(pen: Pen) -> None:
    if pen.pick(2):
        pen.line((22, 96), (22, 66), (38, 42), (38, 4), width=10)
        pen.line((78, 96), (78, 66), (62, 42), (62, 4), width=10)
    else:
        pen.fill("M14 98V70Q34 56 34 4H42V60Q42 70 26 78V98Z")
        pen.fill("M86 98V70Q66 56 66 4H58V60Q58 70 74 78V98Z")


def _narrows_left(pen: Pen) -> None:
    pen.line((72, 96), (72, 4), width=11)
    if pen.pick(2):
        pen.line((18, 96), (18, 66), (44, 40), (44, 4), width=11)
    else:
        pen.stroke("M20 96V72Q44 62 44 4", 11)


def _divided_road(pen: Pen) -> None:
    pen.area((42, 30), (58, 30), (54, 4), (46, 4))
    pen.arrow((24, 28), (24, 92), width=10, head=26)
    pen.arrow((76, 92), (76, 28), width=10, head=26)


def _chevron_left(pen: Pen) -> None:
    for x in ((8, 52), (6, 36, 66))[pen.pick(2)]:
        pen.line((x + 30, 12), (x, 50), (x + 30, 88), width=14)


def _dead_end(pen: Pen) -> None:
    pen.line((50, 98), (50, 36), width=18)
    pen.box(18, 12, 82, 34)


def _one_way_left(pen: Pen) -> None:
    pen.area((2, 50), (34, 24), (34, 38), (98, 38), (98, 62), (34, 62), (34, 76))


def _lane_ends(pen: Pen) -> None:
    pen.line((22, 98), (22, 4), width=9)
    pen.line((78, 98), (78, 66), (54, 40), (54, 4), width=9)
    pen.line((48, 96), (48, 80), width=6)
    pen.line((48, 66), (48, 52), width=6)


def _side_road_acute_left(pen: Pen) -> None:
    pen.line((58, 98), (58, 4), width=(15, 18)[pen.pick(2)])
    pen.line((14, 22), (58, 74), width=(12, 9)[pen.pick(2)])


def _skewed_road_left(pen: Pen) -> None:
    if pen.pick(2):
        pen.stroke("M32 98Q34 64 62 48L66 4", 15)
        pen.line((58, 54), (14, 34), width=12)
    else:
        pen.line((8, 56), (92, 16), width=15)
        pen.line((54, 96), (54, 36), width=15)


def _lanes_joining(pen: Pen) -> None:
    if pen.pick(2):
        pen.line((50, 2), (50, 36), width=20)
        pen.line((30, 98), (30, 62), (46, 34), width=11)
        pen.line((70, 98), (70, 62), (54, 34), width=11)
    else:
        pen.area((42, 96), (58, 96), (54, 74), (46, 74))
        pen.arrow((44, 4), (44, 40), (22, 60), (22, 96), width=10, head=26)
        pen.arrow((78, 96), (78, 60), (58, 40), (58, 4), width=10, head=26)


def _closed_lane_left(pen: Pen) -> None:
    pen.arrow((70, 96), (70, 4), width=12, head=30)
    pen.line((26, 96), (26, 32), width=12)
    pen.line((10, 28), (42, 28), width=14)


def _closed_lane_of_three(pen: Pen) -> None:
    pen.arrow((18, 96), (18, 8), width=10, head=26)
    pen.arrow((50, 96), (50, 8), width=10, head=26)
    pen.line((82, 96), (82, 32), width=10)
    pen.line((70, 28), (96, 28), width=12)


def _bridge_rails(pen: Pen) -> None:
    for side in (-1, 1):
        x = 50 + side * 16
        pen.line((x + side * 20, 96), (x, 78), (x, 22), (x + side * 20, 4), width=(13, 9)[pen.pick(2)])


def _pavement_edge(pen: Pen) -> None:
    pen.area((34, 46), (66, 46), (74, 98), (26, 98))
    pen.line((50, 94), (50, 80), width=4, hole=True)
    pen.line((50, 68), (50, 54), width=4, hole=True)
    for x, y in ((40, 36), (52, 38), (60, 32), (46, 26), (56, 20), (42, 14), (52, 8)):
        pen.disc(x, y, 4)


_LEFT: dict[str, Callable[[Pen], None]] = {
    "arrow-left": _left,
    "turn-left": _turn_left,
    "curve-left": _curve_left,
    "double-curve-left": _double_curve_left,
    "winding-road-left": _winding_left,
    "hairpin-left": _hairpin_left,
    "straight-or-left": _straight_or_left,
    "keep-left": _keep_left,
    "side-road-left": _side_road_left,
    "merge-left": _merge_left,
    "narrows-left": _narrows_left,
    "chevron-left": _chevron_left,
    "one-way-left": _one_way_left,
    "side-road-acute-left": _side_road_acute_left,
    "skewed-road-left": _skewed_road_left,
    "closed-lane-left": _closed_lane_left,
}

ARROWS: dict[str, Callable[[Pen], None]] = {
    **_LEFT,
    **{name.replace("left", "right"): mirrored(draw) for name, draw in _LEFT.items()},
    "straight": _straight,
    "u-turn": _u_turn,
    "left-or-right": _left_or_right,
    "pass-either-side": _pass_either_side,
    "roundabout": _roundabout,
    "two-way": _two_way,
    "oncoming-first": _oncoming_first,
    "priority-over-oncoming": _priority_over_oncoming,
    "overtaking-arrows": _overtaking_arrows,
    "crossroads": _crossroads,
    "priority-crossroads": _priority_crossroads,
    "t-road": _t_road,
    "y-road": _y_road,
    "offset-roads": _offset_roads,
    "narrows": _narrows,
    "divided-road": _divided_road,
    "dead-end": _dead_end,
    "lane-ends": _lane_ends,
    "lanes-joining": _lanes_joining,
    "closed-lane-of-three": _closed_lane_of_three,
    "bridge-rails": _bridge_rails,
    "pavement-edge": _pavement_edge,
}
