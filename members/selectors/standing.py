"""Whether a member may be served, and what he has to do first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from members.choices import ConsentPurpose
from members.models import Member, MembershipTerms, PhoneChange, StepUp
from members.selectors.consents import latest_consent

# After a change of phone, and how long one proof then serves.
STEP_UP_LASTS = timedelta(hours=24)
PROOF_LASTS = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Terms:
    """`must_accept`: who agreed to another version does not spend points before he agrees to this one."""

    version: str
    url: str
    must_accept: bool


def terms_in_force(now: datetime) -> Terms:
    """The latest version whose time has come; those of the settings while no version is stored."""
    row = MembershipTerms.objects.filter(effective_from__lte=now).order_by("-effective_from").first()
    if row is None:
        return Terms(settings.MEMBERSHIP_TERMS_VERSION, settings.MEMBERSHIP_TERMS_URL, must_accept=False)
    return Terms(row.version, row.url, row.must_accept)


def accepted_terms(member: Member) -> str:
    """The version of the terms that the member has agreed to; empty when he never did, or took it back."""
    latest = latest_consent(member, ConsentPurpose.TERMS.value)
    return latest.version if latest and latest.given else ""


def must_accept_terms(member: Member, now: datetime) -> bool:
    """Whether the terms have changed since he agreed (S21)."""
    return accepted_terms(member) != terms_in_force(now).version


def unaccepted_terms(member: Member, now: datetime) -> Terms | None:
    """The terms that keep the member from spending until he agrees to them; None: nothing does."""
    terms = terms_in_force(now)
    return terms if terms.must_accept and accepted_terms(member) != terms.version else None


def step_up_until(member: Member, now: datetime) -> datetime | None:
    """Until when large spending asks for a second proof, as the phone changed (T6); None: it does not."""
    latest = PhoneChange.objects.filter(member=member, at__gt=now - STEP_UP_LASTS).order_by("-at").first()
    return latest.at + STEP_UP_LASTS if latest else None


def must_step_up(member: Member, now: datetime) -> datetime | None:
    """Like `step_up_until`, and None as well within PROOF_LASTS of a proof that came after the change."""
    until = step_up_until(member, now)
    if until is None:
        return None
    changed = until - STEP_UP_LASTS
    proofs = StepUp.objects.filter(member=member, at__gt=max(changed, now - PROOF_LASTS), at__lte=now)
    return None if proofs.exists() else until


def unproven_since(member: Member, until: datetime, now: datetime) -> datetime:
    """Since when spending counts as not proven, for a `must_step_up` of `until`.

    That is the change of phone, or the end of the last proof after it.
    """
    changed = until - STEP_UP_LASTS
    proof = StepUp.objects.filter(member=member, at__gt=changed, at__lte=now).order_by("-at").first()
    return proof.at + PROOF_LASTS if proof else changed
