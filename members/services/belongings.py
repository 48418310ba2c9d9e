"""What goes with the person when he is merged, erased or asks for his data: devices, codes, carrier,
referral.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from backoffice.actors import Actor
from members.models import InvoiceCarrier, Member, MemberSession, OneTimeCode, ReferralCode, SecurityAnswer
from members.services import sessions


@transaction.atomic
def hand_over(*, duplicate: Member, survivor: Member, actor: Actor, now: datetime) -> None:
    """The duplicate's devices are signed out; his carrier serves the survivor who has none. His referral code
    goes on leading to the survivor.
    """
    sessions.revoke_all_of(member=duplicate, why="merged", actor=actor, now=now)
    if InvoiceCarrier.objects.filter(member=survivor).exists():
        InvoiceCarrier.objects.filter(member=duplicate).delete()
    else:
        InvoiceCarrier.objects.filter(member=duplicate).update(member=survivor)


@transaction.atomic
def take_out(*, member: Member, actor: Actor, now: datetime) -> None:
    """Before an erasure: devices are signed out and lose their names, codes and belongings go."""
    sessions.revoke_all_of(member=member, why="erased", actor=actor, now=now)
    MemberSession.objects.filter(member=member).update(device_name="")
    OneTimeCode.objects.filter(member=member).delete()
    if member.phone:
        OneTimeCode.objects.filter(phone=member.phone).delete()
    InvoiceCarrier.objects.filter(member=member).delete()
    SecurityAnswer.objects.filter(member=member).delete()
    ReferralCode.objects.filter(member=member).delete()


def exported(*, member: Member) -> dict[str, Any]:
    """JSON values for the member himself."""
    carrier = InvoiceCarrier.objects.filter(member=member).first()
    code = ReferralCode.objects.filter(member=member).first()
    return {
        "security_question": SecurityAnswer.objects.filter(member=member)
        .values_list("question", flat=True)
        .first(),
        "invoice_carrier": carrier.code if carrier else "",
        "referral_code": code.code if code else "",
        "referred_members": member.referred.count(),
        "phone_changes": [change.at.isoformat() for change in member.phone_changes.order_by("at")],
        "devices": [
            {
                "name": session.device_name,
                "signed_in": session.created_at.isoformat(),
                "last_used": session.last_used_at.isoformat(),
                "ended": session.revoked_at.isoformat() if session.revoked_at else None,
            }
            for session in member.sessions.order_by("id")
        ],
    }
