"""The vocabulary of what tills and services told. `visible_to` fails closed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models

from backoffice.models import Brand, Store

if TYPE_CHECKING:
    from backoffice.models import User


class OfStoreQuerySet(models.QuerySet[Any]):
    """Rows that happened at a store."""

    def visible_to(self, user: User) -> OfStoreQuerySet:
        """Those of the stores within the user's reach."""
        return self.filter(store__in=Store.objects.visible_to(user))


class OfBrandQuerySet(models.QuerySet[Any]):
    """Rows that belong to a brand."""

    def visible_to(self, user: User) -> OfBrandQuerySet:
        """Those of the brands within the user's reach."""
        return self.filter(brand__in=Brand.objects.visible_to(user))
