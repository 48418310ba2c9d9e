"""Refusals: what a verb answers when a rule says no. Doors show the sentence; logs and APIs use the code."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _


class Refusal(Exception):
    """Base of every named refusal. `code` is for machines, `sentence` for people, `details` fill it."""

    code = "refused"
    sentence = _("This is not possible.")

    def __init__(self, **details: Any) -> None:
        super().__init__(self.code, details)
        self.details = details

    def __str__(self) -> str:
        try:
            return str(self.sentence) % self.details
        except KeyError:
            return str(self.sentence)


class OutOfReach(Refusal):
    code = "out_of_reach"
    sentence = _("There is no such record, or it is outside your stores.")


class KeyInUse(Refusal):
    code = "key_in_use"
    sentence = _("The same request is being carried out right now. Try again in a moment.")


class KeyTaken(Refusal):
    code = "key_taken"
    sentence = _("This key was already used for another request.")


class RoleTableWrong(Refusal):
    code = "role_table_wrong"
    sentence = _("The table of roles names permissions that nobody can have: %(names)s")


class JobNotOpen(Refusal):
    code = "job_not_open"
    sentence = _("This job can no longer be cancelled (%(status)s).")


class JobNotFailed(Refusal):
    code = "job_not_failed"
    sentence = _("Only a failed job can be tried again (%(status)s).")


class UsernameTaken(Refusal):
    code = "username_taken"
    sentence = _("The username “%(username)s” is already taken.")


class WeakPassword(Refusal):
    code = "weak_password"
    sentence = _("Choose another password: %(why)s")


class ReachIncomplete(Refusal):
    code = "reach_incomplete"
    sentence = _("Name the brand or the stores that this person works for.")


class OwnAccount(Refusal):
    code = "own_account"
    sentence = _("You cannot do this to your own account.")


class SuperuserOnly(Refusal):
    code = "superuser_only"
    sentence = _("Only a superuser may change the account of a superuser.")


class NotYours(Refusal):
    code = "not_yours"
    sentence = _("Your role does not allow this.")


class NoteMissing(Refusal):
    code = "note_missing"
    sentence = _("Write down what you found out.")


class AlarmAcknowledged(Refusal):
    code = "alarm_acknowledged"
    sentence = _("%(by)s has acknowledged this alarm already.")


class AlarmAboutYou(Refusal):
    code = "alarm_about_you"
    sentence = _("This alarm is about you: somebody else has to acknowledge it.")


class NotADemo(Refusal):
    code = "not_a_demo"
    sentence = _("This installation is no demo; demo accounts stay away from it.")


# --- Who may come in ----------------------------------------------------------------------------------------
class WrongCredentials(Refusal):
    """The same sentence for an unknown name, a wrong password, a closed account and one that is no staff."""

    code = "wrong_credentials"
    sentence = _("Name or password is wrong. Both are case-sensitive.")


class WrongCode(Refusal):
    code = "wrong_code"
    sentence = _("This code is wrong or was used already. Wait for the next one, or use a recovery code.")


class TooManyTries(Refusal):
    """`minutes` until the next try counts again, rounded up."""

    code = "too_many_tries"
    sentence = _("Too many tries. Wait %(minutes)s minutes, then try again. Open sessions go on working.")


class SignInOver(Refusal):
    code = "sign_in_over"
    sentence = _("This took too long, or your account has changed. Please sign in again.")


class FactorExists(Refusal):
    code = "factor_exists"
    sentence = _("This account already has a second factor. Remove it first, then set up the new one.")


class FactorMissing(Refusal):
    code = "factor_missing"
    sentence = _("This account has no second factor.")


class FactorNeeded(Refusal):
    code = "factor_needed"
    sentence = _(
        "Your role needs a second factor. Ask an administrator to reset it when you change your phone."
    )


class ReasonNeeded(Refusal):
    code = "reason_needed"
    sentence = _("Say why; the audit trail keeps it.")


class NotAuthenticated(Refusal):
    """One answer for a missing, forged, expired and revoked key or token: a stranger learns nothing.

    `known` names what was once given out ("key:12") where that is over, for whoever counts failures.
    """

    code = "not_authenticated"
    sentence = _("Sign in, or send a valid key or token.")

    def __init__(self, known: str = "") -> None:
        super().__init__()
        self.known = known


class CallerNotAllowed(Refusal):
    code = "caller_not_allowed"
    sentence = _("Your key or token does not allow this.")


class SignatureWrong(Refusal):
    # As in NotAuthenticated: the key was right.
    known = ""
    code = "signature_wrong"
    sentence = _("The signature of this request is missing, wrong or more than five minutes old.")


class LimitReached(Refusal):
    """`retry_after` is in whole seconds, at least 1."""

    code = "limit_reached"
    sentence = _("Too many requests. Try again in %(retry_after)s seconds.")

    def __init__(self, retry_after: int) -> None:
        super().__init__(retry_after=max(retry_after, 1))
        self.retry_after = max(retry_after, 1)


class KeyMissing(Refusal):
    code = "key_missing"
    sentence = _("Send an Idempotency-Key header: a new value for each new act, the same one for a retry.")


class KeyInvalid(Refusal):
    code = "key_invalid"
    sentence = _("An Idempotency-Key is 1 to 128 visible ASCII characters.")


class ApiKeyUnbound(Refusal):
    code = "api_key_unbound"
    sentence = _(
        "Name what this key is bound to: the store of a till, the brand of a partner, or the person."
    )


class NetworkInvalid(Refusal):
    code = "network_invalid"
    sentence = _("“%(value)s” is no network; expected one such as 203.0.113.0/24.")


class PreconditionMissing(Refusal):
    code = "precondition_missing"
    sentence = _("Send the ETag of the version that you looked at as If-Match.")


class CursorInvalid(Refusal):
    code = "cursor_invalid"
    sentence = _("This cursor is not one of ours. Begin with the first page.")


# --- Jobs and imports ---------------------------------------------------------------------------------------
class JobNotRunning(Refusal):
    code = "job_not_running"
    sentence = _("Only a waiting or running job can be paused (%(status)s).")


class JobNotPaused(Refusal):
    code = "job_not_paused"
    sentence = _("Only a paused job can be resumed (%(status)s).")


class ImportNotThere(Refusal):
    code = "import_not_there"
    sentence = _("This is not possible now: the import is “%(status)s”.")


class ImportLayoutWrong(Refusal):
    code = "import_layout_wrong"
    sentence = _("Say for each column which field it is. Missing or given twice: %(names)s.")


class ColumnsIgnored(Refusal):
    """Columns that would be left out, and nobody has said that they may be."""

    code = "columns_ignored"
    sentence = _(
        "These columns mean no field and would be ignored: %(names)s. Confirm that, or name their field."
    )


class ImportRepeated(Refusal):
    """`batch_id` is the earlier import."""

    code = "import_repeated"
    sentence = _(
        "The same rows were brought in before, by import #%(batch_id)s. Confirm that you mean it again."
    )


class ImportBookedOnce(ImportRepeated):
    """The same, for a kind whose rows are never booked twice. `batch_id` is the earlier import."""

    code = "import_booked_once"
    sentence = _(
        "The same rows were brought in before, by import #%(batch_id)s, and are never booked twice. Undo that"
        " import first, or bring in a file with other rows."
    )


class ImportStayed(Refusal):
    """`batch_id` is the earlier import, `rows` and `points` are what its undo has left."""

    code = "import_stayed"
    sentence = _(
        "Import #%(batch_id)s of the same rows was undone, but %(rows)s of its rows with %(points)s points"
        " stayed. Bring in only what is missing, or confirm that you mean it again."
    )


class ImportNothingToDo(Refusal):
    code = "import_nothing_to_do"
    sentence = _("No row of this file would change anything.")


class ImportOwnApproval(Refusal):
    code = "import_own_approval"
    sentence = _(
        "Somebody else has to approve a file that you uploaded, confirmed or chose the columns or rules of."
    )


class ImportApprovalNotAllowed(Refusal):
    """Who says yes is nobody, has left, or has no right to."""

    code = "import_approval_not_allowed"
    sentence = _("This person may not approve imports. Ask somebody whose role may.")


class ImportKindUnknown(Refusal):
    code = "import_kind_unknown"
    sentence = _("There is no kind of import “%(kind)s”. Known: %(known)s.")


class ImportReach(Refusal):
    code = "import_reach"
    sentence = _("Only people who work for a whole brand or for the group bring in files.")


class ImportPolicyWrong(Refusal):
    code = "import_policy_wrong"
    sentence = _("“%(value)s” is no choice for “%(name)s”.")


class ImportPolicyIncomplete(Refusal):
    code = "import_policy_incomplete"
    sentence = _("Fill in “%(name)s” as well.")


# --- Exports ------------------------------------------------------------------------------------------------
class ExportKindUnknown(Refusal):
    code = "export_kind_unknown"
    sentence = _("There is no kind of export “%(kind)s”. Known: %(known)s.")


class ExportFilterUnknown(Refusal):
    """A filter that the export does not know would take more home than the list shows."""

    code = "export_filter_unknown"
    sentence = _("An export cannot be filtered by “%(name)s”. Take this filter off first.")


class ExportColumnsWrong(Refusal):
    code = "export_columns_wrong"
    sentence = _("Choose at least one column, and only those that are offered. Not known: %(names)s.")


class ExportTooLarge(Refusal):
    code = "export_too_large"
    sentence = _("%(rows)s rows are too many for one file; at most %(most)s. Narrow the list first.")


class ExportWholeNeedsReason(Refusal):
    code = "export_whole_needs_reason"
    sentence = _("Say why you need whole personal data.")


class ExportNotReady(Refusal):
    code = "export_not_ready"
    sentence = _("There is no file to take: the export is “%(status)s”.")


class ExportNothingLost(Refusal):
    code = "export_nothing_lost"
    sentence = _("Only an export that its encoding could not hold is made again in another one.")


class ArchiveBroken(Refusal):
    code = "archive_broken"
    sentence = _("%(name)s is missing, or is not what was exported. Nothing was brought in.")


class HouseNotEmpty(Refusal):
    code = "house_not_empty"
    sentence = _(
        "There are brands, members, tags or programs already. Everything comes into an empty house only."
    )


# --- Webhooks -----------------------------------------------------------------------------------------------
class WebhookAddressWrong(Refusal):
    """`why` is a word for logs: https, text, user, port, dns, private."""

    code = "webhook_address_wrong"
    sentence = _("A webhook goes to an https address on the internet, without a user name and without “#”.")


class DeliveryNotDead(Refusal):
    code = "delivery_not_dead"
    sentence = _(
        "Only what was given up can be sent again, and only while its receiver wants it (%(status)s)."
    )
