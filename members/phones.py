"""Mobile phone numbers: E.164 in the database, 0912-345-678 for people, 0912-***-678 for other eyes.

The usual Taiwanese forms take a path without a library (a file of a million rows passes here); the others go
through `phonenumbers`, which alone would take "0912345678x" for a number with an extension.
"""

from __future__ import annotations

import re
import unicodedata

import phonenumbers
from django.utils.translation import gettext as _

from members.errors import InvalidPhone

REGION = "TW"
# Separators that people and address books put between the digits, dashes of every width among them.
SEPARATORS = re.compile(r"[\s().\-\u2010-\u2015\u2212]+")
TAIWANESE = re.compile(r"(?:0|(?:\+|00)?8860?)(9[0-9]{8})")
WITHOUT_ZERO = re.compile(r"9[0-9]{8}")
DIALLED = re.compile(r"\+?[0-9]{6,18}")
E164_TAIWAN = re.compile(r"\+886(9[0-9]{2})([0-9]{3})([0-9]{3})")
# What a directory knows to be no mobile phone. UNKNOWN stays in: new ranges are older than the metadata.
NOT_MOBILE = frozenset(
    {
        phonenumbers.PhoneNumberType.FIXED_LINE,
        phonenumbers.PhoneNumberType.TOLL_FREE,
        phonenumbers.PhoneNumberType.PREMIUM_RATE,
        phonenumbers.PhoneNumberType.SHARED_COST,
        phonenumbers.PhoneNumberType.VOIP,
        phonenumbers.PhoneNumberType.PAGER,
        phonenumbers.PhoneNumberType.UAN,
        phonenumbers.PhoneNumberType.VOICEMAIL,
    }
)


def normalise_phone(text: str) -> str:
    """`text` as E.164 (`+886912345678`).

    Takes 0912-345-678, +886 912 345 678, 886…, 00886…, full-width digits, and possible mobile numbers of
    other countries with their `+`. Raises InvalidPhone, with a `suggestion` where a zero seems to be lost.
    """
    bare = _bare(text)
    if match := TAIWANESE.fullmatch(bare):
        return f"+886{match[1]}"
    if WITHOUT_ZERO.fullmatch(bare):
        raise _invalid(text, suggestion=f"0{bare}")
    if not DIALLED.fullmatch(bare):
        raise _invalid(text)
    return _foreign(text, bare)


def repair_phone(text: str) -> tuple[str, bool]:
    """`normalise_phone` for files: also takes the suggestion and Excel's `="…"`; True when it had to."""
    try:
        return normalise_phone(text), False
    except InvalidPhone as refusal:
        guarded = re.fullmatch(r'=?"(.+)"', text.strip())
        if guarded:
            return repair_phone(guarded[1])[0], True
        if refusal.suggestion:
            return normalise_phone(refusal.suggestion), True
        raise


def display_phone(phone: str) -> str:
    """`+886912345678` as `0912-345-678`; a foreign number as `+852 5123 4567`; an empty one stays empty."""
    if match := E164_TAIWAN.fullmatch(phone):
        return f"0{match[1]}-{match[2]}-{match[3]}"
    try:
        number = phonenumbers.parse(phone, None)
    except phonenumbers.NumberParseException:
        return phone
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL))


def mask_phone(phone: str) -> str:
    """`0912-***-678`: enough to recognise, too little to call. Foreign ones keep three digits at each end."""
    if match := E164_TAIWAN.fullmatch(phone):
        return f"0{match[1]}-***-{match[3]}"
    return f"{phone[:4]}***{phone[-3:]}" if len(phone) > 7 else "***" if phone else ""


def _bare(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text)
    # Address books wrap numbers in invisible direction marks.
    visible = "".join(char for char in folded if unicodedata.category(char) != "Cf")
    return SEPARATORS.sub("", visible)


def _foreign(text: str, bare: str) -> str:
    try:
        number = phonenumbers.parse(bare, REGION)
    except phonenumbers.NumberParseException:
        raise _invalid(text) from None
    # Taiwanese mobile numbers were recognised before: what is left of +886 is a landline or too long.
    if number.country_code == 886 or phonenumbers.number_type(number) in NOT_MOBILE:
        raise _invalid(text)
    if not phonenumbers.is_possible_number_for_type(number, phonenumbers.PhoneNumberType.MOBILE):
        raise _invalid(text)
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def _invalid(text: str, suggestion: str = "") -> InvalidPhone:
    return InvalidPhone(text, _("0912-345-678, or + and the country code"), suggestion)
