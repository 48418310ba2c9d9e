"""The vocabulary of scope. Every `visible_to` fails closed: an unknown reach sees nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models

from backoffice.choices import Reach

if TYPE_CHECKING:
    from backoffice.models import User


class BrandQuerySet(models.QuerySet[Any]):
    def visible_to(self, user: User) -> BrandQuerySet:
        """Brands within the user's reach."""
        if not user.is_active:
            return self.none()
        if user.reach == Reach.GROUP:
            return self
        if user.reach == Reach.BRAND:
            return self.filter(pk=user.brand_id)
        if user.reach == Reach.STORES:
            return self.filter(stores__staff=user).distinct()
        return self.none()


class StoreQuerySet(models.QuerySet[Any]):
    def visible_to(self, user: User) -> StoreQuerySet:
        """Stores within the user's reach."""
        if not user.is_active:
            return self.none()
        if user.reach == Reach.GROUP:
            return self
        if user.reach == Reach.BRAND:
            return self.filter(brand_id=user.brand_id)
        if user.reach == Reach.STORES:
            return self.filter(staff=user)
        return self.none()
