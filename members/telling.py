"""What partners hear of members: that somebody changed, and never who he is."""

from __future__ import annotations

from backoffice.choices import WebhookEvent
from backoffice.outbox_handlers import Envelope
from backoffice.webhook_events import Event
from members.choices import MemberStatus
from members.models import Member


def member_changed(envelope: Envelope) -> Event | None:
    """A member came, changed, was frozen, merged or erased: `status` as it was then. What else changed is
    asked
    of the API."""
    member = Member.objects.filter(pk=envelope.payload["member"]).first()
    if member is None:
        return None
    merged = member.merged_into_id if envelope.payload["status"] == MemberStatus.MERGED else None
    return Event(
        type=WebhookEvent.MEMBER_CHANGED,
        subject=f"member:{member.pk}",
        data={
            "member": member.pk,
            "status": envelope.payload["status"],
            "merged_into": merged,
            "changed_at": envelope.created_at,
        },
        brands=frozenset() if member.brand_id is None else frozenset({member.brand_id}),
    )
