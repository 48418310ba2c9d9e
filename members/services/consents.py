"""Consents: answers that are added, never changed. The latest of a purpose counts (I51)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time

from django.db import transaction
from django.utils import timezone

from backoffice.actors import Actor
from backoffice.services import audit
from members.errors import SignedInFuture
from members.models import Consent, Member
from members.selectors.consents import latest_consent
from members.services.rows import locked


@dataclass(frozen=True, slots=True)
class ConsentAnswer:
    """One answer on a form: `purpose` is a ConsentPurpose, `version` that of the text the member saw.

    `signed_on` is the day on a paper form; without it the answer is given now.
    """

    purpose: str
    given: bool
    version: str = ""
    signed_on: date | None = None


@transaction.atomic
def give(
    *,
    member: Member,
    purpose: str,
    version: str,
    source: str,
    actor: Actor,
    now: datetime,
    signed_on: date | None = None,
) -> Consent:
    """Write down a yes. The same yes to the same version again answers the stored one.

    `source` is the Channel it came through, `signed_on` the day on a paper form. Raises WrongStatus unless
    the member is living, SignedInFuture.
    """
    return _answer(member, ConsentAnswer(purpose, True, version, signed_on), source, actor, now)


@transaction.atomic
def withdraw(
    *,
    member: Member,
    purpose: str,
    source: str,
    actor: Actor,
    now: datetime,
    signed_on: date | None = None,
) -> Consent:
    """Write down a no. A second no answers the first. Raises like `give`."""
    return _answer(member, ConsentAnswer(purpose, False, "", signed_on), source, actor, now)


def add_first(member: Member, answers: Iterable[ConsentAnswer], source: str, now: datetime) -> None:
    """The answers of an enrolment, inside its transaction; the enrolment's audit event speaks for them."""
    Consent.objects.bulk_create(
        Consent(
            member=member,
            purpose=answer.purpose,
            given=answer.given,
            version=answer.version,
            source=source,
            at=answered_at(answer.signed_on, now),
        )
        for answer in answers
    )


def answered_at(signed_on: date | None, now: datetime) -> datetime:
    """When an answer counts from: now, or the first instant of the day on the paper.

    The first instant, so that whatever the member himself answered on that day or later stays the last word.
    Raises SignedInFuture.
    """
    if signed_on is None or signed_on == timezone.localdate(now):
        return now
    if signed_on > timezone.localdate(now):
        raise SignedInFuture(day=signed_on.isoformat())
    return timezone.make_aware(datetime.combine(signed_on, time.min))


def _answer(member: Member, answer: ConsentAnswer, source: str, actor: Actor, now: datetime) -> Consent:
    at = answered_at(answer.signed_on, now)
    row = locked(member)
    latest = latest_consent(row, answer.purpose)
    if latest and latest.given == answer.given and answer.version in ("", latest.version):
        return latest
    consent = Consent.objects.create(
        member=row,
        purpose=answer.purpose,
        given=answer.given,
        version=answer.version or (latest.version if latest else ""),
        source=source,
        at=at,
    )
    audit.record(
        actor=actor,
        action="consent.give" if answer.given else "consent.withdraw",
        subject=row,
        changes={answer.purpose: [latest.given if latest else None, answer.given]},
        now=now,
    )
    return consent
