"""What members carry out of the house, and what their alarms are called. Loaded while the house starts."""

from __future__ import annotations

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from backoffice import alarm_kinds, outbox_handlers, webhook_events
from backoffice.outbox_handlers import Envelope
from members import telling
from members.services import cashiers, codes, phone_notices

webhook_events.register("members.changed", telling.member_changed)


def send_code(envelope: Envelope) -> None:
    codes.send(payload=envelope.payload, now=timezone.now())


def send_notice(envelope: Envelope) -> None:
    phone_notices.send(payload=envelope.payload)


outbox_handlers.register(codes.TOPIC, send_code)
outbox_handlers.register(phone_notices.TOPIC, send_notice)
alarm_kinds.register(
    "members.sms_budget",
    title=_("Text messages of the day"),
    sentence=_(
        "%(used)s of %(budget)s codes of %(day)s are sent. At the limit nobody can sign up or in by code."
    ),
)
alarm_kinds.register(
    "members.sms_pumping",
    title=_("Codes that nobody enters"),
    sentence=_(
        "Only %(percent)s %% of the last hour's %(codes)s codes were entered: somebody may pump messages."
    ),
)
alarm_kinds.register(
    cashiers.KIND,
    title=_("One card again and again at one cashier"),
    sentence=_("Card %(card)s was scanned %(times)s times by cashier %(cashier)s on %(day)s."),
)
