"""The old phone hears that it is the member's no more, whoever changed it (T6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.apps import apps
from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from backoffice.services import outbox
from members.models import Member, OneTimeCode, PhoneChange
from members.services import text_messages

TOPIC = "sms.notice"


def tell_old_phone(*, member: Member, phone: str, change: PhoneChange) -> None:
    """Queue the message to `phone`, which was the member's until now, in the transaction of the change.

    In the language of the house: what staff read says nothing about the member. Nothing is queued where there
    was no phone, or where no provider is connected.
    """
    if not phone or not text_messages.is_connected():
        return
    history = apps.get_model("members", "MemberEvent").objects.filter(pgh_obj=member, phone=phone)
    known = history.order_by("-pgh_id").first()
    if known is None:
        return
    # By the row of the history and not by the number: an erasure blanks it there, and the outbox is kept.
    payload = {"history": known.pgh_id, "language": settings.LANGUAGE_CODE}
    outbox.publish(topic=TOPIC, subject_id=change.pk, payload=payload)


def send(*, payload: Mapping[str, Any]) -> None:
    """Carry one notice to the provider, for the outbox; nothing when the person was erased meanwhile.

    The payload names the phone by the `code` that was sent to it, or by the row of the member's `history`.
    """
    if "code" in payload:
        row = OneTimeCode.objects.filter(pk=payload["code"]).first()
        phone, reference = (row.phone, f"notice-{row.pk}") if row else ("", "")
    else:
        event = apps.get_model("members", "MemberEvent").objects.filter(pgh_id=payload["history"]).first()
        phone, reference = (event.phone, f"notice-history-{event.pgh_id}") if event else ("", "")
    if not phone:
        return
    with translation.override(payload["language"]):
        text = _("The phone of your membership was changed. If that was not you, call the store at once.")
    text_messages.port().send(text_messages.TextMessage(phone, text, reference))
