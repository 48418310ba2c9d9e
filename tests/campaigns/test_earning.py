"""The pure rule: amounts to points, small change, refusals, shares that come back."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns import explaining
from campaigns.earning import Buyer, EarningRule, calculate, judge, share_returned, units_owed

amounts = st.integers(0, 5_000_000).map(lambda cents: Decimal(cents).scaleb(-2))


def rule(
    unit: str = "1", points: int = 1, rounding: str = "floor", carry: bool = False, active: bool = True
) -> EarningRule:
    return EarningRule(1, "main", 3, Decimal(unit), points, rounding, carry, active)


def test_135_dollars_at_one_to_one_give_135_points() -> None:
    earned = calculate(rule=rule(), base=Decimal("135"))
    assert earned.points == 135
    assert earned.explanation == {
        "rule": "earn_by_amount",
        "program": "main",
        "version": 3,
        "base": "135.00",
        "unit": "1.00",
        "unit_points": 1,
        "rounding": "floor",
        "units": 135,
        "points": 135,
    }


@pytest.mark.parametrize(
    ("rounding", "base", "points"),
    [
        ("floor", "149.99", 2),
        ("floor", "150", 3),
        ("half_up", "124.99", 2),
        ("half_up", "125", 3),
        ("half_up", "24.99", 0),
        ("ceiling", "0.01", 1),
        ("ceiling", "150", 3),
        ("ceiling", "150.01", 4),
        ("ceiling", "0", 0),
    ],
)
def test_rounding(rounding: str, base: str, points: int) -> None:
    assert calculate(rule=rule("50", rounding=rounding), base=Decimal(base)).points == points


def test_small_change_waits_for_the_next_purchase() -> None:
    stars = rule("50", carry=True)
    first = calculate(rule=stars, base=Decimal(30))
    second = calculate(rule=stars, base=Decimal(20), carry=first.carry_after)
    assert (first.points, first.carry_after) == (0, Decimal(30))
    assert (second.points, second.carry_after) == (1, Decimal(0))
    assert second.explanation["carry_in"] == "30.00"
    assert first.explanation["failed"] == "below_unit"


def test_small_change_is_ignored_by_a_program_that_does_not_carry() -> None:
    earned = calculate(rule=rule("50"), base=Decimal(20), carry=Decimal(40))
    assert (earned.points, earned.carry_after) == (0, 0)
    assert "carry_in" not in earned.explanation


def test_more_than_an_entry_may_have_is_cut_and_said() -> None:
    earned = calculate(rule=rule(points=1000), base=Decimal(20_000))
    assert earned.points == 9_999_999
    assert (earned.explanation["cap"], earned.explanation["wanted"]) == (9_999_999, 20_000_000)
    assert any("9,999,999" in line for line in explaining.sentences(earned.explanation))


@pytest.mark.parametrize(
    ("buyer", "active", "base", "failed"),
    [
        (None, False, "0", "no_member"),
        (Buyer(1, "frozen", 9), False, "0", "member_not_served"),
        (Buyer(1, "active", 9), False, "0", "other_brand"),
        (Buyer(1, "active", 7), False, "0", "program_inactive"),
        (Buyer(1, "active", None), True, "0", "zero_amount"),
        (Buyer(1, "active", None), True, "49.99", "below_unit"),
    ],
)
def test_the_first_rule_that_fails_is_named(
    buyer: Buyer | None, active: bool, base: str, failed: str
) -> None:
    earned = judge(rule=rule("50", active=active), buyer=buyer, store_brand_id=7, base=Decimal(base))
    assert (earned.points, earned.explanation["failed"], earned.explanation["points"]) == (0, failed, 0)
    assert explaining.sentences(earned.explanation)[0]


def test_a_rule_that_gives_nothing_says_so() -> None:
    assert calculate(rule=rule(points=0), base=Decimal(10)).explanation["failed"] == "gives_nothing"


@given(amounts, st.integers(1, 500_00), st.integers(1, 100), st.sampled_from(["floor", "half_up", "ceiling"]))
def test_rounding_stays_within_one_unit(base: Decimal, unit: int, points: int, rounding: str) -> None:
    got = calculate(rule=rule(str(Decimal(unit).scaleb(-2)), points, rounding), base=base)
    exact = base * 100 / unit * points
    wanted = got.explanation.get("wanted", got.points)
    assert abs(wanted - exact) < points
    assert wanted <= exact or rounding != "floor"
    assert wanted >= exact or rounding != "ceiling"


@given(st.lists(amounts, max_size=8), st.integers(1, 500_00))
def test_no_small_change_is_lost(bases: list[Decimal], unit: int) -> None:
    carrying = rule(str(Decimal(unit).scaleb(-2)), carry=True)
    carry, units = Decimal(0), 0
    for base in bases:
        earned = calculate(rule=carrying, base=base, carry=carry)
        carry, units = earned.carry_after, units + earned.points
    assert units * carrying.earn_amount + carry == sum(bases)
    assert 0 <= carry < carrying.earn_amount


@given(st.integers(0, 1_000_000), st.lists(st.integers(1, 10_000), min_size=1, max_size=6))
def test_shares_of_repeated_returns_add_up(granted: int, parts: list[int]) -> None:
    paid, so_far, taken = Decimal(sum(parts)), Decimal(0), 0
    for part in parts:
        so_far += part
        share = share_returned(granted=granted, returned=so_far, paid=paid) - taken
        assert share >= 0
        taken += share
    assert taken == granted


@given(amounts, amounts, st.integers(1, 500_00))
def test_units_owed_leave_small_change_below_a_unit(carry: Decimal, returned: Decimal, unit: int) -> None:
    size = Decimal(unit).scaleb(-2)
    units, left = units_owed(carry=carry, explanation={"unit": str(size)}, returned=returned)
    assert left == carry - returned + units * size
    assert left >= 0
    assert units == 0 or left < size
