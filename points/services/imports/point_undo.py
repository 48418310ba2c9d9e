"""Taking a points file back: each entry by one that undoes it, known by the batch and the line.

Credits follow the rule of `undo_entry`: what was spent is owed where the program says so, and stays where it
does not (`kept`, with what could not be taken). Deductions go back to the lots that they came from. Members
who are erased or merged keep what the ledger says (`stuck`). What was undone stays undone.
"""

from __future__ import annotations

from typing import Any

from django.db import connection

from backoffice.services.imports.kinds import Span
from points.postings import Context, Source, UndoOutcome, UndoRow
from points.services.file_entries import restore_many, reverse_many
from points.services.imports.fields import (
    SPAN,
    UNDO_RULE,
    UNDO_SOURCE_TYPE,
    parameters,
    source_id,
    takes,
)
from points.services.messages import tell_members

STUCK = {"member_not_served": "not_served", "not_reversible": "meanwhile"}


def undo(span: Span) -> None:
    """The span's applied rows: undone, kept because spent or undone by hand since, or stuck."""
    batch = span.batch
    with connection.cursor() as cursor:
        cursor.execute(ENTRIES, parameters(span))
        found = cursor.fetchall()
    rows = [
        UndoRow(
            entry_id,
            Source(UNDO_SOURCE_TYPE, source_id(batch, line)),
            {"rule": UNDO_RULE, "import": batch.pk, "line": line, "entry": entry_id},
        )
        for line, entry_id in found
    ]
    context = Context(actor=span.actor, now=span.now, reason="import_undone")
    outcomes = (restore_many if takes(batch) else reverse_many)(rows, context=context)
    ends = [_end(outcome) for outcome in outcomes]
    with connection.cursor() as cursor:
        cursor.execute(ENDS, _values(span, [line for line, _entry in found], outcomes, ends))
    if batch.policy.get("notify") == "yes":
        told = [outcome.entry_id for outcome in outcomes if outcome.entry_id and not outcome.replayed]
        tell_members(entry_ids=told)


def _end(outcome: UndoOutcome) -> str:
    if outcome.refused == "already_reversed" or (outcome.refused is None and outcome.left_over > 0):
        return "kept"
    return "stuck" if outcome.refused else "undone"


def _values(span: Span, lines: list[int], outcomes: list[UndoOutcome], ends: list[str]) -> dict[str, Any]:
    return parameters(
        span,
        lines=lines,
        ends=ends,
        undone_by=[outcome.entry_id for outcome in outcomes],
        left=[outcome.left_over for outcome in outcomes],
        faults=[_fault(outcome) for outcome in outcomes],
    )


def _fault(outcome: UndoOutcome) -> str | None:
    if outcome.refused == "already_reversed":
        return "undone_by_hand"
    if outcome.refused:
        return STUCK.get(outcome.refused, "meanwhile")
    return "spent_since" if outcome.left_over > 0 else None


ENTRIES = f"""
SELECT r.line, e.id
FROM backoffice_importrow r
JOIN points_entry e ON e.source_type = 'import' AND e.source_id = concat(r.batch_id, ':', r.line)
                   AND e.kind = 'import'
WHERE {SPAN} AND r.done = 'applied' ORDER BY r.line
"""
ENDS = """
UPDATE backoffice_importrow r
SET done = p.word,
    changes = coalesce(r.changes, '{}') || jsonb_build_object('undone_by', p.undone_by),
    faults = CASE WHEN p.fault IS NOT NULL THEN jsonb_build_array(jsonb_build_object(
        'column', '', 'value', '', 'fault', p.fault, 'details', jsonb_build_object('left', p.left_over))) END
FROM unnest(%(lines)s::integer[], %(ends)s::text[], %(undone_by)s::bigint[], %(left)s::bigint[],
            %(faults)s::text[]) AS p(line, word, undone_by, left_over, fault)
WHERE r.batch_id = %(batch)s AND r.line = p.line
"""
