"""What keeps a member from paying with points until he has done something himself."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.conf import settings
from django.utils import timezone
from django.utils.formats import date_format

from campaigns.errors import StepUpNeeded, TermsNotAccepted
from members.models import Member
from members.selectors.standing import must_step_up, unaccepted_terms


def check_may_pay(*, member: Member, worth: Decimal, now: datetime) -> None:
    """Whether points worth NT$ `worth` may be spent now. Raises TermsNotAccepted, StepUpNeeded."""
    terms = unaccepted_terms(member, now)
    if terms is not None:
        raise TermsNotAccepted(version=terms.version, url=terms.url)
    if worth <= settings.STEP_UP_ABOVE_TWD:
        return
    until = must_step_up(member, now)
    if until is not None:
        shown = date_format(timezone.localtime(until), "H:i")
        raise StepUpNeeded(until=shown, most=f"{settings.STEP_UP_ABOVE_TWD:,}")
