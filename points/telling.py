"""What partners hear of points: ids and numbers, read when the message leaves."""

from __future__ import annotations

from backoffice.choices import WebhookEvent
from backoffice.outbox_handlers import Envelope
from backoffice.webhook_events import Event
from members.models import Member
from points.models import Entry, Hold, Program


def points_changed(envelope: Envelope) -> Event | None:
    """One entry of the ledger, whoever made it: till, staff, expiry, merge. `number` counts the account's."""
    entry = (
        Entry.objects.select_related("account__program", "account__member", "store")
        .filter(pk=envelope.subject_id)
        .first()
    )
    if entry is None:
        return None
    account = entry.account
    return Event(
        type=WebhookEvent.POINTS_CHANGED,
        subject=f"account:{account.pk}",
        data={
            "member": account.member_id,
            "program": account.program.code,
            "number": entry.seq,
            "kind": entry.kind,
            "points": entry.points,
            "balance_after": entry.balance_after,
            "occurred_at": entry.occurred_at,
            "booked_at": entry.created_at,
            "store": entry.store.code if entry.store else None,
        },
        brands=brands_of(account.member, account.program),
    )


def hold_ended(envelope: Envelope) -> Event | None:
    """A hold that was spent, let go or lapsed. `reference` is what it was for."""
    hold = (
        Hold.objects.select_related("account__program", "account__member", "store")
        .filter(pk=envelope.subject_id)
        .first()
    )
    if hold is None:
        return None
    account = hold.account
    return Event(
        type=WebhookEvent.HOLD_ENDED,
        subject=f"account:{account.pk}",
        data={
            "hold": hold.pk,
            "member": account.member_id,
            "program": account.program.code,
            "status": hold.status,
            "points": hold.points,
            "spent": hold.captured,
            "reference": f"{hold.source_type}:{hold.source_id}",
            "ended_at": hold.settled_at,
            "store": hold.store.code if hold.store else None,
        },
        brands=brands_of(account.member, account.program),
    )


def brands_of(member: Member, program: Program) -> frozenset[int]:
    """Whose business it is: the brand of the member and of the program; none for what the group shares."""
    return frozenset(brand for brand in (member.brand_id, program.brand_id) if brand is not None)
