"""Alarms are raised here, once per matter and period, and acknowledged by a person, once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import structlog
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction

from backoffice.actors import Actor
from backoffice.choices import NoticeKind, NoticeSubject
from backoffice.errors import AlarmAboutYou, AlarmAcknowledged, NoteMissing, NotYours, OutOfReach
from backoffice.masking import mask_text, mask_value
from backoffice.models import Alarm
from backoffice.selectors import watchers_of
from backoffice.services import audit, notices, outbox

NOTE_LENGTH = Alarm._meta.get_field("note").max_length
SUBJECT_LENGTH = Alarm._meta.get_field("subject").max_length

log = structlog.get_logger(__name__)


@transaction.atomic
def raise_alarm(
    *,
    kind: str,
    subject: str,
    facts: Mapping[str, Any],
    key: str,
    actor: Actor,
    now: datetime,
    store_id: int | None = None,
    about_id: int | None = None,
) -> Alarm:
    """Raise an alarm and put its notice into the outbox; the same `key` again answers the stored one.

    `key` names the matter and its period ("card-at-cashier:7:K01:2026-11-22"), `subject` is what it is about
    as staff know it (a card number, a program's code), `facts` are JSON values. Both are masked: an alarm is
    evidence, an erasure could never take a name out of it. `store_id` opens it to that store's manager,
    `about_id` is the staff user whom it is about. Two calls at once: one raises, the other answers its row.
    """
    plain = json.loads(json.dumps(dict(facts), cls=DjangoJSONEncoder))
    alarm, raised = Alarm.objects.get_or_create(
        key=key,
        defaults={
            "kind": kind,
            "subject": mask_text(subject)[:SUBJECT_LENGTH],
            "facts": mask_value("", plain),
            "store_id": store_id,
            "about_id": about_id,
            "actor_type": actor.type,
            "actor_id": actor.id,
            "raised_at": now,
        },
    )
    if raised:
        payload = {"kind": alarm.kind, "subject": alarm.subject, "facts": alarm.facts, "store_id": store_id}
        outbox.publish(topic="backoffice.alarm", subject_id=alarm.pk, payload=payload)
        notices.put(
            users=watchers_of(alarm).values_list("pk", flat=True), kind=NoticeKind.ALARM,
            key=_notice_key(alarm), subject=(NoticeSubject.ALARM, alarm.pk), facts={}, now=now,
        )  # fmt: skip
        log.warning("alarm raised", alarm=alarm.pk, kind=alarm.kind, subject=alarm.subject)
    return alarm


@transaction.atomic
def acknowledge(*, alarm_id: int, note: str, actor: Actor, now: datetime) -> Alarm:
    """Somebody answerable has looked at it and says what came of it.

    Raises NotYours without the right, OutOfReach for an alarm of other stores, AlarmAboutYou,
    AlarmAcknowledged when somebody was there before, NoteMissing.
    """
    user = actor.user
    if user is None or not user.is_active or not user.has_perm("backoffice.acknowledge_alarm"):
        raise NotYours
    if not note.strip():
        raise NoteMissing
    alarm = (
        Alarm.objects.visible_to(user).select_for_update(of=("self",)).filter(pk=alarm_id).order_by().first()
    )
    if alarm is None:
        raise OutOfReach
    if alarm.about_id == user.pk:
        raise AlarmAboutYou
    if alarm.acknowledged_at is not None:
        raise AlarmAcknowledged(by=str(alarm.acknowledged_by))
    alarm.acknowledged_at = now
    alarm.acknowledged_by = user
    alarm.note = mask_text(note.strip())[:NOTE_LENGTH]
    alarm.save(update_fields=["acknowledged_at", "acknowledged_by", "note"])
    notices.settle(key=_notice_key(alarm), now=now)
    audit.record(
        actor=actor, action="alarm.acknowledge", subject=alarm, changes={}, reason=alarm.note, now=now
    )
    return alarm


def _notice_key(alarm: Alarm) -> str:
    return f"alarm:{alarm.pk}"
