"""The arithmetic of predicted step times."""

import pytest

from benchmarks.aot.chips import CHIPS, Chip, bound, estimate, minus, plus
from benchmarks.aot.hlo import Collective, Cost

CHIP = Chip("c", "c:2", 2, peak_flops=100.0, hbm_bytes=1e3, hbm_rate=10.0, ici_rate=5.0, clock=1.0)


def test_a_step_waits_for_the_slower_and_for_what_is_exchanged():
    cost = Cost(100.0, 600.0, 20.0, 0.0, (Collective("all-reduce", 2, 3, 10), Collective("all-gather", 2, 1, 10)))
    least = bound(cost, CHIP)
    assert (least.compute, least.memory, least.limit) == (6.0, 2.0, "compute")
    assert least.exchange == pytest.approx((2 * 10 / 2 + 10 / 2) / 5)
    assert least.step == pytest.approx(6.0 + least.exchange)
    assert bound(cost._replace(bytes=100.0), CHIP).limit == "memory"


def test_what_one_program_costs_more():
    plain = Cost(5.0, 5.0, 7.0, 1.0, (Collective("all-reduce", 2, 3, 10), Collective("all-gather", 2, 1, 4)))
    whole = Cost(6.0, 11.0, 9.0, 4.0, (Collective("all-reduce", 2, 4, 15), Collective("all-reduce", 8, 1, 2)))
    assert minus(whole, plain) == Cost(
        1.0,
        6.0,
        2.0,
        3.0,
        (Collective("all-reduce", 2, 1, 5), Collective("all-reduce", 8, 1, 2), Collective("all-gather", 2, -1, -4)),
    )
    assert minus(plain, plain) == Cost(0.0, 0.0, 0.0, 0.0, ())
    assert plus(plain, minus(whole, plain)) == whole


def test_the_compilers_estimate_is_in_cycles_of_the_clock():
    cost = Cost(0.0, 0.0, 0.0, 6.0, (Collective("all-gather", 2, 1, 10),))
    assert estimate(cost, CHIP._replace(clock=2.0)) == 6.0 / 2.0 + bound(cost, CHIP).exchange == 4.0


def test_what_is_not_estimated_stays_so():
    known = Cost(5.0, 5.0, 7.0, 1.0, ())
    unknown = known._replace(cycles=None)
    assert estimate(unknown, CHIP) is None
    assert minus(known, unknown) == minus(unknown, known) == Cost(0.0, 0.0, 0.0, None, ())


def test_slices_have_as_many_chips_as_their_names_say():
    for chip in CHIPS.values():
        sides = [int(side) for side in chip.topology.partition(":")[2].split("x")]
        count = 1
        for side in sides:
            count *= side
        assert count == chip.count, chip.name
