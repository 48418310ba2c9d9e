"""How a member shows that it is he: a code on his phone before large spending, an answer only he knows."""

from __future__ import annotations

import unicodedata
from datetime import datetime, timedelta

from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction

from backoffice.actors import Actor
from backoffice.services import audit, limits
from members.choices import CodePurpose
from members.errors import AnswerMissing, NoSecurityQuestion
from members.models import Member, SecurityAnswer, StepUp
from members.services import codes
from members.services.rows import locked

TRIES, WINDOW = 5, timedelta(hours=1)
SHORTEST = 2


@transaction.atomic
def step_up(*, member: Member, challenge: str, code: str, actor: Actor, now: datetime) -> StepUp:
    """Write down that the member proved himself by a code of purpose `spend`. Raises CodeWrong, WrongStatus.

    The caller has burnt an attempt (`codes.burn_attempt`) before.
    """
    codes.redeem(challenge=challenge, code=code, purpose=CodePurpose.SPEND, now=now, member=member)
    row = locked(member)
    proof = StepUp.objects.create(member=row, at=now)
    audit.record(actor=actor, action="member.step_up", subject=row, now=now)
    return proof


@transaction.atomic
def keep_answer(
    *, member: Member, question: str, answer: str, challenge: str, code: str, actor: Actor, now: datetime
) -> SecurityAnswer:
    """Store question and answer in place of earlier ones, proven by a code of purpose `answer`: whoever holds
    the phone for a minute must not give himself a proof that the counter believes.

    The caller has burnt an attempt (`codes.burn_attempt`) before. Raises AnswerMissing, CodeWrong,
    WrongStatus.
    """
    question = question.strip()
    if not question or len(_plain(answer)) < SHORTEST:
        raise AnswerMissing
    codes.redeem(challenge=challenge, code=code, purpose=CodePurpose.ANSWER, now=now, member=member)
    row = locked(member)
    kept, _new = SecurityAnswer.objects.update_or_create(
        member=row,
        defaults={"question": question, "answer_hash": make_password(_plain(answer)), "updated_at": now},
    )
    audit.record(actor=actor, action="member.keep_answer", subject=row, now=now)
    return kept


@transaction.atomic
def test_answer(*, member: Member, answer: str, actor: Actor, now: datetime) -> bool:
    """Whether the answer is the stored one: letters of any width and case, blanks aside. Each test counts.

    Raises NoSecurityQuestion, WrongStatus, LimitReached after TRIES tests of one member within WINDOW.
    """
    row = locked(member)
    kept = SecurityAnswer.objects.filter(member=row).first()
    if kept is None:
        raise NoSecurityQuestion
    bucket = limits.bucket_of("security_answer", str(row.pk))
    limits.take_sliding(bucket=bucket, limit=TRIES, window=WINDOW, now=now)
    matches = check_password(_plain(answer), kept.answer_hash)
    told = {"matches": [None, matches]}
    audit.record(actor=actor, action="member.test_answer", subject=row, changes=told, now=now)
    return matches


def _plain(answer: str) -> str:
    return "".join(unicodedata.normalize("NFKC", answer).casefold().split())
