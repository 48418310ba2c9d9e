"""What a member has agreed to: of each purpose the latest answer counts."""

from __future__ import annotations

from members.models import Consent, Member


def latest_consent(member: Member, purpose: str) -> Consent | None:
    """The answer that counts, given or withdrawn; None when the member was never asked."""
    return Consent.objects.filter(member=member, purpose=purpose).order_by("-at", "-id").first()


def has_consent(member: Member, purpose: str) -> bool:
    """Whether the latest answer is a yes."""
    latest = latest_consent(member, purpose)
    return latest is not None and latest.given


def latest_consents(member: Member) -> dict[str, Consent]:
    """Of each purpose that the member was asked about the answer that counts."""
    rows = Consent.objects.filter(member=member).order_by("purpose", "-at", "-id").distinct("purpose")
    return {row.purpose: row for row in rows}
