"""Carrying out rows of a points file: look again, open accounts, one call of the ledger, each row's result.

All of it is one transaction with the chunk's checkpoint. Whom the ledger refuses stays out with a reason, the
others are booked; the business event behind an entry is the batch and the line, so none is booked twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from backoffice.masking import mask_text
from backoffice.models import ImportBatch
from backoffice.services.imports.kinds import Span
from points.choices import EntryKind
from points.models import Program
from points.postings import Context, CreditOutcome, CreditRow, DeductOutcome, DeductRow
from points.rules import expiry_of
from points.services import ledger
from points.services.file_entries import deduct_many
from points.services.imports.fields import (
    RULE,
    SOURCE_TYPE,
    SPAN,
    cell,
    parameters,
    source_id,
    takes,
)
from points.services.imports.point_diff import diff
from points.services.imports.reader import deadline_of
from points.services.messages import tell_members

FAULT_OF = {
    "insufficient_points": "not_enough",
    "member_not_served": "not_served",
    "key_reused": "meanwhile",
    "invalid_points": "meanwhile",
}


@dataclass(slots=True)
class Row:
    """A staged row on its way into the ledger, and what came of it."""

    line: int
    member_id: int
    program_id: int
    points: int
    reason: str
    expires: str | None
    reference: str | None
    note: str
    entry_id: int | None = None
    fault: str | None = None
    available: int | None = None


def apply(span: Span) -> None:
    """The span's rows as they stand now; one that may not be booked any more is refused, the others go in."""
    diff(span)
    with connection.cursor() as cursor:
        cursor.execute(ROWS, parameters(span))
        rows = [Row(*found) for found in cursor.fetchall()]
    programs = Program.objects.in_bulk({row.program_id for row in rows})
    _post(span, rows, programs)
    with connection.cursor() as cursor:
        if rows:
            cursor.execute(RESULTS, _results(span, rows))
        cursor.execute(REFUSED, parameters(span))
    if span.batch.policy.get("notify") == "yes":
        tell_members(entry_ids=[row.entry_id for row in rows if row.entry_id is not None])


def _post(span: Span, rows: Sequence[Row], programs: dict[int, Program]) -> None:
    deadlines = Deadlines(programs, span.now)
    due = []
    for row in rows:
        if not programs[row.program_id].is_active:
            row.fault = "program_closed"
        elif deadlines.is_over(row):
            row.fault = "past"
        else:
            due.append(row)
    # In the order of members, as everybody opens accounts in.
    pairs = sorted({(row.member_id, row.program_id) for row in due})
    accounts = ledger.open_accounts(pairs=pairs, now=span.now)
    outcomes = _booked(span, due, accounts, programs, deadlines)
    for row, outcome in zip(due, outcomes, strict=True):
        row.entry_id = outcome.entry_id
        row.fault = FAULT_OF.get(outcome.refused or "", outcome.refused)
        row.available = outcome.available if isinstance(outcome, DeductOutcome) else None


def _booked(
    span: Span,
    due: Sequence[Row],
    accounts: dict[tuple[int, int], int],
    programs: dict[int, Program],
    deadlines: Deadlines,
) -> Sequence[CreditOutcome | DeductOutcome]:
    """One call of the ledger for all rows, in their order."""
    batch, told = span.batch, explanation(span.batch)
    context = Context(actor=span.actor, now=span.now)
    if takes(batch):
        deductions = [_deduction(batch, row, accounts, programs, told) for row in due]
        return deduct_many(deductions, context=context)
    credits = [_credit(span, row, accounts, programs, deadlines, told) for row in due]
    return ledger.credit_many(credits, context=context)


class Deadlines:
    """Until when points may be used: as the row says, else as the program's rule says of this moment."""

    def __init__(self, programs: dict[int, Program], now: datetime) -> None:
        self._programs = programs
        self._now = now
        self._known: dict[tuple[int, str | None], datetime | None] = {}

    def of(self, row: Row) -> datetime | None:
        key = (row.program_id, row.expires)
        if key not in self._known:
            program = self._programs[row.program_id]
            by_rule = row.expires is None
            self._known[key] = (
                expiry_of(program, self._now) if by_rule else deadline_of(str(row.expires), program)
            )
        return self._known[key]

    def is_over(self, row: Row) -> bool:
        deadline = self.of(row) if row.points > 0 else None
        return deadline is not None and deadline <= self._now


def explanation(batch: ImportBatch) -> dict[str, Any]:
    """What every entry of the file keeps beside its own line, reason and note (N1)."""
    return {
        "rule": RULE,
        "import": batch.pk,
        "file": mask_text(batch.file_name),
        "operation": batch.policy["operation"],
        "uploaded_by": batch.owner.username if batch.owner else "-",
        "approved_by": batch.approver.username if batch.approver else "-",
        **_confirmed(batch),
    }


def _confirmed(batch: ImportBatch) -> dict[str, str]:
    """Who confirmed the file, where that is not the one who uploaded it."""
    if batch.confirmer_id in (None, batch.owner_id) or batch.confirmer is None:
        return {}
    return {"confirmed_by": batch.confirmer.username}


def _told(row: Row, told: dict[str, Any]) -> dict[str, Any]:
    return {**told, "line": row.line, **({"reference": mask_text(row.reference)} if row.reference else {})}


def _credit(
    span: Span,
    row: Row,
    accounts: dict[tuple[int, int], int],
    programs: dict[int, Program],
    deadlines: Deadlines,
    told: dict[str, Any],
) -> CreditRow:
    return CreditRow(
        account_id=accounts[row.member_id, row.program_id],
        kind=EntryKind.IMPORT.value,
        points=row.points,
        source_type=SOURCE_TYPE,
        source_id=source_id(span.batch, row.line),
        occurred_at=span.now,
        expires_at=deadlines.of(row),
        brand_id=programs[row.program_id].brand_id,
        explanation=_told(row, told),
        reason=row.reason,
        note=row.note,
    )


def _deduction(
    batch: ImportBatch,
    row: Row,
    accounts: dict[tuple[int, int], int],
    programs: dict[int, Program],
    told: dict[str, Any],
) -> DeductRow:
    return DeductRow(
        account_id=accounts[row.member_id, row.program_id],
        points=-row.points,
        source_type=SOURCE_TYPE,
        source_id=source_id(batch, row.line),
        brand_id=programs[row.program_id].brand_id,
        explanation=_told(row, told),
        reason=row.reason,
        note=row.note,
    )


def _results(span: Span, rows: Sequence[Row]) -> dict[str, Any]:
    return parameters(
        span,
        lines=[row.line for row in rows],
        entries=[row.entry_id for row in rows],
        faults=[row.fault for row in rows],
        available=[row.available for row in rows],
    )


ROWS = f"""
SELECT r.line, r.subject_id, {cell("program")}::bigint, {cell("points")}::bigint, {cell("reason")},
       {cell("expires")}, {cell("reference")}, coalesce({cell("note")}, '')
FROM backoffice_importrow r
WHERE {SPAN} AND r.outcome = 'new' AND r.done = '' AND r.cells IS NOT NULL ORDER BY r.line
"""
RESULTS = f"""
UPDATE backoffice_importrow r
SET done = CASE WHEN p.fault IS NULL THEN 'applied' ELSE 'refused' END,
    changes = CASE WHEN p.fault IS NULL THEN jsonb_build_object('entry', p.entry_id) END,
    faults = CASE WHEN p.fault IS NOT NULL THEN jsonb_build_array(jsonb_build_object(
        'column', CASE p.fault WHEN 'not_enough' THEN 'points' WHEN 'past' THEN 'expires' ELSE '' END,
        'value', CASE p.fault WHEN 'not_enough' THEN {cell("points")}
                              WHEN 'past' THEN {cell("expires")} ELSE '' END,
        'fault', p.fault, 'details', jsonb_build_object('available', p.available))) END
FROM unnest(%(lines)s::integer[], %(entries)s::bigint[], %(faults)s::text[], %(available)s::bigint[])
     AS p(line, entry_id, fault, available)
WHERE r.batch_id = %(batch)s AND r.line = p.line
"""
# Rows whose person was erased meanwhile, cells and all.
REFUSED = f"""
UPDATE backoffice_importrow r
SET done = 'refused',
    faults = '[{{"column": "", "value": "", "fault": "not_served"}}]'::jsonb
WHERE {SPAN} AND r.done = '' AND r.outcome = 'new'
"""
