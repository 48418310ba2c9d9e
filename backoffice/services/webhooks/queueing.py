"""From the outbox to the receivers: a delivery for each that wants to hear of it, written with the relay."""

from __future__ import annotations

import json

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Q

from backoffice.models import WebhookDelivery, WebhookSubscription
from backoffice.outbox_handlers import Envelope
from backoffice.webhook_events import Event, translator_of


def queue(envelope: Envelope) -> None:
    """Write the deliveries of a message. Hearing it twice changes nothing: one for a receiver and message."""
    translate = translator_of(envelope.topic)
    if translate is None:
        return
    event = translate(envelope)
    if event is None:
        return
    body = json.dumps(
        {
            "type": event.type.value,
            "id": f"evt_{envelope.id}",
            "timestamp": envelope.created_at.isoformat(),
            "data": dict(event.data),
        },
        cls=DjangoJSONEncoder,
        sort_keys=True,
        ensure_ascii=False,
        separators=(",", ":"),
    )
    rows = [
        WebhookDelivery(
            subscription=subscription,
            message_id=envelope.id,
            event=event.type.value,
            subject=event.subject,
            body=body,
            created_at=envelope.created_at,
            retried_since=envelope.created_at,
            due_at=envelope.created_at,
        )
        for subscription in _who_wants(event, envelope)
    ]
    WebhookDelivery.objects.bulk_create(rows, ignore_conflicts=True)


def _who_wants(event: Event, envelope: Envelope) -> list[WebhookSubscription]:
    """Receivers of the group hear everything; those of a brand what is the group's, and what is its own."""
    wanted = WebhookSubscription.objects.filter(
        ended_at=None, events__contains=[event.type.value], created_at__lte=envelope.created_at
    )
    if len(event.brands) == 1:
        wanted = wanted.filter(Q(brand=None) | Q(brand__in=event.brands))
    elif event.brands:
        wanted = wanted.filter(brand=None)
    return list(wanted.order_by("pk"))


def wanted() -> bool:
    """Whether anybody is told of anything."""
    return WebhookSubscription.objects.filter(ended_at=None).exists()
