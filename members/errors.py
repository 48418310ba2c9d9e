"""Every reason for which members and purchases refuse, each with a code and a sentence for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _

from backoffice.errors import Refusal
from members.choices import ProfileField


class MembersRefusal(Refusal):
    """Base of all refusals of this app. Nothing was written."""


# --- Phones and cards ---------------------------------------------------------------------------------------
class InvalidPhone(MembersRefusal):
    """`suggestion` is a number that may have been meant (Excel drops the leading zero), or empty."""

    code = "invalid_phone"
    sentence = _("“%(value)s” is no mobile phone number; expected %(expected)s.")

    def __init__(self, value: str, expected: str, suggestion: str = "") -> None:
        super().__init__(value=value, expected=expected, suggestion=suggestion)
        self.value = value
        self.expected = expected
        self.suggestion = suggestion


class PhoneTaken(MembersRefusal):
    """`member_id` is the living member who owns the number."""

    code = "phone_taken"
    sentence = _("Another member already uses this phone.")

    def __init__(self, member_id: int) -> None:
        super().__init__(member_id=member_id)
        self.member_id = member_id


class PhoneChanged(MembersRefusal):
    code = "phone_changed"
    sentence = _("The phone of this member changed meanwhile. Send a new code.")


class NoSuchCard(MembersRefusal):
    code = "no_such_card"
    sentence = _("There is no member card with this number.")


class CardReplaced(MembersRefusal):
    code = "card_replaced"
    sentence = _("This member card was replaced and no longer works.")


# --- States of a member -------------------------------------------------------------------------------------
class WrongStatus(MembersRefusal):
    code = "wrong_status"
    sentence = _("This is not possible: the member is %(status)s.")


class ChangedMeanwhile(MembersRefusal):
    code = "changed_meanwhile"
    sentence = _("Somebody changed this member meanwhile. Look again before you save.")


class ReasonMissing(MembersRefusal):
    code = "reason_missing"
    sentence = _("Give a reason.")


def _label(field: str) -> str:
    return str(ProfileField(field).label) if field in ProfileField.values else field


# --- Profile ------------------------------------------------------------------------------------------------
class InvalidProfile(MembersRefusal):
    """`errors` maps a field to sentences, as forms and APIs want them."""

    code = "invalid_profile"
    sentence = _("Check these fields: %(fields)s.")

    def __init__(self, errors: Mapping[str, Sequence[str]]) -> None:
        self.errors = {name: [str(text) for text in texts] for name, texts in errors.items()}
        super().__init__(fields=", ".join(_label(name) for name in errors), errors=self.errors)


class ProfileIncomplete(InvalidProfile):
    code = "profile_incomplete"
    sentence = _("These fields are required: %(fields)s.")


class FieldHidden(InvalidProfile):
    code = "field_hidden"
    sentence = _("These fields are not asked for here: %(fields)s.")


class ReferringStoreLocked(MembersRefusal):
    code = "referring_store_locked"
    sentence = _("The referring store is locked and can no longer change.")


# --- Purchases ----------------------------------------------------------------------------------------------
class InvalidReceipt(MembersRefusal):
    code = "invalid_receipt"
    sentence = _("%(field)s “%(value)s” is not possible; expected %(expected)s.")

    def __init__(self, field: str, value: Any, expected: str) -> None:
        super().__init__(field=field, value=str(value), expected=expected)


class ReceiptDiffers(MembersRefusal):
    """`fields` names what differs from the stored receipt."""

    code = "receipt_differs"
    sentence = _("Receipt %(receipt_no)s of %(source)s is already stored with other content: %(fields)s.")


class ReturnDiffers(MembersRefusal):
    code = "return_differs"
    sentence = _("Return %(return_no)s of %(source)s is already stored with other content: %(fields)s.")


class ReturnExceedsPayment(MembersRefusal):
    """`left` is what may still be returned, in NT$."""

    code = "return_exceeds_payment"
    sentence = _("Only NT$%(left)s of this receipt are left to return.")


class ReturnExceedsLine(MembersRefusal):
    code = "return_exceeds_line"
    sentence = _("Only %(quantity)s pieces worth NT$%(amount)s of line %(line_no)s are left to return.")


# --- Files --------------------------------------------------------------------------------------------------
class UnreadableFile(MembersRefusal):
    code = "unreadable_file"
    sentence = _("The file cannot be read: %(problem)s.")
