"""What a member is told when staff changed his points: one outbox message per entry (`points.changed`)."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection

from backoffice.services import outbox
from points.models import Entry

TOPIC = "points.changed"


def tell_member(*, entry_id: int | None, lapsed: int = 0) -> None:
    """Queue the message in the transaction of the act; nothing where a policy took nothing.

    The payload is what a template needs and names nobody: ids of member, account and entry; the program's
    code, name and unit; the entry's kind, signed points and reason code; balance and debt afterwards; and how
    many of the points came back lapsed. Whoever sends it looks the person up then.
    """
    if entry_id is None:
        return
    entry = Entry.objects.select_related("account__program").get(pk=entry_id)
    account, program = entry.account, entry.account.program
    outbox.publish(
        topic=TOPIC,
        subject_id=entry.pk,
        payload={
            "member": entry.member_id,
            "account": entry.account_id,
            "entry": entry.pk,
            "program": program.code,
            "program_name": program.name,
            "unit": program.unit,
            "kind": entry.kind,
            "points": entry.points,
            "reason": entry.reason,
            "balance": account.balance,
            "debt": account.debt,
            "lapsed": lapsed,
            "at": entry.created_at.isoformat(),
        },
    )


def tell_members(*, entry_ids: Sequence[int]) -> None:
    """`tell_member` for many entries in one statement, with the same payload."""
    with connection.cursor() as cursor:
        cursor.execute(TELL, [TOPIC, list(entry_ids)])


TELL = """
INSERT INTO backoffice_outboxmessage (topic, subject_id, payload, created_at)
SELECT %s, e.id, jsonb_build_object(
           'member', e.member_id, 'account', e.account_id, 'entry', e.id, 'program', p.code,
           'program_name', p.name, 'unit', p.unit, 'kind', e.kind, 'points', e.points, 'reason', e.reason,
           'balance', a.balance, 'debt', a.debt, 'lapsed', 0, 'at', to_json(e.created_at)), e.created_at
FROM points_entry e
JOIN points_account a ON a.id = e.account_id
JOIN points_program p ON p.id = a.program_id
WHERE e.id = ANY(%s) ORDER BY e.id
ON CONFLICT DO NOTHING
"""
