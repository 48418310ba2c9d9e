"""Every reason for which members and purchases refuse, each with a code and a sentence for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _

from backoffice.errors import Refusal
from members.choices import ProfileField


class MembersRefusal(Refusal):
    """Base of all refusals of this app. Nothing was written."""


class NotAListFilter(MembersRefusal):
    code = "not_a_list_filter"
    sentence = _("The list cannot be narrowed by “%(name)s” = “%(value)s” here. Take this filter off.")


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


class CardNotBlank(MembersRefusal):
    """Only a card without an owner can be claimed; two named members are merged by staff."""

    code = "card_not_blank"
    sentence = _("This card belongs to a member already. Merge the two if they are one person.")


class TooManyCardsJoined(MembersRefusal):
    code = "too_many_cards_joined"
    sentence = _("At most %(most)s cards without a name join one member on one day.")


class CardNotClaimed(MembersRefusal):
    """What an app hears of every card that it cannot join: it learns nothing about other people's cards."""

    code = "card_not_claimed"
    sentence = _("This card cannot be joined. Check the number, or ask in the store.")


class TooManyCards(MembersRefusal):
    code = "too_many_cards"
    sentence = _("Ask for 1 to %(most)s cards at a time.")


# --- States of a member -------------------------------------------------------------------------------------
class WrongStatus(MembersRefusal):
    code = "wrong_status"
    sentence = _("This is not possible: the member is %(status)s.")


class MergeRefused(MembersRefusal):
    """`why` is `same` (one and the same member) or `brands` (members of two brands)."""

    code = "merge_refused"
    sentence = _("These two cannot become one member.")
    sentences = {
        "same": _("This is the same member. Scan or type the other card."),
        "brands": _("The two belong to different brands and stay apart."),
    }

    def __init__(self, why: str) -> None:
        super().__init__(why=why)
        self.why = why

    def __str__(self) -> str:
        return str(self.sentences.get(self.why, self.sentence))


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


class SignedInFuture(MembersRefusal):
    code = "signed_in_future"
    sentence = _("The form cannot be signed on %(day)s: that day has not come yet. Check the date.")


# --- Notes and looks ----------------------------------------------------------------------------------------
class NoteEmpty(MembersRefusal):
    code = "note_empty"
    sentence = _("Write something into the note.")


class NoteAlreadyStruck(MembersRefusal):
    code = "note_already_struck"
    sentence = _("This note was struck out already.")


class TooManyUnmaskings(MembersRefusal):
    """`limit` unmaskings were made by this person within the hour; the refusal has raised an alarm."""

    code = "too_many_unmaskings"
    sentence = _(
        "You have unmasked %(limit)s members within this hour. Wait for the next hour, or ask a colleague."
    )


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


# --- Signing in ---------------------------------------------------------------------------------------------
class CodeWrong(MembersRefusal):
    """One answer for a wrong, replaced, used, unknown and outlived code."""

    code = "code_wrong"
    sentence = _("This code is wrong or no longer valid. Ask for a new one.")


class TooManyAttempts(MembersRefusal):
    code = "too_many_attempts"
    sentence = _("Too many wrong codes. Ask for a new one, or let the store sign you in.")
    retry_after = 60


class CountryNotServed(MembersRefusal):
    code = "country_not_served"
    sentence = _("Codes are not sent to numbers of this country.")


class SmsUnavailable(MembersRefusal):
    code = "sms_unavailable"
    sentence = _("No text messages can be sent at the moment. Try again later, or ask in the store.")
    retry_after = 3600


class TicketWrong(MembersRefusal):
    code = "ticket_wrong"
    sentence = _("This sign-up has run out. Ask for a new code.")


class TermsOutdated(MembersRefusal):
    code = "terms_outdated"
    sentence = _("The terms have changed to version %(version)s. Show them and ask again.")


class TermsInForce(MembersRefusal):
    code = "terms_in_force"
    sentence = _("These terms are in force already. Add a new version instead.")


class AnswerMissing(MembersRefusal):
    code = "answer_missing"
    sentence = _("Give a question, and an answer of at least two letters.")


class NoSecurityQuestion(MembersRefusal):
    code = "no_security_question"
    sentence = _("This member has no security question. Ask for something else.")


class RefreshRefused(MembersRefusal):
    code = "refresh_refused"
    sentence = _("This device is signed out. Sign in with a new code.")


class NoSuchReferralCode(MembersRefusal):
    code = "no_such_referral_code"
    sentence = _("There is no such referral code.")


class UnknownStore(MembersRefusal):
    code = "unknown_store"
    sentence = _("There is no such store.")


class CardCodeInvalid(MembersRefusal):
    code = "card_code_invalid"
    sentence = _("This is no card code of ours.")


class CardCodeExpired(MembersRefusal):
    code = "card_code_expired"
    sentence = _("This card code has run out. Let the member open the card again.")


class CarrierInvalid(MembersRefusal):
    code = "carrier_invalid"
    sentence = _("A phone carrier code is a slash and seven characters, such as /ABC+123.")


# --- Tags ---------------------------------------------------------------------------------------------------
class TagLooksAlike(MembersRefusal):
    """`tag_id` is the tag that the name would be taken for."""

    code = "tag_looks_alike"
    sentence = _("“%(name)s” looks like the tag “%(other)s”. Use that one, or choose a name of its own.")


class TagIncomplete(MembersRefusal):
    code = "tag_incomplete"
    sentence = _("A tag needs a name of 1 to 40 characters, a group and a definition.")


class NoSuchTag(MembersRefusal):
    code = "no_such_tag"
    sentence = _("There is no such tag, or it was merged into another.")


class TagMergeWrong(MembersRefusal):
    code = "tag_merge_wrong"
    sentence = _("A tag is merged into another living tag.")
