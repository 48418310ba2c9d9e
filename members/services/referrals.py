"""Referral codes (S14): one of each member, stable, and the fact of who brought whom."""

from __future__ import annotations

import random
import unicodedata
from datetime import datetime

from django.db import IntegrityError, transaction

from backoffice.actors import Actor
from backoffice.services import audit
from members.cards import SECURE
from members.choices import MemberStatus
from members.errors import NoSuchReferralCode
from members.models import Member, Referral, ReferralCode
from members.selectors.lineage import survivor

# Without look-alikes: codes are read out over a counter.
ALPHABET = "ABCDEFGHJKMNPQRSTVWXYZ23456789"
LENGTH = 8
ATTEMPTS = 5


def code_of(*, member: Member, rng: random.Random = SECURE) -> str:
    """The member's code, drawn when somebody asks for it first. Two at once: both get the same."""
    for _attempt in range(ATTEMPTS):
        known = ReferralCode.objects.filter(member=member).first()
        if known:
            return known.code
        code = "".join(rng.choice(ALPHABET) for _place in range(LENGTH))
        try:
            with transaction.atomic():
                ReferralCode.objects.create(member=member, code=code)
        except IntegrityError:
            continue
        return code
    raise RuntimeError(f"no free referral code after {ATTEMPTS} attempts")


def owner_of(*, code: str) -> Member:
    """The active member whose code it is, typed in any case and width, with or without blanks.

    Raises NoSuchReferralCode.
    """
    typed = "".join(unicodedata.normalize("NFKC", code).split()).upper()
    found = ReferralCode.objects.select_related("member").filter(code=typed).first()
    owner = survivor(found.member) if found else None
    if owner is None or owner.status != MemberStatus.ACTIVE:
        raise NoSuchReferralCode
    return owner


@transaction.atomic
def refer(*, member: Member, referrer: Member, actor: Actor, now: datetime) -> Referral:
    """Write down who brought `member`; the first answer stays for ever."""
    referral, new = Referral.objects.get_or_create(member=member, defaults={"referrer": referrer, "at": now})
    if new:
        changes = {"referrer": [None, referrer.pk]}
        audit.record(actor=actor, action="member.refer", subject=member, changes=changes, now=now)
    return referral
