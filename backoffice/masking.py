"""Personal data, masked: enough to recognise what one already knows, too little to learn it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

# Keys whose values identify a person, in the rows of any app.
NAMES = frozenset({"name", "recipient"})
PHONES = frozenset({"phone", "mobile"})
EMAILS = frozenset({"email"})
HIDDEN = frozenset({"address", "birthday", "password", "carrier", "line_uid"})

# Chinese keyboards type full-width digits (which \d knows), signs and brackets; people put dots between, too.
_GAP = r"[\s.\-\u2010-\u2015()（）－．]{0,2}"
_PHONE_IN_TEXT = re.compile(
    rf"(?<!\d)(?:[+＋]\d{{1,3}}{_GAP}|886{_GAP}(?=9)|[0０])\d(?:{_GAP}\d){{7,12}}(?!\d)"
)
_EMAIL_IN_TEXT = re.compile(r"[\w.%+\-]{1,64}[@＠][\w\-]{1,63}(?:[.．][\w\-]{1,63}){1,8}")


def mask_name(name: str) -> str:
    """The first and, from three characters on, the last character.

    >>> [mask_name(name) for name in ("王小明", "王明", "歐陽小明", "")]
    ['王○明', '王○', '歐○○明', '']
    """
    if len(name) <= 2:
        return name[:1] + "○" * (len(name) - 1)
    return name[0] + "○" * (len(name) - 2) + name[-1]


def mask_phone(phone: str) -> str:
    """The last three digits.

    >>> [mask_phone(phone) for phone in ("+886912345678", "0912-345-678", "")]
    ['***678', '***678', '']
    """
    digits = "".join(character for character in phone if character.isdigit())
    return f"***{digits[-3:]}" if digits else ""


def mask_email(email: str) -> str:
    """The first character and the domain.

    >>> [mask_email(email) for email in ("wang@example.com", "broken", "")]
    ['w***@example.com', '***', '']
    """
    if not email:
        return ""
    user, at, domain = email.replace("＠", "@").partition("@")
    return f"{user[:1]}***@{domain}" if at else "***"


def mask_text(text: str) -> str:
    """Free text without the phone numbers and e-mail addresses that people write into it.

    >>> mask_text("customer 0912-345-678 / wang@example.com, order 20261122001")
    'customer ***678 / w***@example.com, order 20261122001'
    >>> mask_text("電話０９１２－３４５－６７８、(02) 2345.6789，wang＠example.com")
    '電話***６７８、(***789，w***@example.com'
    """
    text = _EMAIL_IN_TEXT.sub(lambda found: mask_email(found.group()), text)
    return _PHONE_IN_TEXT.sub(lambda found: mask_phone(found.group()), text)


def mask_value(field: str, value: Any) -> Any:
    """`value` of a field as it may be kept for ever. None and numbers stay, containers are walked through."""
    if isinstance(value, Mapping):
        return {str(key): mask_value(str(key), item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [mask_value(field, item) for item in value]
    if value in (None, ""):
        return value
    if field in HIDDEN:
        return "***"
    if not isinstance(value, str):
        return value
    if field in NAMES:
        return mask_name(value)
    if field in PHONES:
        return mask_phone(value)
    if field in EMAILS:
        return mask_email(value)
    return mask_text(value)
