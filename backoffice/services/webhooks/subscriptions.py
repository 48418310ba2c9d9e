"""Receivers: added with a secret that is shown once, ended for good."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils.crypto import salted_hmac

from backoffice.actors import Actor
from backoffice.choices import DeliveryState, WebhookEvent
from backoffice.errors import DeliveryNotDead, OutOfReach
from backoffice.models import Brand, WebhookDelivery, WebhookSubscription
from backoffice.services import audit
from backoffice.services.webhooks.addresses import checked


@dataclass(frozen=True, slots=True)
class Subscribed:
    """`secret` is what the receiver verifies signatures with: shown once, kept nowhere."""

    subscription: WebhookSubscription
    secret: str


@transaction.atomic
def subscribe(
    *,
    name: str,
    url: str,
    events: Collection[WebhookEvent],
    brand: Brand | None,
    actor: Actor,
    now: datetime,
) -> Subscribed:
    """Tell `url` of these events from now on. Raises WebhookAddressWrong."""
    row = WebhookSubscription.objects.create(
        name=name.strip()[:60],
        url=checked(url.strip()),
        brand=brand,
        events=sorted(event.value for event in events),
        nonce=secrets.token_hex(16),
        created_at=now,
    )
    changes = {"events": [[], row.events], "url": [None, row.url]}
    audit.record(actor=actor, action="webhook.subscribe", subject=row, changes=changes, now=now)
    return Subscribed(row, secret_of(row))


@transaction.atomic
def end(*, subscription_id: int, reason: str, actor: Actor, now: datetime) -> WebhookSubscription:
    """Tell this receiver nothing more; what waits for him is given up. Safe to repeat. Raises OutOfReach."""
    row = WebhookSubscription.objects.select_for_update(no_key=True).filter(pk=subscription_id).first()
    if row is None:
        raise OutOfReach
    if row.ended_at is None:
        row.ended_at = now
        row.save(update_fields=["ended_at"])
        row.deliveries.filter(state=DeliveryState.WAITING).update(state=DeliveryState.DEAD)
        changes = {"ended_at": [None, now]}
        audit.record(actor=actor, action="webhook.end", subject=row, changes=changes, reason=reason, now=now)
    return row


@transaction.atomic
def resend(*, delivery_id: int, actor: Actor, now: datetime) -> WebhookDelivery:
    """Try a dead letter for three more days. Raises OutOfReach, DeliveryNotDead (also where its receiver
    ended).
    """
    row = WebhookDelivery.objects.select_for_update(no_key=True).filter(pk=delivery_id).first()
    if row is None:
        raise OutOfReach
    if row.state != DeliveryState.DEAD or row.subscription.ended_at is not None:
        raise DeliveryNotDead(status=DeliveryState(row.state).label)
    row.state, row.due_at, row.retried_since, row.attempts = DeliveryState.WAITING.value, now, now, 0
    row.save(update_fields=["state", "due_at", "retried_since", "attempts"])
    audit.record(actor=actor, action="webhook.resend", subject=row, changes={}, now=now)
    return row


def secret_of(row: WebhookSubscription, house: str | None = None) -> str:
    """What the receiver's events are signed with, in the form that receivers' libraries want."""
    digest = salted_hmac(
        "backoffice.WebhookSubscription", f"{row.pk}:{row.nonce}", secret=house, algorithm="sha256"
    ).digest()
    return "whsec_" + base64.b64encode(digest).decode()


def signing_secrets(row: WebhookSubscription) -> list[str]:
    """Today's secret and those of earlier house secrets: a receiver keeps the one that he was shown."""
    return [secret_of(row, house) for house in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]
