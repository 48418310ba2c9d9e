"""The one writer of the audit trail."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, models

from backoffice.actors import Actor
from backoffice.masking import mask_text, mask_value
from backoffice.models import AuditEvent

REASON_LENGTH = AuditEvent._meta.get_field("reason").max_length


def record(
    *,
    actor: Actor,
    action: str,
    subject: models.Model,
    now: datetime,
    changes: Mapping[str, Any] | None = None,
    reason: str = "",
) -> AuditEvent:
    """Write down one act, in the transaction of the act itself.

    `action` is "noun.verb" ("staff.disable"); `changes` maps a field to [old, new]. Values that identify a
    person are masked here: the trail is append-only, so an erasure could never take them out again.

    Raises RuntimeError outside a transaction: an act must not commit without its record, nor the other way.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("an audit event belongs into the transaction of the act that it records")
    plain = json.loads(json.dumps(dict(changes or {}), cls=DjangoJSONEncoder))
    return AuditEvent.objects.create(
        at=now,
        actor_type=actor.type,
        actor_id=actor.id,
        actor_name=actor.name,
        action=action,
        subject_type=subject._meta.label_lower,
        subject_id=str(subject.pk),
        changes=mask_value("", plain),
        reason=mask_text(reason)[:REASON_LENGTH],
        request_id=actor.request_id,
    )
