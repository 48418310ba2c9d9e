"""Consents: answers that are added, never changed. The latest of a purpose counts (I51)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from backoffice.actors import Actor
from backoffice.services import audit
from members.models import Consent, Member
from members.selectors.consents import latest_consent
from members.services.rows import locked


@dataclass(frozen=True, slots=True)
class ConsentAnswer:
    """One answer on a form: `purpose` is a ConsentPurpose, `version` that of the text the member saw."""

    purpose: str
    given: bool
    version: str = ""


@transaction.atomic
def give(*, member: Member, purpose: str, version: str, source: str, actor: Actor, now: datetime) -> Consent:
    """Write down a yes. The same yes to the same version again answers the stored one.

    `source` is the Channel it came through. Raises WrongStatus unless the member is living.
    """
    return _answer(member, ConsentAnswer(purpose, True, version), source, actor, now)


@transaction.atomic
def withdraw(*, member: Member, purpose: str, source: str, actor: Actor, now: datetime) -> Consent:
    """Write down a no. A second no answers the first. Raises WrongStatus unless the member is living."""
    return _answer(member, ConsentAnswer(purpose, False), source, actor, now)


def add_first(member: Member, answers: Iterable[ConsentAnswer], source: str, now: datetime) -> None:
    """The answers of an enrolment, inside its transaction; the enrolment's audit event speaks for them."""
    Consent.objects.bulk_create(
        Consent(
            member=member,
            purpose=answer.purpose,
            given=answer.given,
            version=answer.version,
            source=source,
            at=now,
        )
        for answer in answers
    )


def _answer(member: Member, answer: ConsentAnswer, source: str, actor: Actor, now: datetime) -> Consent:
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
        at=now,
    )
    audit.record(
        actor=actor,
        action="consent.give" if answer.given else "consent.withdraw",
        subject=row,
        changes={answer.purpose: [latest.given if latest else None, answer.given]},
        now=now,
    )
    return consent
