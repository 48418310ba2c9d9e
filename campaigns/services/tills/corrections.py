"""A till asks the desk to correct points. It never corrects by itself: a person looks, and acts in his own
name.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from campaigns.choices import TillItemKind, TillItemReason
from campaigns.models import TillItem
from campaigns.services.tills import inbox, points_parts
from campaigns.services.tills.customers import by_card
from campaigns.services.tills.till import Till


@transaction.atomic
def ask(
    *, till: Till, number: str, card: str, points: int, reason: str, note: str, program: str, now: datetime
) -> TillItem:
    """Put a request of `points` (signed) into the inbox; told again under its number, the stored one.

    Raises what `by_card` raises, NoSuchProgram, ToldDifferently.
    """
    code = points_parts.program_of(brand_id=till.brand_id, code=program).code
    told = {"points": points, "reason": reason, "note": note, "program": code}
    known = inbox.known(till=till, kind=TillItemKind.CORRECTION, number=number, told=told)
    if known is not None:
        return known
    member = by_card(till=till, card=card, now=now).member
    return inbox.store(
        till=till,
        kind=TillItemKind.CORRECTION,
        number=number,
        member_id=member.pk,
        reason=TillItemReason.ASKED,
        told=told,
        occurred_at=now,
        now=now,
    )
