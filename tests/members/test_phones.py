"""Phones in every form that people write, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from members.errors import InvalidPhone
from members.phones import display_phone, mask_phone, normalise_phone, repair_phone

FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")
subscribers = st.from_regex(r"[0-9]{8}", fullmatch=True)
prefixes = st.sampled_from(["09", "+8869", "8869", "008869", "+88609", "+886 (0)9"])
gaps = st.sampled_from(["", " ", "-", ".", " - ", "\u3000", "\u00a0", "－", "–"])


@given(prefix=prefixes, digits=subscribers, gap=gaps, second=gaps, wide=st.booleans(), marks=st.booleans())
def test_every_way_of_writing_a_number_is_one_number(
    prefix: str, digits: str, gap: str, second: str, wide: bool, marks: bool
) -> None:
    text = f" {prefix}{digits[:2]}{gap}{digits[2:5]}{second}{digits[5:]} "
    text = text.translate(FULL_WIDTH) if wide else text
    text = f"\u202d{text}\u202c" if marks else text
    assert normalise_phone(text) == f"+8869{digits}"


@given(digits=subscribers)
def test_what_is_shown_is_understood_again(digits: str) -> None:
    phone = f"+8869{digits}"
    assert normalise_phone(display_phone(phone)) == phone
    assert mask_phone(phone) == f"09{digits[:2]}-***-{digits[5:]}"


@given(text=st.text(max_size=30))
def test_any_text_is_a_number_in_e164_or_refused(text: str) -> None:
    try:
        phone = normalise_phone(text)
    except InvalidPhone as refusal:
        assert refusal.value == text
    else:
        assert phone[0] == "+"
        assert phone[1:].isascii()
        assert phone[1:].isdigit()
        assert 7 <= len(phone) <= 16


@pytest.mark.parametrize(
    "text",
    [
        "0912345678x",
        "0912345678 ext 5",
        "0912345678#1",
        "02-2345-6789",
        "+886 2 2345 6789",
        "091234567",
        "09123456789",
        "٠٩١٢٣٤٥٦٧٨",
        "+81 3-1234-5678",
        "+1 900 555 0143",
        "",
        "電話",
    ],
)
def test_refused(text: str) -> None:
    with pytest.raises(InvalidPhone) as refusal:
        normalise_phone(text)
    assert refusal.value.details["expected"]
    assert refusal.value.suggestion == ""


def test_a_lost_zero_is_suggested_and_never_assumed() -> None:
    with pytest.raises(InvalidPhone) as refusal:
        normalise_phone("912345678")
    assert refusal.value.suggestion == "0912345678"


@pytest.mark.parametrize(
    ("text", "phone", "repaired"),
    [
        ("912345678", "+886912345678", True),
        ('="0912345678"', "+886912345678", True),
        ('="912345678"', "+886912345678", True),
        ("0912-345-678", "+886912345678", False),
    ],
)
def test_files_are_repaired(text: str, phone: str, repaired: bool) -> None:
    assert repair_phone(text) == (phone, repaired)


@pytest.mark.parametrize(
    ("phone", "shown", "masked"),
    [
        ("+886912345678", "0912-345-678", "0912-***-678"),
        ("+85251234567", "+852 5123 4567", "+852***567"),
        ("", "", ""),
    ],
)
def test_display_and_mask(phone: str, shown: str, masked: str) -> None:
    assert display_phone(phone) == shown
    assert mask_phone(phone) == masked


def test_foreign_mobile_numbers_need_their_country_code() -> None:
    assert normalise_phone("+852 5123 4567") == "+85251234567"
    assert normalise_phone("+81 90-1234-5678") == "+819012345678"
