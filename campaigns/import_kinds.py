"""The kind of files with receipts: settled as the till would have settled them. Registered by `plugs.py`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from backoffice.choices import ImportState, RowDone
from backoffice.errors import ImportPolicyWrong
from backoffice.models import ImportBatch, Store, User
from backoffice.services.imports.columns import Text
from backoffice.services.imports.kinds import STAYED, STAYED_POINTS, STAYED_ROWS, Choice, ImportKind, register
from campaigns.resources import ReceiptResource
from campaigns.services.imports import applying, judging
from campaigns.services.imports.forgetting import KIND
from campaigns.services.imports.reading import ALWAYS, PERSON_COLUMNS, RECEIPT_COLUMNS, ReceiptRows, by_line
from campaigns.services.tills.till import TILL_SOURCE
from members.phones import display_phone, mask_phone
from members.purchase_data import SOURCE_LENGTH
from points.models import Program

UNMASK = "members.unmask_member"
ROWS = Choice(
    "rows",
    _("A row of the file is"),
    (("receipt", _("A whole receipt")), ("line", _("One line of a receipt"))),
)
UNKNOWN_MEMBER = Choice(
    "unknown_member",
    _("Receipts of members whom nobody knows"),
    (("refuse", _("Stay out, as conflicts")), ("skip", _("Are left out by choice"))),
)
NO_MEMBER = Choice(
    "no_member",
    _("Receipts without a member"),
    (("record", _("Are recorded without points")), ("skip", _("Are left out by choice"))),
)
DUPLICATES = Choice(
    "duplicates",
    _("If a receipt is in the file twice"),
    (("error", _("No row counts")), ("first", _("The first row counts"))),
)
SOURCE = Choice("source", _("System that numbered the receipts (empty: each store's own tills)"), ())

FAULTS: dict[str, Text] = {
    "differs": _("the receipt that is stored under this number; it differs in: %(columns)s"),
    "not_there": _("somebody who is a member"),
    "not_living": _("a member who is neither erased nor merged"),
    "two_members": _("one member; the columns of this row lead to two"),
    "card_replaced": _("a card that was not replaced before the purchase"),
    "own_card": _("a member other than yourself; somebody else has to bring in your own receipts"),
    "store_unknown": _("the code of a store; there is none with this one"),
    "whole_receipts": _("nothing, because you said that each row is a whole receipt"),
    "incomplete": _("a receipt whose lines stand together and can all be read"),
    "heads_differ": _("the same receipt, time, store, member and amounts in all lines of a receipt"),
    "line_numbers": _("the lines of a receipt in order, numbered 1, 2, 3"),
    "impossible": _("a receipt that can be; look at %(field)s"),
}
UNDO_NOTE = _(
    "Each receipt stays, with a return of all that was paid, and its points go back. Its number stays taken"
    " for ever: the same receipt, brought in again, gives nothing. Receipts of which something came back or"
    " whose points were used since are kept as they are."
)


def insist(policy: Mapping[str, str]) -> None:
    """Raises ImportPolicyWrong for a system's name that could be taken for a till's."""
    source = policy["source"]
    if len(source) > SOURCE_LENGTH or source.startswith(TILL_SOURCE) or not source.isprintable():
        raise ImportPolicyWrong(name=str(SOURCE.title), value=source[:80])


def shown(column: str, value: str, user: User | None) -> str:
    """A staged value as a screen shows it to this person."""
    if column == "phone" and value:
        return display_phone(value) if user is None or user.has_perm(UNMASK) else mask_phone(value)
    if column == "store_code" and value.isdigit():
        return Store.objects.filter(pk=int(value)).values_list("code", flat=True).first() or value
    if column == "purchased_at" and value:
        return _local(value)
    return value


def totals(batch: ImportBatch) -> dict[str, Any]:
    """Receipts, NT$ and points by program of the rows that would be, or are, brought in.

    Points are an estimate until the rows are brought in, then those that were given.
    """
    before = batch.state == ImportState.CHECKING
    word, done = ("estimate", RowDone.OPEN.value) if before else ("points", RowDone.APPLIED.value)
    values: dict[str, Any] = {"batch": batch.pk, "done": done, "amount": RECEIPT_COLUMNS.index("amount") + 1}
    with connection.cursor() as cursor:
        cursor.execute(SUMS, values)
        receipts, paid = cursor.fetchone()
        cursor.execute(POINTS, values)
        points = cursor.fetchall()
        left = _stayed(cursor, batch)
    return {"receipts": receipts, "paid": str(paid), **left} | {
        f"{word}:{program}": int(number) for program, number in points
    }


def _stayed(cursor: Any, batch: ImportBatch) -> dict[str, int]:
    """What an undo has left: rows whose receipts kept points, and how many."""
    if batch.state not in (ImportState.UNDOING, ImportState.UNDONE):
        return {}
    cursor.execute(LEFT, [batch.pk])
    rows, points = cursor.fetchone()
    return {STAYED_ROWS: int(rows), STAYED_POINTS: int(points)} if rows else {}


def total_text(name: str, value: Any) -> tuple[str, str]:
    """A total as (title, text), in the reader's language."""
    word, _colon, program = name.partition(":")
    if word == "receipts":
        return _now("Receipts"), f"{value:,}"
    if word == "paid":
        return _now("Amount paid (NT$)"), f"{Decimal(value):,.2f}"
    if word in STAYED:
        return _now("Rows that stayed") if word == STAYED_ROWS else _now("Points that stayed"), f"{value:,}"
    title = Program.objects.filter(pk=int(program)).values_list("name", flat=True).first() or program
    text = _now("%(program)s, estimated") if word == "estimate" else _now("%(program)s, given")
    return text % {"program": title}, f"{value:,}"


def heavy(found: Mapping[str, Any]) -> bool:
    """Points above the ceiling are never given by one person alone, in whichever program."""
    ceiling = settings.IMPORT_POINTS_ALONE
    return any(value > ceiling for name, value in found.items() if name.startswith("estimate:"))


SUMS = """
SELECT count(*), coalesce(sum(cells[%(amount)s]::numeric(14, 2)), 0.00)
FROM backoffice_importrow
WHERE batch_id = %(batch)s AND outcome = 'new' AND done = %(done)s AND changes IS NOT NULL
"""
POINTS = """
SELECT program.key, sum(program.value::bigint)
FROM backoffice_importrow r CROSS JOIN LATERAL jsonb_each_text(r.changes -> 'points') program
WHERE r.batch_id = %(batch)s AND r.outcome = 'new' AND r.done = %(done)s
GROUP BY program.key ORDER BY program.key::bigint
"""


LEFT = """
WITH receipts AS (
    SELECT subject_id, count(*) AS lines FROM backoffice_importrow
    WHERE batch_id = %s AND done IN ('kept', 'stuck') GROUP BY subject_id
)
SELECT coalesce(sum(r.lines), 0), coalesce(sum(given.points), 0)
FROM receipts r
CROSS JOIN LATERAL (
    SELECT sum(a.points - a.returned) AS points FROM campaigns_award a WHERE a.purchase_id = r.subject_id
) given
WHERE given.points > 0
"""


def _local(value: str) -> str:
    try:
        return timezone.localtime(datetime.fromisoformat(value)).isoformat(" ", "seconds")
    except ValueError:
        return value


PURCHASES = ImportKind(
    name=KIND,
    title=_("Purchases"),
    permission="members.import_purchase",
    resource=ReceiptResource,
    needs=(*((name,) for name in ALWAYS), PERSON_COLUMNS),
    keys=("receipt_no",),
    choices=(ROWS, UNKNOWN_MEMBER, NO_MEMBER, DUPLICATES, SOURCE),
    reader=ReceiptRows,
    diff=judging.diff,
    apply=applying.apply,
    undo=applying.undo,
    target=lambda batch: "purchases",
    approval_above=50_000,
    second_look=by_line,
    insist=insist,
    faults=FAULTS,
    show=shown,
    totals=totals,
    total_text=total_text,
    heavy=heavy,
    identity=("receipt_no", "store_code"),
    undo_note=UNDO_NOTE,
    chunk=500,
)


def register_all() -> None:
    register(PURCHASES)
