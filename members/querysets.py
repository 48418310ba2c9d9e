"""The vocabulary of member lists. `visible_to` fails closed."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Q

from backoffice.choices import Reach
from members.choices import LIVING

if TYPE_CHECKING:
    from backoffice.models import User


class MemberQuerySet(models.QuerySet[Any]):
    def living(self) -> MemberQuerySet:
        """Members who own their phone number: active and frozen ones."""
        return self.filter(status__in=LIVING)

    def visible_to(self, user: User) -> MemberQuerySet:
        """Members of the group are served in every store; a brand's own only by that brand's people."""
        if not user.is_active:
            return self.none()
        if user.reach == Reach.GROUP:
            return self
        if user.reach == Reach.BRAND:
            return self.filter(Q(brand=None) | Q(brand=user.brand_id)) if user.brand_id else self.none()
        if user.reach == Reach.STORES:
            brands = user.brand_ids()
            return self.filter(Q(brand=None) | Q(brand__in=brands)) if brands else self.none()
        return self.none()


class TagQuerySet(models.QuerySet[Any]):
    def living(self) -> TagQuerySet:
        """Tags that were not merged into another."""
        return self.filter(merged_into=None)

    def active_on(self, day: date) -> TagQuerySet:
        """Living tags that still say something on `day`."""
        return self.living().filter(Q(expires_on=None) | Q(expires_on__gte=day))
