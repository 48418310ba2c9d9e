"""What rows of a points file would do: whose they are, and whether they may have them. Reads only.

Points themselves are judged again by the ledger when they are booked, under the account's lock.
"""

from __future__ import annotations

from django.db import connection

from backoffice.services.imports.kinds import Span
from points.services.file_entries import own_cards
from points.services.imports.fields import SPAN, cell, parameters, takes

FIND = {
    "phone": f"m.phone = {cell('phone')} AND m.phone <> '' AND m.status IN ('active', 'frozen')",
    "external_id": f"m.external_id = {cell('external_id')} AND m.external_id <> ''",
    "card_no": f"m.card_no = {cell('card_no')}",
}


def diff(span: Span) -> None:
    """Outcome, member and conflicts of the rows that can be used; with `span.again` of those that the preview
    promised: who is not to be served any more, or is somebody else now, is a conflict.
    """
    batch = span.batch
    cards = own_cards([user for user in (*batch.hands, batch.approver_id) if user])
    values = parameters(span, cards=list(cards), again=span.again)
    with connection.cursor() as cursor:
        cursor.execute(_statement(batch.policy["key"], again=span.again), values)
    if takes(batch) and not span.again:
        _refuse_short(span)


def _statement(key: str, *, again: bool) -> str:
    turned = "(seen IS NOT NULL AND member_id IS DISTINCT FROM seen)" if again else "false"
    return f"""
WITH found AS MATERIALIZED (
    SELECT r.line, r.subject_id AS seen, m.id AS member_id, m.status, m.id = ANY(%(cards)s::bigint[]) AS own
    FROM backoffice_importrow r
    LEFT JOIN LATERAL (
        SELECT m.id, m.status FROM members_member m
        WHERE {FIND[key]}
          AND (%(brand)s::bigint IS NULL OR m.brand_id IS NULL OR m.brand_id = %(brand)s)
        LIMIT 1
    ) m ON true
    WHERE {SPAN} AND r.outcome = 'new' AND r.done = ''
), told AS (
    SELECT line, member_id,
           CASE WHEN {turned} THEN 'meanwhile'
                WHEN member_id IS NULL THEN 'not_there'
                WHEN status <> 'active' THEN 'not_served'
                WHEN own THEN 'own_card' END AS fault
    FROM found
)
UPDATE backoffice_importrow r
SET outcome = CASE WHEN told.fault IS NULL THEN 'new' ELSE 'conflict' END,
    done = CASE WHEN told.fault IS NOT NULL AND %(again)s THEN 'refused' ELSE r.done END,
    subject_id = coalesce(told.member_id, r.subject_id),
    faults = CASE WHEN told.fault IS NOT NULL THEN
        jsonb_build_array(jsonb_build_object('column', '', 'value', '', 'fault', told.fault)) END
FROM told
WHERE r.batch_id = %(batch)s AND r.line = told.line
  AND (told.fault IS NOT NULL OR r.subject_id IS DISTINCT FROM told.member_id)
"""


def _refuse_short(span: Span) -> None:
    """Deductions that what is free does not reach for, after the rows of the file before them that it did."""
    with connection.cursor() as cursor:
        cursor.execute(MINE, parameters(span))
        mine = cursor.fetchall()
        accounts = sorted({(member, program, key) for _line, member, program, key, _points in mine})
        members, programs, keys = zip(*accounts, strict=True) if accounts else ((), (), ())
        values = parameters(span, members=list(members), programs=list(programs), keys=list(keys))
        cursor.execute(FREE, values)
        left = {(member, program): int(free) for member, program, free in cursor.fetchall()}
        short: list[tuple[int, int]] = []
        for line, member, program, _key, points in mine:
            if points > left[member, program]:
                short.append((line, max(left[member, program], 0)))
            else:
                left[member, program] -= points
        if short:
            lines, available = zip(*short, strict=True)
            cursor.execute(REFUSE, parameters(span, lines=list(lines), available=list(available)))


MINE = f"""
SELECT r.line, r.subject_id, {cell("program")}::bigint, r.other_key, -{cell("points")}::bigint
FROM backoffice_importrow r WHERE {SPAN} AND r.outcome = 'new' AND r.done = '' ORDER BY r.line
"""
# What is free, less what the rows of earlier chunks take: looked up for each account by index, whatever the
# planner believes of a table that was filled a second ago.
FREE = f"""
SELECT w.member_id, w.program_id, free.points - before.points
FROM unnest(%(members)s::bigint[], %(programs)s::bigint[], %(keys)s::text[])
     AS w(member_id, program_id, other_key)
CROSS JOIN LATERAL (
    SELECT coalesce(sum(l.remaining - l.held), 0) AS points
    FROM points_account a
    JOIN points_program p ON p.id = a.program_id
    JOIN points_lot l ON l.account_id = a.id AND l.remaining > 0
    WHERE a.member_id = w.member_id AND a.program_id = w.program_id AND l.remaining > l.held
      AND (l.expires_at IS NULL OR l.expires_at > %(now)s)
      AND (p.circulates OR p.brand_id IS NULL OR l.brand_id IS NULL OR l.brand_id = p.brand_id)
) free
CROSS JOIN LATERAL (
    SELECT coalesce(sum(-{cell("points")}::bigint), 0) AS points FROM backoffice_importrow r
    WHERE r.batch_id = %(batch)s AND r.other_key = w.other_key AND r.line < %(first)s AND r.outcome = 'new'
      AND {cell("program")}::bigint = w.program_id
) before
"""
REFUSE = f"""
UPDATE backoffice_importrow r
SET outcome = 'conflict',
    faults = jsonb_build_array(jsonb_build_object(
        'column', 'points', 'value', {cell("points")}, 'fault', 'not_enough',
        'details', jsonb_build_object('available', short.available)))
FROM unnest(%(lines)s::integer[], %(available)s::bigint[]) AS short(line, available)
WHERE r.batch_id = %(batch)s AND r.line = short.line
"""
