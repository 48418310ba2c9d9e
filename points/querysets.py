"""The vocabulary of accounts and lots."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import F, Q

from members.models import Member

if TYPE_CHECKING:
    from backoffice.models import User


class AccountQuerySet(models.QuerySet[Any]):
    def visible_to(self, user: User) -> AccountQuerySet:
        """Accounts of members whom the user may see."""
        if user.is_active and user.reach == "group":
            return self
        return self.filter(member__in=Member.objects.visible_to(user))


class LotQuerySet(models.QuerySet[Any]):
    def live(self) -> LotQuerySet:
        """Lots with points left, in the order in which they are used: first to expire, then older."""
        return self.filter(remaining__gt=0).order_by(F("expires_at").asc(nulls_last=True), "entry_id")

    def usable_at(self, now: datetime) -> LotQuerySet:
        return self.live().filter(Q(expires_at=None) | Q(expires_at__gt=now))

    def expiring_between(self, start: datetime, end: datetime) -> LotQuerySet:
        """Lots whose last day ends in the half-open period [start, end)."""
        return self.live().filter(expires_at__gte=start, expires_at__lt=end)
