"""Whether a member may be served, and what he has to do first."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings

from members.choices import ConsentPurpose
from members.models import Member, PhoneChange
from members.selectors.consents import latest_consent

STEP_UP_LASTS = timedelta(hours=24)


def accepted_terms(member: Member) -> str:
    """The version of the terms that the member has agreed to; empty when he never did, or took it back."""
    latest = latest_consent(member, ConsentPurpose.TERMS.value)
    return latest.version if latest and latest.given else ""


def must_accept_terms(member: Member) -> bool:
    """Whether the terms have changed since: before the next redemption he has to agree again (S21)."""
    return accepted_terms(member) != settings.MEMBERSHIP_TERMS_VERSION


def step_up_until(member: Member, now: datetime) -> datetime | None:
    """Until when large spending asks for a second proof, as the phone changed (T6); None: it does not."""
    latest = PhoneChange.objects.filter(member=member, at__gt=now - STEP_UP_LASTS).order_by("-at").first()
    return latest.at + STEP_UP_LASTS if latest else None
