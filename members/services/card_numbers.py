"""Card numbers in use: drawing a free one, and replacing a lost card."""

from __future__ import annotations

import random
from datetime import datetime

from django.db import IntegrityError, transaction

from backoffice.actors import Actor
from backoffice.services import audit
from members.cards import SECURE, new_card_no
from members.errors import ChangedMeanwhile
from members.models import Member, RetiredCard
from members.services.constraints import violated
from members.services.rows import locked, required_reason, write

ATTEMPTS = 5


def free_card_no(rng: random.Random) -> str:
    """A number that no card ever had. Only the unique constraint makes it sure; callers try again."""
    for _attempt in range(ATTEMPTS):
        number = new_card_no(rng)
        if not RetiredCard.objects.filter(card_no=number).exists():
            return number
    raise RuntimeError(f"{ATTEMPTS} retired numbers in a row: is the random source broken?")


@transaction.atomic
def replace_card(
    *,
    member: Member,
    expected_card_no: str,
    reason: str,
    actor: Actor,
    now: datetime,
    rng: random.Random = SECURE,
) -> Member:
    """Give the member a new number; the old one is dead at once and refused with a reason (S29).

    `expected_card_no` is the number that the person looked at: a second click does not kill the card that the
    first one printed, but raises ChangedMeanwhile. Raises WrongStatus, ReasonMissing.
    """
    why = required_reason(reason)
    row = locked(member)
    old = row.card_no
    if old != expected_card_no:
        raise ChangedMeanwhile()
    RetiredCard.objects.create(card_no=old, member=row, retired_at=now, reason=why[:200])
    for _attempt in range(ATTEMPTS):
        try:
            with transaction.atomic():
                write(row, {"card_no": free_card_no(rng)}, now)
            break
        except IntegrityError as error:
            if "card_no" not in violated(error):
                raise
    else:
        raise RuntimeError(f"no free card number after {ATTEMPTS} attempts")
    audit.record(
        actor=actor,
        action="member.replace_card",
        subject=row,
        changes={"card_no": [_end(old), _end(row.card_no)]},
        reason=why,
        now=now,
    )
    return row


def _end(card_no: str) -> str:
    """The trail outlives an erasure: only the last four digits go there."""
    return f"************{card_no[-4:]}"
