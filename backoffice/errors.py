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


class NotADemo(Refusal):
    code = "not_a_demo"
    sentence = _("This installation is no demo; demo accounts stay away from it.")
