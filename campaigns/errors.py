"""Every reason for which a settlement or an import of purchases refuses."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from backoffice.errors import Refusal


class NoSuchPurchase(Refusal):
    code = "no_such_purchase"
    sentence = _("There is no purchase with the receipt number “%(receipt_no)s” from “%(source)s”.")


class PurchaseMoved(Refusal):
    code = "purchase_moved"
    sentence = _("The purchase went to another member meanwhile. Try again.")


class UnknownBrand(Refusal):
    code = "unknown_brand"
    sentence = _("There is no brand “%(code)s”. Known: %(known)s.")


class NoSuchFile(Refusal):
    code = "no_such_file"
    sentence = _("The file of this import is gone. Upload it again.")


class NoSuchReceipt(Refusal):
    code = "no_such_receipt"
    sentence = _(
        "There is no receipt of this number, day and amount. "
        "Check the slip; receipts of today may take an hour."
    )


class ClaimedAlready(Refusal):
    code = "claimed_already"
    sentence = _("This receipt has earned already, or its goods came back.")


class TooManyClaims(Refusal):
    code = "too_many_claims"
    sentence = _(
        "Enough receipts were added today: at most %(to_one)s to one member, and %(by_one)s by one person."
        " Let a colleague do it, or do it tomorrow."
    )


class ClaimTooLate(Refusal):
    code = "claim_too_late"
    sentence = _("Receipts can be added for %(days)s days after the purchase.")


class NothingReturned(Refusal):
    code = "nothing_returned"
    sentence = _("Say what comes back: pieces of a line, or an amount.")


class ReturnedMeanwhile(Refusal):
    code = "returned_meanwhile"
    sentence = _("Something else of this receipt came back meanwhile. Look again before you confirm.")


# --- At the till --------------------------------------------------------------------------------------------
class NoSuchCustomer(Refusal):
    """One answer for a phone that nobody has, and for one whose owner is not served here (N19)."""

    code = "no_such_customer"
    sentence = _("There is no member with this phone number here.")


class NoSuchProgram(Refusal):
    code = "no_such_program"
    sentence = _("There is no program “%(program)s” whose points can be spent here.")


class TermsNotAccepted(Refusal):
    """New terms are in force that the member has to agree to before he spends (S21)."""

    code = "terms_not_accepted"
    sentence = _(
        "The terms of membership have changed (version %(version)s). Points can be spent once the member "
        "agrees: in the app, or on paper at the desk."
    )


class StepUpNeeded(Refusal):
    """The phone changed within a day, and the bill uses more than a little (T6)."""

    code = "step_up_needed"
    sentence = _(
        "The phone of this member changed a short while ago. Until %(until)s, points worth more than "
        "NT$%(most)s in all are spent only after he confirms it in the app with a code."
    )


class NoSuchReservation(Refusal):
    code = "no_such_reservation"
    sentence = _("There is no such hold at this store.")


class PaidWithMoney(Refusal):
    code = "paid_with_money"
    sentence = _(
        "A part of this bill was paid with money. Its points come back with the return of the receipt."
    )


class ReservationDiffers(Refusal):
    code = "reservation_differs"
    sentence = _("The hold “%(number)s” was made before, for something else. Draw a new number.")


class ReservationClosed(Refusal):
    """`status` is how it ended, as a label."""

    code = "reservation_closed"
    sentence = _("This hold is no longer open (%(status)s). Make a new one.")


class ToldDifferently(Refusal):
    code = "told_differently"
    sentence = _("“%(number)s” was told before with other content. Nothing was changed.")


class ItemDecided(Refusal):
    code = "item_decided"
    sentence = _("This item is no longer waiting (%(status)s).")


class AllowanceWrong(Refusal):
    code = "allowance_wrong"
    sentence = _("This is no offline allowance of this till.")


class AllowanceExceeded(Refusal):
    code = "allowance_exceeded"
    sentence = _("The offline allowance was used up or over when this was redeemed.")


class QueueGap(Refusal):
    code = "queue_gap"
    sentence = _("Number %(expected)s of the queue is missing. Send the queue from there on.")


# --- Points that services give ------------------------------------------------------------------------------
class NoSuchGrant(Refusal):
    code = "no_such_grant"
    sentence = _("There is no grant “%(number)s” of this brand.")


class GrantDiffers(Refusal):
    code = "grant_differs"
    sentence = _("“%(number)s” was given before with other content. Nothing was changed. Draw a new number.")


class GrantMoved(Refusal):
    code = "grant_moved"
    sentence = _("Something of this grant changed at this very moment. Try again.")


class GrantTooLarge(Refusal):
    code = "grant_too_large"
    sentence = _("One grant gives at most %(most)s points here.")


class GrantDayFull(Refusal):
    """The key has given its points of the local day. `retry_after` is in whole seconds."""

    code = "grant_day_full"
    sentence = _(
        "This key gives at most %(most)s points a day, and this grant would pass that. Try again in "
        "%(retry_after)s seconds, with a new day."
    )

    def __init__(self, *, most: int, retry_after: int) -> None:
        super().__init__(most=most, retry_after=retry_after)
        self.retry_after = retry_after


class TimeNotBelieved(Refusal):
    """`why` in words: its time has not come yet, or it is too old."""

    code = "time_not_believed"
    sentence = _("The time of this grant is not believed (%(why)s). Check the clock; nothing was given.")


class ProgramUnknown(Refusal):
    code = "program_unknown"
    sentence = _("There is no program “%(program)s” here.")


class ProgramClosed(Refusal):
    code = "program_closed"
    sentence = _("The program “%(program)s” is switched off; nothing is given in it.")


class IssuingStopped(Refusal):
    code = "issuing_stopped"
    sentence = _("The program “%(program)s” gives no points for now: far more were issued than redeemed.")


class GrantBrandUnclear(Refusal):
    code = "grant_brand_unclear"
    sentence = _("This key stands for several brands. Use the key of a partner, which is bound to one.")
