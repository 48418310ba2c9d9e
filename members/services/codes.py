"""One-time codes: asked for, sent through the outbox, tried at most five times, used once.

Asking looks at no member: known and unknown phones take the same way and get the same answer (T10).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import translation
from django.utils.translation import gettext as _

from backoffice.services import limits, outbox
from members.choices import CodePurpose
from members.errors import CodeWrong, SmsUnavailable, TooManyAttempts
from members.models import Member, OneTimeCode
from members.models.sign_in import MOST_ATTEMPTS
from members.phones import normalise_phone
from members.services import code_limits, text_messages
from members.services.secrets_of_rows import code_hash, code_of, new_nonce, same

LIFE = timedelta(minutes=10)
TOPIC = "sms.code"
RESEND_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Asked:
    """What whoever asked may know: the challenge to answer, until when, and when he may ask again."""

    challenge: str
    expires_at: datetime

    def as_json(self) -> dict[str, Any]:
        return {
            "challenge_id": self.challenge,
            "expires_at": self.expires_at.isoformat(),
            "resend_after_seconds": RESEND_SECONDS,
        }


@transaction.atomic
def ask(
    *, phone: str, purpose: CodePurpose, neighbourhood: str, now: datetime, member: Member | None = None
) -> Asked:
    """Queue a code to `phone` for one purpose; an earlier one for the same purpose is dead from now on.

    `member` is whose act it is to confirm; codes for entering belong to nobody yet. Raises InvalidPhone,
    CountryNotServed, LimitReached, and SmsUnavailable when no provider is connected.
    """
    number = normalise_phone(phone)
    code_limits.check_country(number)
    if not text_messages.is_connected():
        raise SmsUnavailable
    # The phone's counter row is locked here: two asks for one phone come one after the other.
    code_limits.take_for_asking(phone=number, neighbourhood=neighbourhood, now=now)
    live = OneTimeCode.objects.filter(phone=number, purpose=purpose, used_at=None, replaced_at=None)
    live.update(replaced_at=now)
    nonce = new_nonce()
    row = OneTimeCode.objects.create(
        challenge=new_nonce(),
        nonce=nonce,
        purpose=purpose.value,
        phone=number,
        member=member,
        language=translation.get_language() or settings.LANGUAGE_CODE,
        code_hash=code_hash(nonce, code_of(nonce)),
        created_at=now,
        expires_at=now + LIFE,
    )
    outbox.publish(topic=TOPIC, subject_id=row.pk, payload={"code": row.pk})
    return Asked(row.challenge, row.expires_at)


def burn_attempt(*, challenge: str, now: datetime) -> None:
    """Use up one attempt at a challenge, and commit that, before anybody compares anything.

    Raises CodeWrong for a challenge that is unknown, used, replaced or over, TooManyAttempts after the fifth,
    LimitReached when this phone's codes have been guessed at too often.
    """
    row = OneTimeCode.objects.filter(challenge=challenge).only("phone").first()
    if row is None:
        raise CodeWrong
    with transaction.atomic(durable=True):
        code_limits.take_for_guessing(phone=row.phone, now=now)
        live = OneTimeCode.objects.filter(
            challenge=challenge, used_at=None, replaced_at=None, expires_at__gt=now
        )
        if live.filter(attempts__lt=MOST_ATTEMPTS).update(attempts=F("attempts") + 1):
            return
        worn_out = live.exists()
    raise TooManyAttempts if worn_out else CodeWrong


@transaction.atomic
def redeem(
    *, challenge: str, code: str, purpose: CodePurpose, now: datetime, member: Member | None = None
) -> OneTimeCode:
    """The code's row, used from now on, when `code` is right. `burn_attempt` has come before.

    Raises CodeWrong, also for a challenge of another purpose or of another member.
    """
    row = OneTimeCode.objects.select_for_update().filter(challenge=challenge, purpose=purpose).first()
    if row is None or row.used_at or row.replaced_at or row.expires_at <= now or not row.attempts:
        raise CodeWrong
    if row.member_id != (member.pk if member else None):
        raise CodeWrong
    if not same(code_hash(row.nonce, code), row.code_hash):
        raise CodeWrong
    row.used_at = now
    row.save(update_fields=["used_at"])
    return row


def send(*, payload: Mapping[str, Any], now: datetime) -> bool:
    """Carry one code to the provider, for the outbox; False when it is of no use any more."""
    row = OneTimeCode.objects.filter(pk=payload["code"]).first()
    if row is None or row.used_at or row.replaced_at or row.expires_at <= now:
        return False
    minutes = int(LIFE.total_seconds() // 60)
    with translation.override(row.language):
        text = _("Your code is %(code)s. It is valid for %(minutes)s minutes. Tell it to nobody.") % {
            "code": code_of(row.nonce),
            "minutes": minutes,
        }
    text_messages.port().send(text_messages.TextMessage(row.phone, text, f"code-{row.pk}"))
    OneTimeCode.objects.filter(pk=row.pk).update(sent_at=now)
    return True


@transaction.atomic
def forget_old(*, now: datetime) -> int:
    """Delete codes that have been over for two days (they name phones of people who may be no members), and
    counters in which nothing was counted for two days; how many codes there were.
    """
    over = now - timedelta(days=2)
    limits.forget_old(before=over)
    return OneTimeCode.objects.filter(expires_at__lt=over).delete()[0]
