"""What keeps a member from paying with points until he has done something himself."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.conf import settings
from django.utils import timezone
from django.utils.formats import date_format

from campaigns.errors import StepUpNeeded, TermsNotAccepted
from campaigns.services.tills.points_parts import worth_since
from members.models import Member
from members.selectors.standing import must_step_up, unaccepted_terms, unproven_since


def check_may_pay(*, member: Member, now: datetime) -> None:
    """Whether what was just set aside or spent may be; called after the ledger has locked the account.

    What is spent without a proof adds up, or a thief would spend it in pieces (T6).
    Raises TermsNotAccepted, StepUpNeeded.
    """
    terms = unaccepted_terms(member, now)
    if terms is not None:
        raise TermsNotAccepted(version=terms.version, url=terms.url)
    until = must_step_up(member, now)
    if until is None:
        return
    worth: Decimal = worth_since(member_id=member.pk, since=unproven_since(member, until, now), now=now)
    if worth > settings.STEP_UP_ABOVE_TWD:
        shown = date_format(timezone.localtime(until), "H:i")
        raise StepUpNeeded(until=shown, most=f"{settings.STEP_UP_ABOVE_TWD:,}")
