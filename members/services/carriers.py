"""The member's 手機條碼 of the e-invoice platform, kept so that the till can hand it to the invoice."""

from __future__ import annotations

import re
from datetime import datetime

from django.db import transaction

from backoffice.actors import Actor
from backoffice.services import audit
from members.errors import CarrierInvalid
from members.models import InvoiceCarrier, Member
from members.services.rows import locked

FORM = re.compile(r"/[0-9A-Z+.\-]{7}")


@transaction.atomic
def keep(*, member: Member, code: str, actor: Actor, now: datetime) -> InvoiceCarrier:
    """Store the carrier code, instead of an earlier one. Raises CarrierInvalid, WrongStatus."""
    typed = code.strip().upper()
    if not FORM.fullmatch(typed):
        raise CarrierInvalid
    row = locked(member)
    known = InvoiceCarrier.objects.filter(member=row).first()
    if known and known.code == typed:
        return known
    carrier, _new = InvoiceCarrier.objects.update_or_create(
        member=row, defaults={"code": typed, "updated_at": now}
    )
    # The code is as personal as a phone number: the trail says that it changed.
    changes = {"carrier": ["kept" if known else None, "kept"]}
    audit.record(actor=actor, action="member.keep_carrier", subject=row, changes=changes, now=now)
    return carrier


@transaction.atomic
def forget(*, member: Member, actor: Actor, now: datetime) -> bool:
    """Take the code out; False when there was none. Raises WrongStatus."""
    row = locked(member)
    gone = InvoiceCarrier.objects.filter(member=row).delete()[0] > 0
    if gone:
        changes = {"carrier": ["kept", None]}
        audit.record(actor=actor, action="member.forget_carrier", subject=row, changes=changes, now=now)
    return gone
