"""What a member is told when staff changed his points: one outbox message per entry (`points.changed`)."""

from __future__ import annotations

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
