"""The kind of file that moves points: opening balances, grants and deductions. Registered by `plugs.py`."""

from __future__ import annotations

from django.utils.formats import number_format
from django.utils.translation import gettext_lazy as _

from backoffice.models import ImportBatch, User
from backoffice.services.imports.columns import Text
from backoffice.services.imports.kinds import STAYED, Choice, ImportKind, register
from members.import_kinds import KEY, UNMASK
from members.phones import display_phone, mask_phone
from points.choices import ReasonCode
from points.import_widgets import REASONS
from points.models import Program
from points.resources import PointsResource
from points.services.imports import limits, point_apply, point_diff, point_undo
from points.services.imports.fields import DEDUCT, GRANT, NEVER, OPENING
from points.services.imports.reader import PointRows

OPERATION = Choice(
    "operation",
    _("Rows are"),
    (
        (GRANT, _("Points that are given")),
        (OPENING, _("Opening balances with their own expiry")),
        (DEDUCT, _("Points that are taken")),
    ),
)
REASON = Choice(
    "reason",
    _("Reason of rows that name none"),
    (("", _("Each row names its own")), *((code.value, code.label) for code in REASONS)),
)
REPAIR = Choice(
    "repair_phones",
    _("Phones that lost their leading zero"),
    (("no", _("Are an error")), ("yes", _("Get it back"))),
)
NOTIFY = Choice(
    "notify",
    _("Members are told"),
    (("no", _("Not by this file")), ("yes", _("Each of them, about every row"))),
)
FAULTS: dict[str, Text] = {
    "zero_lost": _("a phone with its leading zero; have it put back, or correct the file"),
    "reason_needed": _("a reason, in each row or once for the file"),
    "too_many": _("at most %(most)s points in a row"),
    "program_needed": _("the points program; there are several"),
    "program_unknown": _("the code or the name of an active program"),
    "program_closed": _("a points program that is active; this one was closed meanwhile"),
    "expiry_needed": _("the last usable day, or never; opening balances say it explicitly"),
    "no_expiry": _("nothing: what is taken has no expiry"),
    "past": _("a day that has not gone by; these points could not be used any more"),
    "not_there": _("somebody who is a member"),
    "not_served": _("an active member; this one is frozen, erased or merged"),
    "own_card": _(
        "a member who had no hand in this file; its uploader, confirmer and approver get none of it"
    ),
    "not_enough": _("at most the points that are free; these are %(available)s"),
    "spent_since": _("nothing more: %(left)s of these points were spent since, and stay"),
    "undone_by_hand": _("nothing more: somebody has undone this entry since"),
}


def shown(column: str, value: str, user: User | None) -> str:
    """A staged value as a screen shows it to this person."""
    if column == "phone":
        return display_phone(value) if user is None or user.has_perm(UNMASK) else mask_phone(value)
    if column == "points" and value.lstrip("-").isascii() and value.lstrip("-").isdigit():
        number = number_format(int(value), use_l10n=True, force_grouping=True)
        return number if value.startswith("-") else f"+{number}"
    if column == "reason":
        return str(dict(ReasonCode.choices).get(value, value))
    if column == "expires" and value == NEVER:
        return str(_("never"))
    if column == "program" and value.isdigit():
        return Program.objects.filter(pk=int(value)).values_list("name", flat=True).first() or value
    return value


def about(batch: ImportBatch, user: User) -> list[tuple[str, str]]:
    """What was chosen, for whoever has to say yes to it."""
    return [
        (str(choice.title), str(dict(choice.options)[batch.policy[choice.name]]))
        for choice in (OPERATION, REASON, NOTIFY)
        if batch.policy.get(choice.name)
    ]


POINTS = ImportKind(
    name="points",
    title=_("Points"),
    permission=limits.IMPORT,
    resource=PointsResource,
    needs=(("phone", "external_id", "card_no"), ("points",)),
    keys=("phone", "external_id", "card_no"),
    choices=(OPERATION, KEY, REASON, REPAIR, NOTIFY),
    reader=PointRows,
    diff=point_diff.diff,
    apply=point_apply.apply,
    undo=point_undo.undo,
    # Accounts are locked by id: files may run beside each other, and one that rests holds up no other.
    target=lambda batch: f"points:{batch.pk}",
    approval_above=1_000,
    faults=FAULTS,
    show=shown,
    totals=limits.totals,
    total_text=limits.total_text,
    about=about,
    shown_totals=("points", "members", "worth", "largest", *STAYED),
    heavy=limits.heavy,
    undo_note=_(
        "Points that were spent since: they are owed where the program says so, and stay where it does not."
        " What members got who are erased or merged by then."
    ),
    judge=limits.judge,
    approving=limits.approving,
    undoing=limits.undoing,
    held_until=limits.held_until,
    repeatable=False,
)


def register_all() -> None:
    register(POINTS)
