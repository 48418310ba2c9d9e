"""How much a points file may move, who has to say yes to it, and how long it rests then.

The numbers are settings and not fields of a program: who brings files in may also edit programs, and a
ceiling that one can lift oneself is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from backoffice.actors import Actor
from backoffice.choices import ImportState, RowDone
from backoffice.models import ImportBatch
from backoffice.services.imports.kinds import STAYED_POINTS, STAYED_ROWS
from points.errors import FileTooLarge, OverLimit, OwnCard, OwnFile
from points.models import Program
from points.postings import Context
from points.rules import worth
from points.services import ledger
from points.services.corrections.guard import staff_with
from points.services.file_entries import check_pair, count_given, own_cards
from points.services.imports.fields import cell, takes

IMPORT = "points.import_points"
APPROVE = "backoffice.approve_import"
# Until then every good row of a file would be booked.
OPEN_BEFORE = (ImportState.CHECKING, ImportState.CHECKED, ImportState.WAITING, ImportState.HELD)


def totals(batch: ImportBatch) -> dict[str, Any]:
    """What the rows come to that would be, or were, booked, also where they were undone: signed points, their
    worth in NT$ as text, how many members, the largest row, and what is moved either way (`moved`).
    """
    # Once rows were let in, those that a stop has left open are not among them any more.
    ends = [done.value for done in RowDone if batch.state in OPEN_BEFORE or done != RowDone.OPEN]
    with connection.cursor() as cursor:
        cursor.execute(SUMS, [batch.pk, ends])
        sums = {program: (int(points), int(moved)) for program, points, moved in cursor.fetchall()}
        cursor.execute(PEOPLE, [batch.pk, ends])
        members, largest = cursor.fetchone()
    programs = Program.objects.in_bulk(sums)
    money = sum(
        (worth(programs[pk], abs(points)) * (1 if points > 0 else -1) for pk, (points, _m) in sums.items()), 0
    )
    return {
        "points": sum(points for points, _moved in sums.values()),
        "members": members,
        "worth": str(money),
        "largest": largest or 0,
        "moved": sum(moved for _points, moved in sums.values()),
        **_stayed(batch),
    }


def _stayed(batch: ImportBatch) -> dict[str, int]:
    """What an undo has left: rows that are stuck, and what was spent since of those that are kept."""
    if batch.state not in (ImportState.UNDOING, ImportState.UNDONE):
        return {}
    with connection.cursor() as cursor:
        cursor.execute(LEFT, [batch.pk])
        rows, points = cursor.fetchone()
    return {STAYED_ROWS: int(rows), STAYED_POINTS: int(points)} if rows else {}


def total_text(name: str, value: Any) -> tuple[str, str]:
    """(title, text) of one of the totals."""
    number = number_format(value, use_l10n=True, force_grouping=True) if name != "worth" else ""
    if name == "worth":
        return _("Worth"), f"NT${number_format(value, use_l10n=True, force_grouping=True)}"
    if name == "points":
        return _("Points in sum"), f"+{number}" if value > 0 else number
    titles = {
        "members": _("Members"),
        "largest": _("Largest row"),
        STAYED_ROWS: _("Rows that stayed"),
        STAYED_POINTS: _("Points that stayed"),
    }
    return titles.get(name, name), number


def heavy(sums: Mapping[str, Any]) -> bool:
    """Whether the points alone need a second person, whoever brings the file in."""
    return int(sums.get("moved", 0)) > settings.POINTS_FILE_APPROVAL_ABOVE


def judge(batch: ImportBatch, actor: Actor, now: datetime) -> bool:
    """Whether a second person is needed. What needs none is counted on the uploader's day like corrections.

    Deductions, files without an uploader and files that somebody else confirms always need one.
    Raises NotAllowed, FileTooLarge.
    """
    if actor.user is not None:
        staff_with(actor, IMPORT)
    _refuse_too_much(batch)
    if takes(batch) or heavy(batch.totals) or batch.owner is None or actor.user != batch.owner:
        return True
    try:
        with transaction.atomic():
            _count(batch, now, actor)
    except OverLimit:
        return True
    return False


def approving(batch: ImportBatch, actor: Actor, now: datetime) -> None:
    """Raises NotAllowed, FileTooLarge, MutualApproval."""
    user = staff_with(actor, APPROVE)
    _refuse_too_much(batch)
    # In one order, because each pair has a lock.
    for asker_id in sorted(batch.hands):
        check_pair(
            asker_id=asker_id,
            approver_id=user.pk,
            points=int(batch.totals["moved"]),
            context=Context(actor=actor, now=now),
        )


def undoing(batch: ImportBatch, actor: Actor, now: datetime) -> None:
    """Who approved a file does not take it back, nor who is in it himself: a deduction would come back to
    him.

    Raises NotAllowed, OwnFile, OwnCard.
    """
    if actor.user is None:
        return
    user = staff_with(actor, IMPORT)
    if user.pk == batch.approver_id:
        raise OwnFile
    cards = own_cards([user.pk])
    if cards and batch.rows.filter(subject_id__in=cards, done=RowDone.APPLIED).exists():
        raise OwnCard


def held_until(batch: ImportBatch, now: datetime) -> datetime | None:
    """Large files rest after their approval, so that a mistake can still be put away."""
    if int(batch.totals.get("moved", 0)) <= settings.POINTS_FILE_HOLD_ABOVE:
        return None
    return now + timedelta(hours=settings.POINTS_FILE_HOLD_HOURS)


def _refuse_too_much(batch: ImportBatch) -> None:
    most = settings.POINTS_FILE_MOST_PER_BATCH
    if int(batch.totals["moved"]) > most:
        raise FileTooLarge(points=f"{int(batch.totals['moved']):,}", most=f"{most:,}")


def _count(batch: ImportBatch, now: datetime, actor: Actor) -> None:
    with connection.cursor() as cursor:
        cursor.execute(GIVEN, [batch.pk])
        rows = cursor.fetchall()
    pairs = sorted({(member, program) for member, program, _points in rows})
    accounts = ledger.open_accounts(pairs=pairs, now=now)
    given = [(accounts[member, program], points) for member, program, points in rows]
    count_given(user_id=batch.owner_id or 0, given=given, context=Context(actor=actor, now=now))


WRITTEN = "r.batch_id = %s AND r.outcome = 'new' AND r.done <> 'refused' AND r.cells IS NOT NULL"
SUMS = f"""
SELECT {cell("program")}::bigint, sum({cell("points")}::bigint), sum(abs({cell("points")}::bigint))
FROM backoffice_importrow r WHERE {WRITTEN} AND r.done = ANY(%s) GROUP BY 1 ORDER BY 1
"""
PEOPLE = f"""
SELECT count(DISTINCT r.subject_id), max(abs({cell("points")}::bigint))
FROM backoffice_importrow r WHERE {WRITTEN} AND r.done = ANY(%s)
"""
# A row that somebody has undone by hand is kept as well, but none of its points stayed. The row of an erased
# person says nothing any more, and nobody gets its points twice.
LEFT = f"""
SELECT count(*), coalesce(sum(CASE WHEN r.done = 'stuck' THEN {cell("points")}::bigint
                                   ELSE sign({cell("points")}::bigint)
                                        * (r.faults -> 0 -> 'details' ->> 'left')::bigint END), 0)
FROM backoffice_importrow r
WHERE r.batch_id = %s AND r.cells IS NOT NULL
  AND (r.done = 'stuck' OR (r.done = 'kept' AND r.faults -> 0 ->> 'fault' = 'spent_since'))
"""
GIVEN = f"""
SELECT r.subject_id, {cell("program")}::bigint, {cell("points")}::bigint
FROM backoffice_importrow r WHERE {WRITTEN} ORDER BY r.line
"""
