"""Card numbers: 16 digits with a check digit, drawn at random."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from members.cards import is_valid_card_no, new_card_no
from tests.factories.members import card_no


@given(seed=st.integers(min_value=0, max_value=2**32))
def test_a_new_number_is_valid_and_no_other_last_digit_is(seed: int) -> None:
    number = new_card_no(random.Random(seed))
    assert is_valid_card_no(number)
    assert [digit for digit in "0123456789" if is_valid_card_no(number[:-1] + digit)] == [number[-1]]


@given(seed=st.integers(min_value=0, max_value=2**32), place=st.integers(0, 15), by=st.integers(1, 9))
def test_one_mistyped_digit_is_caught(seed: int, place: int, by: int) -> None:
    number = new_card_no(random.Random(seed))
    wrong = number[:place] + str((int(number[place]) + by) % 10) + number[place + 1 :]
    assert not is_valid_card_no(wrong)


def test_known_numbers() -> None:
    assert is_valid_card_no("4111111111111111")
    assert not is_valid_card_no("4111111111111112")
    assert not is_valid_card_no("411111111111111")
    assert not is_valid_card_no("４１１１１１１１１１１１１１１１")
    assert is_valid_card_no(card_no(7))


def test_numbers_do_not_repeat_and_never_look_like_a_payment_card() -> None:
    rng = random.Random(1)
    numbers = [new_card_no(rng) for _ in range(2000)]
    assert len(set(numbers)) == 2000
    assert {number[0] for number in numbers} == {"9"}
